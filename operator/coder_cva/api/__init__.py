"""What the user writes and reads: the contract of the CoderDeployment, and its CRD.

Lives here: frozen models of the resource by API version, their validations, the schema made from them.
May be imported: values; pydantic and yaml. Nothing else of ours, no client, no clock, no environment.
Never belongs here: what follows from a spec (sizing, desired) and what is seen in a cluster (snapshot).
Read first: v1alpha1/spec.py, then validation.py.
"""
