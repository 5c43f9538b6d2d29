"""The only code that decides to write: dry-run, compare, write what differs, sweep what is no longer wanted.

Lives here: the apply engine, its memory of what is settled, contested fields, the sweep.
May be imported: ports, desired, values; never a client library, a clock or the environment.
Never belongs here: how an object should look (desired) and how a request is sent (kube).
Read first: engine.py.
"""
