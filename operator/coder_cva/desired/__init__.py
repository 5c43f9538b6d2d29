"""What the cluster should hold for one CoderDeployment: a spec and a world in, objects out.

Lives here: one pure builder file for each family of objects; "none" is a legal answer.
May be imported: snapshot, sizing, api, catalogue, values.
Never belongs here: writing, comparing with the live object, a clock.
Read first: plan.py, then render.py.
"""
