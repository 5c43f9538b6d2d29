"""What runs in a cluster and who reaches whom there: measured twice, the difference is what somebody has done.

Connections are asked of every NetworkPolicy that is there, whoever made it: from each Pod and from
somebody outside to each port that a Pod declares or a Service leads to, and from each Pod to the world.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.reachability import Peer, Reachability
from support import builders

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.kube import Kube

Body = dict[str, Any]
OUTSIDE = Peer("somebody outside")
WORLD = (443, 5432)
"""Ports that Pods need in the world: addresses of Coder and of packages, and the database."""


@dataclass(frozen=True)
class Standing:
    """One moment: which connections are possible, how often each Pod restarted, what rolled."""

    connections: Mapping[str, bool | None]
    restarts: Mapping[str, int]
    generations: Mapping[str, int]

    def lost(self, later: Standing) -> list[str]:
        """What was possible and is not any more."""
        return [
            one for one, was in self.connections.items() if was and not later.connections.get(one)
        ]

    def disturbed(self, later: Standing) -> list[str]:
        """Pods that are others or restarted, and Deployments that are others than they were."""
        pods = [one for one, count in self.restarts.items() if later.restarts.get(one) != count]
        rolled = [one for one, was in self.generations.items() if later.generations.get(one) != was]
        return pods + rolled

    def told(self, later: Standing) -> str:
        """The difference in one line."""
        return (
            f"{len(self.connections)} connections tried before and after, {len(self.lost(later))} lost; "
            f"{len(self.restarts)} Pods and {len(self.generations)} Deployments, "
            f"{len(self.disturbed(later))} replaced, restarted or rolled"
        )


def measured(kube: Kube, *spaces: str) -> Standing:
    """How these namespaces stand now."""
    kinds = ("Pod", "Service", "Deployment")
    found = {kind: [one for space in spaces for one in kube.list(kind, space)] for kind in kinds}
    running = [one for one in found["Pod"] if one["status"].get("phase") == "Running"]
    policies, names = kube.list("NetworkPolicy"), kube.list("Namespace")
    return Standing(
        dict(_connections([*running, *policies, *names], running, found["Service"])),
        {_named(one, one["metadata"]["uid"]): _restarts(one) for one in running},
        {_named(one): one["metadata"]["generation"] for one in found["Deployment"]},
    )


def _connections(
    objects: list[Body], pods: list[Body], services: list[Body]
) -> Iterator[tuple[str, bool | None]]:
    seen = builders.snapshot_of(objects)
    about = Reachability(seen)
    records = {one.meta.uid: one for one in seen.items(Need.PODS)}
    peers = {uid: about.pod(one) for uid, one in records.items()}
    for target in pods:
        peer = peers[target["metadata"]["uid"]]
        for port in sorted(_ports(target, services)):
            for source in (OUTSIDE, *peers.values()):
                answer = about.connection(source, peer, port)
                yield f"{source.name} to {peer.name} on {port}", answer.possible
        for port in WORLD:
            yield (
                f"{peer.name} to the world on {port}",
                about.connection(peer, OUTSIDE, port).possible,
            )


def _ports(pod: Body, services: list[Body]) -> set[int]:
    declared = [
        one for container in pod["spec"]["containers"] for one in container.get("ports", ())
    ]
    by_name = {one.get("name"): one["containerPort"] for one in declared}
    found = {one["containerPort"] for one in declared}
    labels = pod["metadata"].get("labels", {})
    for service in services:
        chosen = service["spec"].get("selector")
        same_place = service["metadata"]["namespace"] == pod["metadata"]["namespace"]
        if not chosen or not same_place or not chosen.items() <= labels.items():
            continue
        for port in service["spec"].get("ports", ()):
            target = port.get("targetPort", port["port"])
            found.add(by_name.get(target, 0) if isinstance(target, str) else target)
    return found - {0}


def _restarts(pod: Body) -> int:
    return sum(one["restartCount"] for one in pod["status"].get("containerStatuses", ()))


def _named(body: Body, *more: str) -> str:
    meta = body["metadata"]
    return " ".join((body["kind"], f"{meta['namespace']}/{meta['name']}", *more))
