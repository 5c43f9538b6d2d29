"""The API server's expression language, as far as our own admission policies use it.

Lives here: text into a tree, a tree into a function, a policy's spec into a verdict on one object.
May be imported: values.
Never belongs here: what a policy says; that is in desired, once, for the API server and for us.
Read first: policy.py.
"""
