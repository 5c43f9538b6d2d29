"""The static pool in, whether coderd's replicas find room on it out, with the arithmetic (CVA-CTL-002).

A static pool gets no further node by itself, so with one node less it has to hold every replica: while a node is
drained, and while three replicas are rolled out, of which a fourth has to be ready first (Kubernetes' default). Edition
2024 gives nodes for exactly the replicas, so there the pool has to hold them and nothing is asked beyond;
neither is it of a single replica, which nobody expects to outlive its node.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from coder_cva.api.v1alpha1.scheduling import NodePool
from coder_cva.catalogue.model import Tier
from coder_cva.rules import remedies
from coder_cva.rules.container_resources import amounts
from coder_cva.rules.machines import is_large_enough
from coder_cva.rules.model import Finding
from coder_cva.rules.replica_room import Amount, Place, Question, everywhere
from coder_cva.rules.subjects import CODERD, are
from coder_cva.sizing.reference import reference
from coder_cva.sizing.size import size
from coder_cva.snapshot import pools
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment, Node
from coder_cva.snapshot.shapes import mappings
from coder_cva.snapshot.shapes import selector as shaped
from coder_cva.snapshot.workspaces import FINISHED
from coder_cva.snapshot.world import World
from coder_cva.values import selectors
from coder_cva.values.manifest import dig

NEEDS: Final = CODERD | {Need.NODES, Need.PODS}
"""What ``findings`` reads."""

_HOST: Final = "kubernetes.io/hostname"
_LISTED: Final = 6


def findings(world: World) -> list[Finding]:
    """CVA-CTL-002: a pool on which the tier's replicas find no room; nothing where that is not known.

    What other clauses tell first is not told here: a pool without nodes (CVA-NODE-001), machines that
    are too small or too few for their edition (CVA-NODE-007).
    """
    pool = world.deployment.spec.control_plane.node_pool
    if world.coderd is None or pool is None:
        return []
    nodes = world.pool(pool.selector)
    asked = _question(world, world.coderd.deployment)
    if not nodes or _is_told_elsewhere(world, nodes) or not all(map(_is_known, nodes)):
        return []
    places = list(_places(world, world.coderd.deployment, nodes, pool))
    rooms = [asked.room(one) for one in places]
    if asked.held(rooms) >= asked.replicas:
        return []
    observed, remedy = (
        (_arithmetic(asked, places, rooms), _more(asked, places, rooms))
        if places
        else (
            f"{are(len(nodes), 'node')}, each with a taint that coderd does not tolerate",
            _tolerate(world, nodes[0]),
        )
    )
    return [
        Finding(
            "CVA-CTL-002",
            "Pool controlPlane",
            "status.allocatable",
            _expected(world, asked),
            observed,
            remedy,
        )
    ]


def _tier(world: World) -> Tier:
    return reference(world.deployment.spec)


def _question(world: World, live: Deployment) -> Question:
    """The tier's replicas where there may be several, each as large as the tier's or as it is now.

    What containers beside coderd's own request comes on top.
    """
    spec, tier = world.deployment.spec, _tier(world)
    several = spec.control_plane.high_availability_licensed or live.replicas > 1
    replicas = tier.coderd.replicas if several else 1
    own, sized = amounts(live), size(spec).coderd
    replica = Amount(
        max(own.cpu_request, sized.cpu_millicores, tier.coderd.cpu_millicores),
        max(own.memory_request, sized.memory_bytes, tier.coderd.memory_bytes),
        1,
    )
    beside = Amount(
        max(0, live.shape.cpu_request_millicores - own.cpu_request),
        max(0, live.shape.memory_request_bytes - own.memory_request),
    )
    return Question(
        replicas,
        replica.plus(beside),
        apart=_keeps_apart(live),
        spare=replicas > 1 and tier.nodes is None,
    )


def _keeps_apart(live: Deployment) -> bool:
    """Whether a replica refuses the node of another one."""
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    terms = mappings(dig(live.shape.scheduling.affinity, "podAntiAffinity", required))
    chosen = (shaped(one.get("labelSelector")) for one in terms if one.get("topologyKey") == _HOST)
    own = live.template_meta.labels
    return any(one is not None and selectors.matches(one, own) for one in chosen)


def _is_told_elsewhere(world: World, nodes: Sequence[Node]) -> bool:
    tier = _tier(world)
    group = tier.nodes.coderd if tier.nodes else None
    if group is not None and len(nodes) < (group.least or group.count):
        return True
    return not all(is_large_enough(one, group or tier.coderd) for one in nodes)


def _is_known(node: Node) -> bool:
    return bool(node.cpu_millicores and node.memory_bytes and node.pods)


def _places(
    world: World, live: Deployment, nodes: Sequence[Node], pool: NodePool
) -> Iterator[Place]:
    """The nodes whose lasting taints coderd tolerates, with what others request there.

    The pool is judged by its size, not by a bad hour: one that is away for a while counts.
    """
    tolerations = [*live.shape.scheduling.tolerations, *(one.dump() for one in pool.tolerations)]
    room, own = pools.Room(world.snapshot, world.memo), _own(world)
    for node in nodes:
        if not pools.repelled(pools.lasting(node), tolerations):
            free = room.free(node)
            whole = Amount(node.cpu_millicores, node.memory_bytes, node.pods)
            taken = whole.minus(Amount(free.cpu_millicores, free.memory_bytes, free.pods))
            yield Place(node.meta.name, whole, taken.minus(own.get(node.meta.name, Amount())))


def _own(world: World) -> dict[str, Amount]:
    """What coderd's own Pods request, by node: that is the room of its replicas."""
    found: dict[str, Amount] = {}
    for pod in world.coderd_pods:
        if pod.node and pod.phase not in FINISHED:
            its = Amount(pod.shape.cpu_request_millicores, pod.shape.memory_request_bytes, 1)
            found[pod.node] = found.get(pod.node, Amount()).plus(its)
    return found


