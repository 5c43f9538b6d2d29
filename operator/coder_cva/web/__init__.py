"""Pages of others on the internet: asked whether they answer, never what they say.

Lives here: the one client that speaks with strangers, and which addresses it may speak with.
May be imported: snapshot, values; outside of us aiohttp.
Never belongs here: credentials of any kind; a proxy's or the cluster's own addresses; deciding what an answer means.
Read first: addresses.py, then visits.py.
"""
