"""PostgreSQL's own end of the connection, as far as a cluster can show it (CVA-NET-002).

Its address stands in a Secret, whose values are not read. Two things tell all the same: Pods of this cluster
that look like PostgreSQL, one of which may be meant, and coderd itself, which connects to its database
and migrates it before it is ready.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterator
from typing import Final

from coder_cva.rules.subjects import live
from coder_cva.snapshot import parse_roles
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.reachability import Answer, Peer, Reachability
from coder_cva.snapshot.records import Pod, Service
from coder_cva.snapshot.world import World
from coder_cva.values import selectors

_POSTGRES: Final = 5432
_PORTS: Final = frozenset({_POSTGRES, 6432})
"""PostgreSQL's own port, and that of PgBouncer before it."""
_NAMES: Final = ("postgres", "pgsql", "pgbouncer")


def hindered(world: World, net: Reachability, coderd: tuple[Peer, ...]) -> tuple[Answer, ...]:
    """The ways to Pods that look like PostgreSQL, where their own policies do not surely let coderd in."""
    found: list[Answer] = []
    known: set[Hashable] = set()
    for pod in _candidates(world):
        end = net.pod(pod, f"Pod {pod.meta.path}, which looks like PostgreSQL,")
        if net.kind(pod) not in known and net.isolating(end, "ingress"):
            found += (net.connection(one, end, port) for one in coderd for port in _listens(pod))
        known.add(net.kind(pod))
    return tuple(one for one in found if not _is_let_in(one))


def _is_let_in(answer: Answer) -> bool:
    return all(one.possible for one in answer.sides if one.direction == "ingress")


def shown_by(world: World, names: Collection[str]) -> str:
    """A coderd Pod that became ready after the policies of these names were made, "" if there is none.

    Such a Pod has reached its database under them. A policy that was changed since proves nothing.
    """
    policies = [
        one for one in world.snapshot.items(Need.NETWORK_POLICIES) if one.meta.path in names
    ]
    for pod in live(world.coderd_pods):
        is_newer = all(
            one.meta.generation <= 1 and "" < one.meta.created < pod.meta.created
            for one in policies
        )
        if pod.ready and is_newer:
            return f"Pod {pod.meta.path}"
    return ""


def _candidates(world: World) -> Iterator[Pod]:
    """Live Pods that declare a port of PostgreSQL, or to which a Service leads on one; no workspaces."""
    services: defaultdict[str, list[Service]] = defaultdict(list)
    for one in world.snapshot.items(Need.SERVICES):
        if one.selector and any(_is_postgres(name, number) for name, number, _, _ in one.ports):
            services[one.meta.namespace].append(one)
    for pod in world.memo.flat(_of_others, world.snapshot.items(Need.PODS)):
        declares = any(_is_postgres(name, number) for name, number, _ in pod.shape.ports)
        if declares or any(
            selectors.has_labels(one.selector, pod.meta.labels)
            for one in services[pod.meta.namespace]
        ):
            yield pod


def _of_others(pods: tuple[Pod, ...]) -> tuple[Pod, ...]:
    """Live Pods that are neither Coder's nor workspaces."""
    return tuple(
        pod
        for pod in live(pods)
        if not (pod.shape.role or pod.shape.agent or parse_roles.is_workspace(pod.meta))
    )


def _is_postgres(name: str, number: int) -> bool:
    return number in _PORTS or any(one in name for one in _NAMES)


def _listens(pod: Pod) -> tuple[int, ...]:
    declared = {number for name, number, _ in pod.shape.ports if _is_postgres(name, number)}
    return tuple(sorted(declared)) or (_POSTGRES,)
