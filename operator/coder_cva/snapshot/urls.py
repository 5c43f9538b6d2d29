"""URLs of Coder as they are written: the host and port that is dialled, and whether it is in the cluster."""

from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"http": 80, "https": 443}


def outside(url: str | None, namespace: str) -> tuple[str, int] | None:
    """The address of a URL that leads out of the cluster."""
    where = address(url)
    if where is None or is_inside(where[0].partition("://")[2], namespace):
        return None
    return where


def address(url: str | None) -> tuple[str, int] | None:
    """Scheme with host, and port, of what can be read as a URL."""
    try:
        parts = urlsplit(url or "")
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return (f"{parts.scheme}://{host}", port) if port else None


def is_inside(host: str, namespace: str) -> bool:
    """Whether a host is the name of a Service, in one of the ways in which Pods may write it."""
    name, _, rest = host.partition(".")
    short = name == host or rest == namespace
    return short or host.endswith(".svc") or ".svc." in host
