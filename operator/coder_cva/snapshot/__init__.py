"""The observed world as one frozen value, and what is recognised in it.

Lives here: records of watched objects, how raw objects become them, discovery of Coder's parts.
May be imported: values, api; never a client, a clock or the environment.
Never belongs here: reading (kube does that) and judging (rules do that).
Read first: model.py, then world.py.
"""
