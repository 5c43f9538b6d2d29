"""`make bench`: what the operator costs and how quick it is, as figures.

Lives here: one measurement a file, the machine's facts, the table and build/bench.json.
May be imported: harness and support.
Never belongs here: assertions on the figures; a slow machine is no failure.
Read first: __main__.py, figures.py.
"""
