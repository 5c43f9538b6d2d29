"""The command line: run the operator, generate the files that are generated.

Lives here: argument parsing, exit codes.
May be imported: everything but kopf's handlers' insides.
Never belongs here: logic that a test could not reach without a terminal.
Read first: main.py.
"""
