"""A snapshot in, what no cluster could show out: the check on worlds that are made by hand.

A rule that passes on an impossible world proves nothing. Each law is one function; what could not
be read contradicts nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from coder_cva.snapshot import records
from coder_cva.snapshot.model import ClusterSnapshot, Gathered
from coder_cva.snapshot.needs import SOURCES, Need
from coder_cva.snapshot.workspaces import FINISHED
from coder_cva.values import selectors

_OWNERS: Final = {
    "Deployment": Need.DEPLOYMENTS,
    "ReplicaSet": Need.REPLICA_SETS,
    "Node": Need.NODES,
}


def impossible(snapshot: ClusterSnapshot) -> tuple[str, ...]:
    """One sentence for each contradiction, sorted; () for a world that could be."""
    return tuple(sorted({sentence for law in _LAWS for sentence in law(snapshot)}))


def _objects(snapshot: ClusterSnapshot) -> Iterator[tuple[Need, Any]]:
    for need in Need:
        for one in snapshot.items(need):
            yield need, one


def _is_read(snapshot: ClusterSnapshot, need: Need) -> bool:
    return isinstance(snapshot.reading(need), Gathered)


def _name(need: Need, meta: records.Meta) -> str:
    return f"{SOURCES[need].kind} {meta.path}"


def names_are_unique(snapshot: ClusterSnapshot) -> Iterator[str]:
    """One object of a kind, namespace and name."""
    seen = Counter(_name(need, one.meta) for need, one in _objects(snapshot))
    return (f"{name} is there {count} times" for name, count in seen.items() if count > 1)


def uids_are_unique(snapshot: ClusterSnapshot) -> Iterator[str]:
    """One object of a UID."""
    seen = Counter(one.meta.uid for _, one in _objects(snapshot) if one.meta.uid)
    return (f"UID {uid} belongs to {count} objects" for uid, count in seen.items() if count > 1)


def kinds_are_sorted(snapshot: ClusterSnapshot) -> Iterator[str]:
    """Each kind is sorted by namespace and name, as a Gathered promises."""
    for need in Need:
        keys = [(one.meta.namespace, one.meta.name) for one in snapshot.items(need)]
        if keys != sorted(keys):
            yield f"{need} are not sorted"


def namespaces_exist(snapshot: ClusterSnapshot) -> Iterator[str]:
    """What is namespaced is in a namespace that is there, what is not is in none."""
    known = {one.meta.name for one in snapshot.items(Need.NAMESPACES)}
    for need, one in _objects(snapshot):
        place = one.meta.namespace
        if SOURCES[need].namespaced != bool(place):
            yield f"{_name(need, one.meta)}: its kind is {'' if place else 'not '}cluster-scoped"
        elif place and _is_read(snapshot, Need.NAMESPACES) and place not in known:
            yield f"{_name(need, one.meta)} is in a namespace that is not there"


def owners_exist(snapshot: ClusterSnapshot) -> Iterator[str]:
    """A controller of a kind that was read is there, with the UID that is named."""
    known = {
        (SOURCES[need].kind, one.meta.namespace, one.meta.name, one.meta.uid)
        for need in _OWNERS.values()
        for one in snapshot.items(need)
    }
    for need, one in _objects(snapshot):
        owner = one.meta.owner
        if owner is None or owner.kind not in _OWNERS:
            continue
        place = one.meta.namespace if SOURCES[_OWNERS[owner.kind]].namespaced else ""
        is_read = _is_read(snapshot, _OWNERS[owner.kind])
        if is_read and (owner.kind, place, owner.name, owner.uid) not in known:
            yield f"{_name(need, one.meta)} is owned by {owner.kind} {owner.name}, which is not there"


def pods_run_somewhere(snapshot: ClusterSnapshot) -> Iterator[str]:
    """A Pod that runs is on a node that is there; one that finds no node is on none."""
    known = {one.meta.name for one in snapshot.items(Need.NODES)}
    for pod in snapshot.items(Need.PODS):
        name = _name(Need.PODS, pod.meta)
        if pod.node and _is_read(snapshot, Need.NODES) and pod.node not in known:
            yield f"{name} is on node {pod.node}, which is not there"
        if pod.phase == "Running" and not pod.node:
            yield f"{name} runs on no node"
        if pod.unschedulable and pod.node:
            yield f"{name} is on a node and finds none"
        if pod.ready and pod.phase != "Running":
            yield f"{name} is ready and does not run"


def claims_of_running_pods_exist(snapshot: ClusterSnapshot) -> Iterator[str]:
    """A Pod with a node has all its claims: the scheduler waits for them."""
    if not _is_read(snapshot, Need.PERSISTENT_VOLUME_CLAIMS):
        return
    known = {
        (one.meta.namespace, one.meta.name) for one in snapshot.items(Need.PERSISTENT_VOLUME_CLAIMS)
    }
    for pod in snapshot.items(Need.PODS):
        for claim in pod.shape.claims:
            if pod.node and pod.phase not in FINISHED and (pod.meta.namespace, claim) not in known:
                yield f"{_name(Need.PODS, pod.meta)} uses claim {claim}, which is not there"


def deployments_select_their_pods(snapshot: ClusterSnapshot) -> Iterator[str]:
    """A Deployment's selector matches its own template; it has observed no generation to come."""
    for one in snapshot.items(Need.DEPLOYMENTS):
        name = _name(Need.DEPLOYMENTS, one.meta)
        if not selectors.matches(one.selector, one.template_meta.labels):
            yield f"{name} does not select its own Pods"
        if one.observed_generation > one.meta.generation:
            yield f"{name} has observed a generation that does not exist"


_LAWS: Final[tuple[Callable[[ClusterSnapshot], Iterator[str]], ...]] = (
    names_are_unique,
    uids_are_unique,
    kinds_are_sorted,
    namespaces_exist,
    owners_exist,
    pods_run_somewhere,
    claims_of_running_pods_exist,
    deployments_select_their_pods,
)
