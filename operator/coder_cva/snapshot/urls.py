"""URLs of Coder as they are written: the host and port that is dialled, and whether it is in the cluster."""

from collections.abc import Container
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


def service_named(host: str, namespace: str, namespaces: Container[str]) -> tuple[str, str] | None:
    """Namespace and name of the Service that a host names, in one of the ways in which Pods may write it.

    ``namespaces`` are those of the cluster: of two labels the second one is a namespace, or a domain.
    """
    labels = host.split(".")
    if len(labels) == 1:
        return (namespace, host) if host and ":" not in host else None
    is_whole = len(labels) > 2 and labels[2] == "svc"
    is_short = len(labels) == 2 and labels[1] in namespaces
    return (labels[1], labels[0]) if is_whole or is_short else None


def is_inside(host: str, namespace: str) -> bool:
    """Whether a host is the name of a Service, in one of the ways in which Pods may write it."""
    name, _, rest = host.partition(".")
    short = name == host or rest == namespace
    return short or host.endswith(".svc") or ".svc." in host
