"""Where the database is, and where coderd runs (CVA-DB-005).

A Cluster of CloudNativePG is where its primary's Pod is: coderd writes there. Any other database is where
the spec says. coderd is where its Pods are, or could be: on the nodes of its pool.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from coder_cva.rules import database_remedies, databases
from coder_cva.rules.model import Finding, Judgement, unknown, verdict
from coder_cva.rules.subjects import live, named
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Node, Pod
from coder_cva.snapshot.records_databases import PostgresCluster
from coder_cva.snapshot.world import World

_REGION: Final = "topology.kubernetes.io/region"
_ZONE: Final = "topology.kubernetes.io/zone"
_CLUSTER: Final = "cnpg.io/cluster"
_ROLES: Final = ("cnpg.io/instanceRole", "role")
"""How CloudNativePG labels the Pods of a Cluster; older versions have the short one only."""


@dataclass(frozen=True, slots=True)
class Place:
    """A region and a zone, "" where it is not known, and who says so."""

    region: str
    zone: str
    source: str


def judge(world: World) -> Judgement:
    """Whether the database's region is coderd's, and its zone one of coderd's."""
    nodes = _coderds_nodes(world)
    if not nodes:
        return unknown(
            "NoNodeSeen", "no Pod of coderd runs, and no node has the labels of its pool"
        )
    place = _place(world)
    if place is None or not (place.region or place.zone):
        return unknown("PlaceNotSeen", _not_seen(world, nodes))
    bare = [one.meta.name for one in nodes if place.region and _REGION not in one.meta.labels]
    if bare:
        return unknown(
            "RegionNotLabelled", f"nodes of coderd without the label {_REGION}: {named(bare)}"
        )
    told = (
        f"the database is in {_told(place)} by {place.source}; coderd's nodes are in region "
        f"{_values(nodes, _REGION)}, zones {_values(nodes, _ZONE)}"
    )
    return verdict(_apart(world, place, nodes), held=told, broken=told)


def _told(place: Place) -> str:
    words = [
        f"region {place.region}" if place.region else "",
        f"zone {place.zone}" if place.zone else "",
    ]
    return ", ".join(word for word in words if word)


def _values(nodes: tuple[Node, ...], label: str) -> str:
    return named(sorted(_labels(nodes, label))) or "without a label"


def _labels(nodes: tuple[Node, ...], label: str) -> set[str]:
    return {one.meta.labels[label] for one in nodes if label in one.meta.labels}


def _coderds_nodes(world: World) -> tuple[Node, ...]:
    where = {one.node for one in live(world.coderd_pods)}
    nodes: tuple[Node, ...] = world.snapshot.items(Need.NODES)
    used = tuple(one for one in nodes if one.meta.name in where)
    plane = world.deployment.spec.control_plane
    return used or world.pool(plane.node_pool.selector if plane.node_pool else {})


def _place(world: World) -> Place | None:
    here = databases.cluster(world)
    if here is not None:
        return _of_primary(world, here)
    said = databases.declared(world)
    return Place(said.region or "", said.zone or "", "spec.database.declared")


def _of_primary(world: World, cluster: PostgresCluster) -> Place | None:
    pods: tuple[Pod, ...] = world.snapshot.within(Need.PODS, cluster.meta.namespace)
    where = {
        one.node
        for one in live(pods)
        if one.meta.labels.get(_CLUSTER) == cluster.meta.name
        and any(one.meta.labels.get(role) == "primary" for role in _ROLES)
    }
    for node in world.snapshot.items(Need.NODES):
        if node.meta.name in where:
            labels = node.meta.labels
            source = f"node {node.meta.name} of the primary of {databases.name_of(cluster)}"
            return Place(labels.get(_REGION, ""), labels.get(_ZONE, ""), source)
    return None


def _not_seen(world: World, nodes: tuple[Node, ...]) -> str:
    here = databases.cluster(world)
    if here is not None:
        return f"no primary of {databases.name_of(here)} is seen on a node with the labels {_REGION} and {_ZONE}"
    regions = sorted(_labels(nodes, _REGION))
    home = (
        f"coderd's nodes are in region {named(regions)}"
        if regions
        else "coderd's nodes name no region"
    )
    example = database_remedies.say(world, {"region": next(iter(regions), "eu-west-1")})
    return f"where the database is, is not seen; {home}: {example}"


def _names(place: Place, nodes: tuple[Node, ...]) -> set[str]:
    """How nodes name its zone: Azure's 1 is westeurope-1 on them, and a bare number there is none."""
    return {place.zone, *(f"{region}-{place.zone}" for region in _labels(nodes, _REGION))}


def _apart(world: World, place: Place, nodes: tuple[Node, ...]) -> Iterator[Finding]:
    regions = _labels(nodes, _REGION)
    zones = {one for one in _labels(nodes, _ZONE) if not one.isdecimal()}
    here = databases.cluster(world)
    resource = (
        databases.name_of(here)
        if here is not None
        else f"CoderDeployment {world.deployment.reference}"
    )
    if place.region and regions != {place.region}:
        yield Finding(
            "CVA-DB-005",
            resource,
            "region",
            f"the region of coderd's nodes: {named(sorted(regions))}",
            place.region,
            "each request takes several round trips to the database: move it, or coderd's node group, so that "
            "both are in one region",
        )
    elif place.zone and zones and zones.isdisjoint(_names(place, nodes)):
        yield Finding(
            "CVA-DB-005",
            resource,
            "zone",
            f"a zone of coderd's nodes, if possible: {named(sorted(zones))}",
            place.zone,
            f"give coderd's node group a node in {place.zone}, or move the database; where that cannot be and "
            "it answers within 10 ms, accept this finding in spec.waivers",
        )
