"""`make demo` and `make run`: the operator at work, told to a person who watches.

Lives here: the scenes, what they print, the operator as a process that outlives the command.
May be imported: harness and support.
Never belongs here: claims that a test should hold.
Read first: play.py.
"""