def _expected(world: World, asked: Question) -> str:
    replicas = (
        f"{are(asked.replicas, 'replica')} of {asked.replica.text} (tier {_tier(world).name})"
    )
    on_its_own = ", each on a node of its own" if asked.apart else ""
    return f"room for {replicas}{on_its_own}" + (", with one node less" if asked.spare else "")


def _arithmetic(asked: Question, places: Sequence[Place], rooms: Sequence[int]) -> str:
    kinds = sorted({(one.whole.cpu, one.whole.memory, one.whole.text) for one in places})
    each = kinds[0][2] if len(kinds) == 1 else f"{kinds[0][2]} up to {kinds[-1][2]}"
    others = Amount()
    for one in places:
        others = others.plus(one.others)
    told = (
        f"{are(len(places), 'node')} with {each} allocatable, of which other Pods request {others.text} in all: "
        f"room for {_sum(rooms)}"
    )
    if not asked.spare:
        return told
    worst = places[rooms.index(max(rooms))].name
    return f"{told}, without {worst} for {asked.held(rooms)}"


def _sum(rooms: Sequence[int]) -> str:
    told = are(sum(rooms), "replica")
    return f"{' + '.join(map(str, rooms))} = {told}" if 1 < len(rooms) <= _LISTED else told


def _more(asked: Question, places: Sequence[Place], rooms: Sequence[int]) -> str:
    """As many more nodes of the pool's own kind as it takes, which run what runs on each of them."""
    least = everywhere(places)
    best = max(places, key=lambda one: asked.room(one, least))
    one_more = asked.room(best, least)
    if not one_more:
        return (
            f"make the node group of larger machines, with {asked.replica.plus(least).text} allocatable or more: no "
            "node of the present kind holds a replica beside the Pods that run on each of them"
        )
    more = asked.lacking(rooms, one_more)
    fullest = max(places, key=lambda one: (one.others.cpu, one.others.memory))
    return (
        f"raise the size of the node group by {more}, to {are(len(places) + more, 'node')} of {best.whole.text} "
        "allocatable, or move other Pods off these nodes: kubectl get pods -A -o wide --field-selector "
        f"spec.nodeName={fullest.name}"
    )


def _tolerate(world: World, node: Node) -> str:
    said = [pools.toleration(one) for one in pools.lasting(node) if pools.repelled([one], ())]
    pool = world.deployment.spec.control_plane.node_pool
    kept = [one.dump() for one in pool.tolerations] if pool is not None else []
    return remedies.coderd(
        world,
        {"coder": {"tolerations": said}},
        {"controlPlane": {"nodePool": {"tolerations": [*kept, *said]}}},
    )
