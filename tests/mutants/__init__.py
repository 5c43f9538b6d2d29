"""`make mutants`: whether the tests would notice if the code said something else.

Lives here: which code is changed and which tests must fail then, one run, the score, and the changes that no
test can notice, with the reason. cosmic-ray makes the changes, in a copy of the tree.
May be imported: nothing.
Never belongs here: tests; what a survivor shows to be missing is written where it belongs.
Read first: areas.py, then equivalent.yaml.
"""
