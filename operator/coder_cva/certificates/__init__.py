"""The webhook's certificates: which ones there should be now, made where they are not.

Lives here: X.509 out of the ``cryptography`` package, which lives here only.
May be imported: values.
Never belongs here: where they are kept and who may write them; that is runtime's.
Read first: chain.py.
"""
