"""Whether coderd's logs are kept: by the bundle's Loki, by a collector on each of its nodes, or nobody can tell.

A collector of logs takes those of every container of its node, as its chart configures it. What does other things
besides may take none, and a cloud may take them without any Pod: then it is not known.
"""

from dataclasses import dataclass
from typing import Final

from coder_cva.catalogue.monitoring import BUNDLE, programs
from coder_cva.rules.monitoring import Monitoring
from coder_cva.rules.subjects import named
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Owner
from coder_cva.snapshot.world import World

NEEDS: Final = frozenset({Need.NODES})
"""What telling it takes, beside coderd and what runs."""
_CLOUDS: Final = {
    "cloud.google.com/": "GKE",
    "kubernetes.azure.com/": "AKS",
    "eks.amazonaws.com/": "EKS",
    "doks.digitalocean.com/": "DOKS",
}
"""By what a cloud's labels on its nodes begin."""


@dataclass(frozen=True, slots=True)
class Logs:
    """Whether they are kept, None where it cannot be told, and how that is known."""

    known: bool | None
    told: str


def logs(world: World, seen: Monitoring) -> Logs:
    """By the surest proof that there is."""
    if "Loki" in seen.running:
        return Logs(known=True, told="")
    nodes = {one.node for one in world.coderd_pods if one.node}
    for name in dict.fromkeys(program for program, _ in seen.log_collectors):
        pods = [pod for program, pod in seen.log_collectors if program == name]
        if nodes and nodes <= {one.node for one in pods if _is_daemon(one.meta.owner)}:
            return Logs(
                known=True,
                told=f"{name} ({pods[0].meta.path}) collects logs on each node that coderd runs on",
            )
    maybe = _maybe(seen)
    if maybe:
        return Logs(
            known=None,
            told=f"whether {named(maybe)} collects coderd's logs is not seen, because its configuration is not read",
        )
    cloud = _cloud(world)
    if cloud:
        return Logs(
            known=None,
            told=f"no Pod in this cluster collects logs, and whether {cloud} does so without one is not seen from here",
        )
    return Logs(known=False, told="no Pod in this cluster collects logs")


def _maybe(seen: Monitoring) -> list[str]:
    """What may collect logs. The bundle's own agents send theirs to the bundle's Loki, which is not there."""
    kinds = [*dict.fromkeys(program for program, _ in seen.log_collectors)]
    kinds += [one for one in seen.running if one in programs().also_logs]
    found = [f"{one} ({seen.running[one]})" for one in kinds]
    return [one for one in found if f"({BUNDLE}/" not in one]


def _is_daemon(owner: Owner | None) -> bool:
    """Whether a Pod is one of those that are on every node; a gateway collects what is sent to it."""
    return owner is not None and owner.kind == "DaemonSet"


def _cloud(world: World) -> str:
    """Whose nodes these are, where it is one that may collect logs by itself."""
    labels = {key for one in world.snapshot.items(Need.NODES) for key in one.meta.labels}
    return next(
        (cloud for begin, cloud in _CLOUDS.items() if any(one.startswith(begin) for one in labels)),
        "",
    )
