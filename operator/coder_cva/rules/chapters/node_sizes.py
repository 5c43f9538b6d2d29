"""The machines behind the pools: large enough, and none whose CPU is throttled (CVA-NODE-007)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from coder_cva.catalogue.model import NodeGroup, Size, Tier
from coder_cva.rules.machine_types import is_burstable
from coder_cva.rules.machines import is_large_enough
from coder_cva.rules.model import Finding, Judgement, Rule, unknown, verdict
from coder_cva.rules.subjects import are, named
from coder_cva.sizing.reference import node_rule, reference, smaller_figure
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Node
from coder_cva.snapshot.world import World
from coder_cva.values.quantity import byte_text, cpu_text

_TYPE: Final = "node.kubernetes.io/instance-type"


@dataclass(frozen=True, slots=True)
class _Pool:
    name: str
    nodes: tuple[Node, ...]
    wanted: Size | None
    """What each machine has to have; None where the edition says nothing."""
    least: int = 0
    rule: str = ""
    """By which of two figures, where the table contradicts itself."""
    other: Size | None = None
    """The smaller of the two, where it was not the one."""


def nodes_are_sized_as_the_architecture_says(world: World) -> Judgement:
    """CVA-NODE-007: no burstable machine in a pool; capacity and number by the edition's node tables.

    Edition 2026 has no node tables: there a node of the control plane has to hold a replica of the tier. A
    machine's type is not held against its capacity: where the older table contradicts itself there, the spec
    says which of the two counts.
    """
    found = _pools(world)
    everything = [node for pool in found for node in pool.nodes]
    if not everything:
        return unknown("NoNodeSeen", "no node has the labels of a pool")
    findings = [
        finding for pool in found for finding in (*_burstable(pool), *_small(pool), *_few(pool))
    ]
    told = "; ".join(_told(pool) for pool in found)
    bare = [node.meta.name for node in everything if _TYPE not in node.meta.labels]
    if bare and not findings:
        return unknown(
            "InstanceTypeNotLabelled",
            f"{told}; large enough, but whether their CPU is throttled is not seen: {are(len(bare), 'node')} without "
            f"the label {_TYPE} ({named(bare)})",
        )
    return verdict(findings, held=told, broken=told)


def _pools(world: World) -> tuple[_Pool, ...]:
    spec = world.deployment.spec
    tier = reference(spec)
    groups = tier.nodes
    workspaces = _Pool(
        "workspaces",
        _nodes(world, spec.workspaces.node_pool.selector),
        groups.workspaces if groups else None,
    )
    if spec.control_plane.node_pool is None or spec.control_plane.management == "None":
        return (workspaces,)
    other = smaller_figure(spec)
    plane = _Pool(
        "controlPlane",
        _nodes(world, spec.control_plane.node_pool.selector),
        _of_the_plane(tier, groups.coderd if groups else None),
        (groups.coderd.least or groups.coderd.count) if groups else 0,
        node_rule(spec),
        other.node if other is not None else None,
    )
    return (plane, workspaces)


def _of_the_plane(tier: Tier, group: NodeGroup | None) -> Size:
    return group if group is not None else tier.coderd


def _nodes(world: World, selector: Mapping[str, str]) -> tuple[Node, ...]:
    return world.pool(selector)


def _told(pool: _Pool) -> str:
    kinds: dict[str, int] = defaultdict(int)
    for node in pool.nodes:
        kinds[node.meta.labels.get(_TYPE) or _capacity(node)] += 1
    machines = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    rule = f", judged by {pool.rule}" if pool.rule else ""
    return f"{pool.name}: {machines or 'no node'}{rule}"


def _capacity(node: Node) -> str:
    return f"of {cpu_text(node.capacity_millicores)} CPU and {byte_text(node.capacity_bytes)}"


def _burstable(pool: _Pool) -> Iterator[Finding]:
    by_type: dict[str, list[str]] = defaultdict(list)
    for node in pool.nodes:
        kind = node.meta.labels.get(_TYPE, "")
        if is_burstable(kind):
            by_type[kind].append(node.meta.name)
    for kind, names in sorted(by_type.items()):
        yield Finding(
            "CVA-NODE-007",
            f"Pool {pool.name}",
            f"metadata.labels[{_TYPE}]",
            "machines with their whole CPU at any time",
            f"{kind}, which is throttled to a part of its CPU after a while: {named(names)}",
            "make the node group of a general-purpose type instead: AWS m, Azure Dsv5, Google n or t2d; then drain "
            f"the old nodes one by one: kubectl drain {names[0]} --ignore-daemonsets",
        )


def _small(pool: _Pool) -> Iterator[Finding]:
    if pool.wanted is None:
        return
    wanted = pool.wanted
    small = [node for node in pool.nodes if not is_large_enough(node, wanted)]
    if small:
        yield Finding(
            "CVA-NODE-007",
            f"Pool {pool.name}",
            "status.capacity",
            f"{wanted.cpu} CPU and {wanted.memory} or more{f', by {pool.rule}' if pool.rule else ''}",
            f"{are(len(small), 'node')} with less, {named(_names(small))}: {_capacity(small[0])[3:]}",
            f"{_way_out(pool)}make the node group of larger machines, then drain the old nodes one by one: "
            f"kubectl drain {small[0].meta.name} --ignore-daemonsets",
        )


def _way_out(pool: _Pool) -> str:
    """The other figure, where every machine has as much as that."""
    other = pool.other
    if other is None or not all(is_large_enough(node, other) for node in pool.nodes):
        return ""
    return (
        f"they have the {other.cpu} CPU and {other.memory} of the machines that the table names: where those are to "
        "count, set spec.controlPlane.nodeSizing: InstanceTypes. Else "
    )


def _few(pool: _Pool) -> Iterator[Finding]:
    """Of the workspaces' pool the table gives the full size, to which it grows by itself."""
    if len(pool.nodes) < pool.least:
        yield Finding(
            "CVA-NODE-007",
            f"Pool {pool.name}",
            "nodes",
            f"at least {pool.least}, one for each replica of coderd",
            str(len(pool.nodes)),
            f"raise the size of the node group to {pool.least}",
        )


def _names(nodes: Iterable[Node]) -> list[str]:
    return [one.meta.name for one in nodes]


RULES: Final = (
    Rule("CVA-NODE-007", nodes_are_sized_as_the_architecture_says, frozenset({Need.NODES})),
)
