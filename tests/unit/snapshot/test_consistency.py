import copy
from collections.abc import Callable
from typing import Any

import pytest

from coder_cva.snapshot.consistency import impossible
from coder_cva.snapshot.model import Absence, Gathered
from coder_cva.snapshot.needs import Need
from support import builders, coder_manifests
from support.workspace_manifests import workspace_pod

WORLD = builders.flat(
    [
        builders.pools(1, 1),
        builders.all_running([coder_manifests.chart_coderd(), workspace_pod("dev")]),
    ]
)


def broken(change: Callable[[dict[str, Any]], None], kind: str) -> tuple[str, ...]:
    """The contradictions of the good world after a change of its first object of a kind."""
    bodies = copy.deepcopy(WORLD)
    change(next(one for one in bodies if one["kind"] == kind))
    return impossible(builders.snapshot_of(bodies))


def test_a_world_as_a_cluster_shows_it_is_possible() -> None:
    """Deployments with their Pods, claims, nodes and namespaces."""
    assert impossible(builders.snapshot_of(WORLD)) == ()


@pytest.mark.parametrize(
    ("sentence", "kind", "change"),
    [
        ("which is not there", "Pod", lambda it: it["spec"].update(nodeName="nowhere")),
        ("runs on no node", "Pod", lambda it: it["spec"].pop("nodeName")),
        ("is ready and does not run", "Pod", lambda it: it["status"].update(phase="Pending")),
        ("is owned by ReplicaSet", "ReplicaSet", lambda it: it["metadata"].update(uid="other")),
        ("is owned by Deployment", "Deployment", lambda it: it["metadata"].update(uid="other")),
        ("does not select its own Pods", "Deployment", lambda it: it["spec"]["selector"].update(matchLabels={"a": "b"})),
        ("has observed a generation", "Deployment", lambda it: it["status"].update(observedGeneration=9)),
        ("uses claim", "PersistentVolumeClaim", lambda it: it["metadata"].update(name="other")),
        ("its kind is cluster-scoped", "Node", lambda it: it["metadata"].update(namespace="coder")),
        ("its kind is not cluster-scoped", "Service", lambda it: it["metadata"].update(namespace="")),
    ],
)  # fmt: skip
def test_each_contradiction_is_seen(
    sentence: str, kind: str, change: Callable[[dict[str, Any]], None]
) -> None:
    """Every law has a world that breaks it."""
    assert any(sentence in one for one in broken(change, kind))


def test_names_and_uids_are_unique() -> None:
    """The same object twice breaks both laws."""
    found = impossible(builders.snapshot_of(WORLD, WORLD[0]))

    assert any("is there 2 times" in one for one in found)
    assert any("belongs to 2 objects" in one for one in found)


def test_a_namespace_must_be_there() -> None:
    """Where namespaces could be read."""
    snapshot = builders.snapshot_of(WORLD)
    object.__setattr__(snapshot, "namespaces", Gathered())

    assert any("in a namespace that is not there" in one for one in impossible(snapshot))


def test_kinds_must_be_sorted() -> None:
    """Rules and discovery rely on it."""
    snapshot = builders.snapshot_of(WORLD)
    object.__setattr__(snapshot, "nodes", Gathered(tuple(reversed(snapshot.items(Need.NODES)))))

    assert impossible(snapshot) == ("nodes are not sorted",)


def test_a_pod_that_finds_no_node_is_on_none() -> None:
    """The scheduler's complaint ends when it binds the Pod."""
    pod = builders.pending(builders.pod("a"))
    pod["spec"]["nodeName"] = "workspaces-1"

    assert any(
        "on a node and finds none" in one for one in impossible(builders.snapshot_of(WORLD, pod))
    )


@pytest.mark.parametrize("need", Need)
def test_what_could_not_be_read_contradicts_nothing(need: Need) -> None:
    """A refusal is no empty list."""
    snapshot = builders.snapshot_of(WORLD, unavailable={need: Absence.FORBIDDEN})

    assert impossible(snapshot) == ()
