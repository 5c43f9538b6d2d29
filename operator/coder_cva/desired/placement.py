"""What the admission policies read: which Pods go where, and how firmly just now.

Clauses: CVA-NODE-003 (coderd on the control plane's nodes), CVA-NODE-005 (workspaces on theirs),
CVA-NODE-006 (soft anti-affinity). With ``placement: Auto`` a pool is required only while it can take the
Pod, so that a pool that vanishes never turns the next restart into an outage, and never of a
Pod whose volume is where the pool has no node.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from coder_cva.api.v1alpha1.scheduling import NodePool
from coder_cva.desired import (
    coming_nodes,
    enforcement,
    host_exemptions,
    pool_guard,
    stranded_claims,
    volumes,
    webhook_reach,
)
from coder_cva.desired.control_plane import selector_labels
from coder_cva.desired.enforcement import Mode
from coder_cva.desired.pool_guard import Word
from coder_cva.sizing.size import size
from coder_cva.snapshot import consent, pools
from coder_cva.snapshot import records_scaling as karpenter
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.model import Served
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Node, PodShape
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import dig, pruned
from coder_cva.values.moment import timestamp

CODERD_ON_POOL: Final = "CVA-NODE-003"
WORKSPACES_ON_POOL: Final = "CVA-NODE-005"
APART: Final = "CVA-NODE-006"

ENGINE: Final = "MutatingAdmissionPolicy"
WEBHOOK: Final = "Webhook"
NO_ENGINE: Final = "None"
_VERSIONS: Final = ("v1", "v1beta1")
_UNSERVED: Final = f"this API server serves no {ENGINE} (v1 since Kubernetes 1.36)"
_UNPLACED: Final = "Pods are not placed and claims get no class at admission"

USUAL_LABELS: Final = frozenset(
    {
        "kubernetes.io/arch",
        "kubernetes.io/os",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    }
)
"""Labels that templates commonly choose nodes by (Kubernetes' well-known labels)."""
MOST_VALUES: Final = 16
"""A label with more values than this tells nodes apart rather than kinds of nodes, as a host name does."""
MOST_LABELS: Final = 32


def placement(world: World) -> dict[str, Any]:
    """What is done at admission and by what, as the status tells it; nothing in it that is not said."""
    acts, why = engine(world)
    room = pools.Room(world.snapshot, world.memo)
    coderd, about_coderd = _control_plane(world, room)
    workspaces, about_workspaces = _workspaces(world, room)
    guards = "; ".join(one for one in (about_coderd, about_workspaces) if one)
    made: dict[str, Any] = pruned(
        {
            "controlPlane": coderd,
            "workspaces": workspaces,
            "engine": acts,
            "engineReason": why,
            "guards": guards or None,
        }
    )
    return made


def engine(world: World) -> tuple[str, str]:
    """What acts at admission in this cluster, and why it is this one."""
    if not isinstance(world.snapshot.served, Served):
        before = _before(world)
        known = before.get("engine", NO_ENGINE)
        return known, f"what the API server serves is not known: {world.snapshot.served.reason}"
    version, webhook = mutating_version(world), world.webhook
    is_needed = webhook.preferred or version is None
    if is_needed and webhook.acts:
        return WEBHOOK, _why_webhook(world)
    if is_needed and webhook.is_tried and _before(world).get("engine") == WEBHOOK:
        return WEBHOOK, "it did before, and whether the webhook can be called is not known yet"
    if version is not None:
        return ENGINE, f"the API server serves {ENGINE} {version}"
    return NO_ENGINE, _why_none(world)


def _why_webhook(world: World) -> str:
    if world.webhook.preferred:
        return "ADMISSION_ENGINE=Webhook, so the operator's webhook acts, whatever is served"
    return f"{_UNSERVED}: the operator's webhook does the same"


def _why_none(world: World) -> str:
    webhook = world.webhook
    if not webhook.is_there:
        return (
            f"{_UNSERVED}, and no webhook stands in for it ({webhook.problem}): {_UNPLACED}. Set node selectors "
            "in the templates and in Coder's Helm values, or upgrade the cluster"
        )
    if not mutates(world):
        return f"{_UNSERVED}, and there is nothing to do at admission"
    if webhook.is_tried and webhook_reach.told_before(world):
        return str(_before(world).get("engineReason", ""))
    if webhook.is_tried:
        return f"{_UNSERVED}, and whether it gets through to the operator's webhook is being tried"
    return f"{_UNSERVED}, and {webhook_reach.told(world, _UNPLACED)}"


def mutates(world: World) -> bool:
    """Whether Pods or claims are to be changed when they are created, by whichever engine."""
    return is_enforced(world) or volumes.default_class(world) is not None


def mutating_version(world: World) -> str | None:
    """The version in which the mutating policy is rendered; alpha lacks what its expressions need."""
    served = world.snapshot.served
    if not isinstance(served, Served):
        return None
    return next((one for one in _VERSIONS if one in served.mutating_policy), None)


def is_enforced(world: World) -> bool:
    """Whether anything at all is done to Pods at admission."""
    rules = (CODERD_ON_POOL, WORKSPACES_ON_POOL, APART)
    return any(_enforced(world, rule) for rule in rules)


def _control_plane(world: World, room: pools.Room) -> tuple[dict[str, Any] | None, str]:
    pool = world.deployment.spec.control_plane.node_pool
    if pool is None or world.deployment.spec.control_plane.management == "None":
        return None, ""
    labels = coderd_labels(world)
    if not labels or not _acts(world, CODERD_ON_POOL):
        return {"mode": "Off"}, ""
    shape = world.coderd.deployment.shape if world.coderd else None
    state = room.state(pool.selector, _demand(world, pool, shape))
    unknown = [need.value for need in state.unread]
    before = _before(world).get("controlPlane") or {}
    word = pool_guard.by_choice_or_unread(pool, unknown, before)
    if word is None:
        why = _told(state.matching, state.ready, has_room=state.can_take)
        word = _seen(world, pool, Word(_mode(can_take=state.can_take), why), before)
    made = _bound(world, pool, word, before, {*_asked(shape)} if shape else set())
    return {**made, "podLabels": labels}, f"control plane: {word.why}"


def _workspaces(world: World, room: pools.Room) -> tuple[dict[str, Any], str]:
    spec = world.deployment.spec.workspaces
    if world.deployment.spec.suspend:
        return {"mode": "Off"}, ""
    common = {
        "ownNamespace": _acts_at_home(world),
        "barePods": spec.bare_pods == "Enforce",
        "virtualMachines": spec.virtual_machines == "Enforce",
        "antiAffinity": _acts(world, APART),
        "hostVolumes": volumes.host_volumes(world),
        "hostVolumeExemptions": host_exemptions.parameter(world),
        **volumes.bounds(world),
        "storageClassName": volumes.default_class(world) if _has_engine(world) else None,
    }
    if not _acts(world, WORKSPACES_ON_POOL):
        return {"mode": "Off", **common}, ""
    pool = spec.node_pool
    state = room.state(pool.selector, pools.Demand(tolerations=_tolerations(pool)))
    unknown = _unread_of_workspaces(world, state)
    before = _before(world).get("workspaces") or {}
    coming = () if state.ready else _coming(world, pool)
    word = pool_guard.by_choice_or_unread(pool, unknown, before)
    claims: Sequence[str] = ()
    if word is None:
        why = coming_nodes.told(coming) if coming else _told(state.matching, state.ready)
        word = Word(_mode(can_take=bool(state.ready or coming)), why)
        if word.mode == pool_guard.REQUIRED:
            word, claims = _beside_stranded(world, pool, word)
        word = _seen(world, pool, word, before)
    elif pool.placement == "Auto" and word.mode == pool_guard.REQUIRED:
        claims = before.get("strandedClaims") or ()
    asked = {*world.memo.flat(_asked_by, world.found.workspaces)}
    made = _bound(world, pool, word, before, asked)
    told = f"workspaces: {word.why}"
    return {**made, "strandedClaims": list(claims) or None, **common}, told


def _coming(world: World, pool: NodePool) -> Sequence[karpenter.NodePool]:
    """Who would bring nodes for the pool: scaled to nothing it can take Pods all the same."""
    return coming_nodes.bringers(world.snapshot, pool.selector, _tolerations(pool))


def _acts_at_home(world: World) -> bool:
    """Whether workspaces beside coderd are this deployment's.

    While it cannot be seen to whom the namespace consents it stays as it was: an older deployment may
    place them, and its binding stands.
    """
    before = dig(_before(world), "workspaces", "ownNamespace")
    if (
        before is not None
        and (consent.NEEDS | {Need.DEPLOYMENTS}) & world.snapshot.missing().keys()
    ):
        return bool(before)
    return world.deployment.namespace in {one.name for one in world.found.namespaces}


def _beside_stranded(world: World, pool: NodePool, word: Word) -> tuple[Word, Sequence[str]]:
    """The same for a pool that can take Pods, and the claims whose Pods it may not be able to take."""
    found = stranded_claims.stranded(world, pool, _tolerations(pool))
    if found.is_many:
        return Word(pool_guard.PREFERRED, found.told()), ()
    if found.claims:
        word = Word(word.mode, f"{word.why}, but {found.told()}")
    return word, found.claims


def _unread_of_workspaces(world: World, state: pools.PoolState) -> list[str]:
    """What the workspaces' guard would have to know and does not.

    Room is none of it: a pool of this kind grows when it is full. Volumes matter only to a pool that is
    there, so that one that is gone is never kept required by what else is not seen.
    """
    needs: list[Need] = [need for need in state.unread if need is Need.NODES]
    if (needs or state.ready) and Need.PERSISTENT_VOLUMES in world.snapshot.missing():
        needs.append(Need.PERSISTENT_VOLUMES)
    return [need.value for need in needs]


def _mode(*, can_take: bool) -> str:
    return pool_guard.REQUIRED if can_take else pool_guard.PREFERRED


def _seen(world: World, pool: NodePool, word: Word, before: Mapping[str, Any]) -> Word:
    """What is seen of the pool now, but for one that has only just come back."""
    return pool_guard.returning(word, _requirements(pool), before, world.now)


def _told(matching: int, ready: int, *, has_room: bool = True) -> str:
    """What was seen in the pool, without figures that would change with every Pod."""
    if not matching:
        return "no node has the pool's labels, so the pool is preferred"
    if not ready:
        return "no node of the pool is ready and open, so the pool is preferred"
    if not has_room:
        return "no node of the pool has room for a replica, so the pool is preferred"
    return "the pool can take Pods, so it is required"


def _bound(
    world: World,
    pool: NodePool,
    word: Word,
    before: Mapping[str, Any],
    asked: AbstractSet[str],
) -> dict[str, Any]:
    if Need.NODES in world.snapshot.missing():
        labels = before.get("nodeLabels")
    else:
        labels = node_labels(pool, world, asked)
    return {
        "mode": word.mode,
        "decided": pool.placement == pool_guard.REQUIRED or None,
        "steadySince": timestamp(word.since) if word.since else None,
        "requirements": _requirements(pool),
        "tolerations": _tolerations(pool) or None,
        "nodeLabels": labels or None,
    }


def _requirements(pool: NodePool) -> list[dict[str, Any]]:
    return [
        {"key": key, "operator": "In", "values": [value]}
        for key, value in sorted(pool.selector.items())
    ]


def node_labels(pool: NodePool, world: World, asked: AbstractSet[str]) -> dict[str, list[str]]:
    """What the pool's ready nodes offer, of the labels that Pods commonly or actually choose nodes by.

    ``asked`` are the keys by which they do.

    Admission compares a template's own wishes with it: a template that wants a GPU which the pool
    does not have must not be bound to the pool. Where no node is ready the next one is asked.
    """
    tolerations = _tolerations(pool)
    nodes = [node for node in world.pool(pool.selector) if pools.is_open(node, tolerations)]
    coming = () if nodes else _coming(world, pool)
    found: dict[str, list[str]] = {}
    for key in sorted((asked | USUAL_LABELS) - pool.selector.keys()):
        values = _values(nodes, key) or coming_nodes.values(coming, key)
        if 0 < len(values) <= MOST_VALUES:
            found[key] = values
    return dict(list(found.items())[:MOST_LABELS])


def _values(nodes: Iterable[Node], key: str) -> list[str]:
    return sorted({node.meta.labels[key] for node in nodes if key in node.meta.labels})


def _asked_by(workspaces: tuple[Workspace, ...]) -> tuple[str, ...]:
    return tuple({key for one in workspaces for key in _asked(one.pod.shape)})


def _asked(shape: PodShape) -> Iterable[str]:
    """The labels by which a Pod's own nodeSelector and required node affinity choose."""
    yield from shape.scheduling.node_selector
    terms = dig(
        shape.scheduling.affinity,
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
        default=[],
    )
    for term in terms:
        for one in dig(term, "matchExpressions", default=[]):
            yield str(dig(one, "key", default=""))


def coderd_labels(world: World) -> dict[str, str]:
    """The labels by which coderd's Pods are known: the Deployment's own selector, live where it is there."""
    plane = world.deployment.spec.control_plane
    if world.coderd is None:
        if plane.management == "Managed":
            return selector_labels(world.deployment)
        if Need.DEPLOYMENTS in world.snapshot.missing():
            return dict(dig(_before(world), "controlPlane", "podLabels", default={}))
        return {}
    live = world.coderd.deployment
    return dict(dig(live.selector, "matchLabels", default={}) or live.template_meta.labels)


def _demand(world: World, pool: NodePool, live: PodShape | None) -> pools.Demand:
    """What one more replica of coderd asks of a node."""
    if live is None:
        wanted = size(world.deployment.spec).coderd
        return pools.Demand(wanted.cpu_millicores, wanted.memory_bytes, _tolerations(pool))
    own = [dict(one) for one in live.scheduling.tolerations]
    return pools.Demand(
        live.cpu_request_millicores, live.memory_request_bytes, [*own, *_tolerations(pool)]
    )


def _tolerations(pool: NodePool) -> list[dict[str, Any]]:
    return [one.dump() for one in pool.tolerations]


def _acts(world: World, rule: str) -> bool:
    return _has_engine(world) and _enforced(world, rule)


def _has_engine(world: World) -> bool:
    return engine(world)[0] != NO_ENGINE


def _enforced(world: World, rule: str) -> bool:
    suspended = world.deployment.spec.suspend
    return not suspended and enforcement.mode(world.deployment, rule) is Mode.ENFORCE


def _before(world: World) -> Mapping[str, Any]:
    return world.previous.get("placement") or {}
