"""Connections in use as classes: in words that stay the same while workspaces come, go and start anew.

A template makes a Service for each workspace, alike but for its names. So of the labels by which a Service
chooses those that are one workspace's own count by their keys; what remains is the port, the sort of thing
that leads there, and the namespace.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from coder_cva.desired.pod_ports import Port, told
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.records import Labels

OF_ONE_WORKSPACE: Final = frozenset(
    {
        "app.kubernetes.io/instance",
        "com.coder.user.id",
        "com.coder.user.username",
        "com.coder.workspace.id",
        "com.coder.workspace.name",
    }
)
"""Labels of Coder's templates whose values are a workspace's, or its user's, own."""
_LEAST: Final = 3
"""Characters of a name that tell something when they are found in another one."""


def place(namespace: str) -> str:
    """The class of all workspaces of a namespace."""
    return f"workspaces in {namespace}"


def of_service(
    namespace: str, selector: Labels, ports: tuple[Port, ...], led: Iterable[Workspace]
) -> str:
    """The class of a Service: its port, and by what it chooses."""
    those = tuple(led)
    by = ", ".join(
        key if key in OF_ONE_WORKSPACE or _is_own(value, those) else f"{key}={value}"
        for key, value in sorted(selector.items())
    )
    return f"Services to {_where(ports)} of workspaces in {namespace}, chosen by {by}"


def of_pods(namespace: str, what: str, ports: tuple[Port, ...]) -> str:
    """The class of what Pods say of themselves: a scrape annotation, a port of their node."""
    return f"{what} to {_where(ports)} of workspaces in {namespace}"


def generalised(words: str, labels: Mapping[str, str]) -> str:
    """The same words with a star for what is one workspace's own."""
    own = {labels[key] for key in OF_ONE_WORKSPACE & labels.keys() if len(labels[key]) >= _LEAST}
    for name in sorted(own, key=lambda one: (-len(one), one)):
        words = words.replace(name, "*")
    return words


def _is_own(value: str, led: tuple[Workspace, ...]) -> bool:
    """Whether a label's value is one workspace's: it holds a name of it, or its Pod's name begins so."""
    return bool(led) and all(_names_it(value, one) for one in led)


def _names_it(value: str, workspace: Workspace) -> bool:
    meta = workspace.pod.meta
    own = (meta.labels[key] for key in OF_ONE_WORKSPACE & meta.labels.keys())
    return meta.name.startswith(f"{value}-") or any(
        len(one) >= _LEAST and one in value for one in own
    )


def _where(ports: tuple[Port, ...]) -> str:
    return f"port {told(ports)}" if ports else "every port"
