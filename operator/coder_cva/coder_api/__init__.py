"""The adapter to Coder's own API: it only reads, within bounds, and says itself what it could not see.

Lives here: one small HTTP client, and which requests make up a look.
May be imported: snapshot, values; outside of us aiohttp, orjson.
Never belongs here: deciding anything; the token beyond the look that was given it; Kubernetes.
Read first: client.py, then reading.py.
"""
