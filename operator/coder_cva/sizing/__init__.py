"""A spec in, the figures that follow from it out: rules and the desired objects use both.

Lives here: the choice of a tier, and coderd's replicas, CPU and memory, with the arithmetic in words.
May be imported: api, catalogue, values.
Never belongs here: anything that was seen in a cluster.
Read first: size.py.
"""
