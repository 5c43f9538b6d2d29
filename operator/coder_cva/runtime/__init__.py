"""The running process: who is due, who may write, what is served on the port, what ends when.

Lives here: the queue of wake-ups, the worker, the operator's settings, the HTTP endpoints.
May be imported: reconcile, kube, telemetry and everything below; asyncio and the clock.
Never belongs here: kopf (handlers), deciding anything about a cluster.
Read first: operator.py.
"""
