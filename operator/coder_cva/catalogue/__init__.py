"""The Coder Validated Architecture itself, as data by edition, with its sources.

Lives here: the reference architectures, the clauses with why they matter, the sentences that ask for them, and
the models that all of them are read into.
May be imported: values; pydantic and yaml. Nothing else of ours.
Never belongs here: what follows from the figures for one deployment (sizing) and judging (rules).
Read first: data/2026/architectures.yaml, then model.py.
"""
