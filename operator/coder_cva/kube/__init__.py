"""The adapters to the API server: one connection, the reflectors, the writer, the Lease.

Lives here: everything that opens a socket to Kubernetes; it implements the protocols of ports.py.
May be imported: ports, snapshot, values; outside of us kubernetes, aiohttp, orjson.
Never belongs here: deciding anything; kopf; a Secret's value beyond the request that fetched it.
Read first: connection.py, then reflector.py, then writer.py.
"""
