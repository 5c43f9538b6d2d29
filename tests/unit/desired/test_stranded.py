"""Which replicas are asked to make way for others that may run elsewhere."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired import stranded
from coder_cva.desired.changes import Action, Change
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from support import builders
from support.coder_manifests import chart_coderd
from support.deployments import adopted
from support.managed_coder import rendered, resource

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

POOL = "coder.com/node-group"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
WHERE = {
    "controlPlane": {
        "mode": "Preferred",
        "requirements": [{"key": POOL, "operator": "In", "values": ["control-plane"]}],
    }
}


def bound(pod: dict[str, Any], *terms: list[str]) -> dict[str, Any]:
    """A Pod to which admission has added requirements: a term for each list of keys."""
    made = deepcopy(pod)
    made["spec"].setdefault("affinity", {})["nodeAffinity"] = {
        REQUIRED: {
            "nodeSelectorTerms": [
                {
                    "matchExpressions": [
                        {"key": key, "operator": "In", "values": ["x"]} for key in term
                    ]
                }
                for term in terms
            ]
        }
    }
    return made


def waiting(pod: dict[str, Any]) -> dict[str, Any]:
    """A Pod that no node takes."""
    made = deepcopy(pod)
    made["spec"].pop("nodeName", None)
    return builders.pending(made)


def freed(
    change: Any,
    cr: dict[str, Any] | None = None,
    where: dict[str, Any] | None = None,
    manifest: dict[str, Any] | None = None,
    **rest: Any,
) -> list[str]:
    """The names of the Pods that make way, where the last replica was changed like this."""
    found = stranded.evictions(
        around(change, cr, manifest, **rest), WHERE if where is None else where
    )
    assert all(one.uid for one in found)
    return [one.ref.name for one in found]


def around(
    change: Any,
    cr: dict[str, Any] | None = None,
    manifest: dict[str, Any] | None = None,
    **rest: Any,
) -> World:
    """The world in which the last replica was changed like this."""
    cr = cr or resource()
    deployment, replica_set, *pods = builders.rolled_out(manifest or rendered(cr), ("stray",))
    pods[-1] = change(pods[-1])
    return builders.world(
        cr, builders.node("stray", cpu="64", memory="256Gi"), deployment, replica_set, pods, **rest
    )


def test_a_replica_that_was_bound_and_waits_is_freed() -> None:
    """It alone, with the reason in words."""
    names = freed(lambda pod: waiting(bound(pod, [POOL])))

    assert len(names) == 1
    assert names[0].endswith("-00002")


@pytest.mark.parametrize(
    "change",
    [
        lambda pod: bound(pod, [POOL]),
        waiting,
        lambda pod: waiting(bound(pod, ["zone"])),
        lambda pod: waiting(bound(pod, [POOL], ["zone"])),
    ],
    ids=["it runs", "not bound", "bound to something else", "another term lets it elsewhere"],
)
def test_every_other_replica_is_left(change: Any) -> None:
    """Whoever runs, or waits for something that is not the pool, is none of our doing."""
    assert freed(change) == []


@pytest.mark.parametrize("mode", ["Required", "Off"])
def test_while_the_pool_is_required_it_is_waited_for(mode: str) -> None:
    """The user's own `Required`, or a pool that can take it: the Pod waits as it should."""
    where = {"controlPlane": {**WHERE["controlPlane"], "mode": mode}}

    assert freed(lambda pod: waiting(bound(pod, [POOL])), where=where) == []
    assert freed(lambda pod: waiting(bound(pod, [POOL])), where={}) == []


def test_a_template_that_requires_the_pool_itself_is_respected() -> None:
    """What Helm's values require is not ours to loosen: the next Pod would require it again."""
    (theirs,) = (it for it in chart_coderd() if it["kind"] == "Deployment")
    theirs["spec"]["template"] = bound(theirs["spec"]["template"], [POOL])

    assert freed(waiting, adopted("coder"), manifest=theirs) == []


def test_an_adopted_coderd_is_freed_too() -> None:
    """What admission bound is let go, whoever owns the Deployment."""
    (theirs,) = (it for it in chart_coderd() if it["kind"] == "Deployment")

    assert (
        len(freed(lambda pod: waiting(bound(pod, [POOL])), adopted("coder"), manifest=theirs)) == 1
    )


def test_on_the_ground_of_nodes_that_were_not_read_nobody_is_freed() -> None:
    """The pool may be there all the same."""
    unread = {Need.NODES: Absence.FORBIDDEN}

    assert freed(lambda pod: waiting(bound(pod, [POOL])), unavailable=unread) == []


def stuck(pod: dict[str, Any]) -> dict[str, Any]:
    """A Pod that was bound to the pool and waits for it."""
    return waiting(bound(pod, [POOL]))


def test_a_pod_that_nobody_would_make_again_is_left() -> None:
    """Without a ReplicaSet an eviction is an end."""

    def bare(pod: dict[str, Any]) -> dict[str, Any]:
        made = stuck(pod)
        del made["metadata"]["ownerReferences"]
        return made

    assert freed(bare) == []


def test_somebody_elses_webhook_is_not_fought_for_ever() -> None:
    """Pass after pass the next Pod is bound again: after three rounds no Pod is evicted, and that is told."""
    world = around(stuck)
    rounds = []
    for _ in range(20):
        going = stranded.evictions(world, WHERE)
        done = [Change(one.ref, Action.EVICTED) for one in going]
        rounds.append(len(going))
        world = replace(world, previous={"evictions": stranded.tally(world, WHERE, done)})

    most = stranded.ROUNDS * 3
    assert rounds == [1] * most + [0] * (20 - most)
    (told,) = stranded.given_up(world, WHERE)
    assert told.reason == "BoundBySomebodyElse"
    assert told.subject.startswith("ReplicaSet coder/coder-")
    assert f"{most} Pods" in told.message
    assert not told.blocking


def test_only_what_was_evicted_is_counted() -> None:
    """A refused eviction frees nobody, so it must not be the reason to give up."""
    world = around(stuck)
    (going,) = stranded.evictions(world, WHERE)

    failed = stranded.tally(world, WHERE, [Change(going.ref, Action.FAILED)])
    done = stranded.tally(world, WHERE, [Change(going.ref, Action.EVICTED)])

    assert failed == {}
    assert list(done.values()) == [1]


def test_the_count_outlasts_the_pods_and_ends_with_the_pools_return() -> None:
    """Between an eviction and the next Pod there is nothing to see; a ReplicaSet that is gone is forgotten."""
    (name,) = stranded.tally(
        around(stuck),
        WHERE,
        [Change(one.ref, Action.EVICTED) for one in stranded.evictions(around(stuck), WHERE)],
    )
    between = replace(around(lambda pod: pod), previous={"evictions": {name: 2, "gone": 5}})

    assert stranded.tally(between, WHERE, []) == {name: 2}
    back = {"controlPlane": {**WHERE["controlPlane"], "mode": "Required"}}
    assert stranded.tally(between, back, []) == {}
