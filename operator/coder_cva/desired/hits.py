"""Connections in use as classes: in words that stay the same while workspaces come, go and start anew.

A template makes a Service for each workspace, alike but for its names. So of the labels by which a Service
chooses those that are one workspace's own count by their keys; what remains is the port, the sort of thing
that leads there, and the namespace.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from coder_cva.desired.pod_ports import Port
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


@dataclass(frozen=True, slots=True, order=True)
class Sort:
    """What leads to workspaces and to whose: a class but for the port, for each port is one of its own.

    A Service's port by name leads to as many numbers as the workspaces behind it have; one that joins
    them must not make another class of the others.
    """

    what: str = ""
    whose: str = ""

    def hit(self, port: Port | None) -> str:
        """The class of one port; None is every port."""
        if port is None:
            return f"{self.what} to every port of {self.whose}"
        number, protocol = port
        return f"{self.what} to port {number}{'' if protocol == 'TCP' else f'/{protocol}'} of {self.whose}"


def of_service(namespace: str, selector: Labels, led: Iterable[Workspace]) -> Sort:
    """A Service, by what it chooses."""
    those = tuple(led)
    by = ", ".join(
        key if key in OF_ONE_WORKSPACE or _is_own(value, those) else f"{key}={value}"
        for key, value in sorted(selector.items())
    )
    return Sort("Services", f"workspaces in {namespace}, chosen by {by}")


def of_pods(namespace: str, what: str) -> Sort:
    """What Pods say of themselves: a scrape annotation, a port of their node."""
    return Sort(what, f"workspaces in {namespace}")


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
