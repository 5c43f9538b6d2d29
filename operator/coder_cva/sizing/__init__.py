"""A spec in, the figures that follow from it out: rules and the desired objects use both.

Lives here: the choice of a tier, and the size of coderd, its database and its provisioners, with the arithmetic
in words; where the architecture contradicts itself, by the rule that the spec chose.
May be imported: api, catalogue, values.
Never belongs here: anything that was seen in a cluster.
Read first: size.py.
"""
