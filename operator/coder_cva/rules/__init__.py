"""The law: one pure function for each clause that is judged, and the engine that asks them all.

Lives here: the engine, the registry, one file of rules for each chapter of the architecture.
May be imported: desired (how far a rule is enforced), snapshot, sizing, api, catalogue, values.
Never belongs here: reading, writing, a clock; a chapter that imports another one.
Read first: model.py, then chapters/node_pools.py.
"""
