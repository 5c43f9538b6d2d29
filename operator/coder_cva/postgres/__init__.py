"""The adapter to the database: one look at one server, within a bounded time.

Lives here: everything that opens a socket to PostgreSQL; how its refusals are called by our own words.
May be imported: values, snapshot; outside of us asyncpg, which lives here only.
Never belongs here: deciding anything; a write; a text in which the server or the driver had a say.
Read first: probe.py, then greeting.py, then faults.py.
"""
