"""Letting go takes marks out of the metadata, in one write an object, and touches nothing else."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from coder_cva import ports
from coder_cva.apply import release
from coder_cva.apply.engine import Engine, LeadershipLostError
from coder_cva.apply.memory import Memory
from coder_cva.desired.changes import Action
from coder_cva.values.manifest import ref_of
from support import builders
from support.fake_api import FakeApi
from support.managed_coder import rendered, resource

OTHERS = {"apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "uid": "u"}
LIVE = {**rendered(resource()), "status": {"replicas": 3}}
LIVE["metadata"] |= {"uid": "coderd", "resourceVersion": "7"}
LIVE["metadata"]["ownerReferences"].append(OTHERS)
REF = ref_of(LIVE)


@pytest.fixture
def api() -> FakeApi:
    return FakeApi(objects={REF: deepcopy(LIVE)})


@pytest.fixture
def engine(api: FakeApi) -> Engine:
    return Engine(api, Memory(), may_write=lambda: True)


def changed(api: FakeApi) -> dict[str, Any]:
    """What differs from before, by the path of a mapping in the metadata."""
    now, was = api.objects[REF]["metadata"], LIVE["metadata"]
    assert {**api.objects[REF], "metadata": 0} == {**LIVE, "metadata": 0}
    return {key: now.get(key) for key in was if now.get(key) != was[key]}


async def test_what_is_released_is_nobodys(api: FakeApi, engine: Engine) -> None:
    """No owner, and nobody manages it; for whom it was made still stands there. A second time is no write."""
    first = await release.release(engine, LIVE, builders.NOW)
    second = await release.release(engine, LIVE, builders.NOW)

    assert (first.action, second.action) == (Action.RELEASED, Action.UNCHANGED)
    assert "nobody's" in first.message
    labels = dict(LIVE["metadata"]["labels"])
    del labels["app.kubernetes.io/managed-by"], labels["app.kubernetes.io/instance"]
    assert changed(api) == {"ownerReferences": [OTHERS], "labels": labels}
    assert api.writes == [f"amend {REF}"]


async def test_what_is_unbound_stays_ours(api: FakeApi, engine: Engine) -> None:
    """The reference to the CoderDeployment goes, and the label by which Argo CD would prune what has none."""
    first = await release.unbind(engine, REF, builders.NOW)
    second = await release.unbind(engine, REF, builders.NOW)

    assert (first.action, second.action) == (Action.RELEASED, Action.UNCHANGED)
    labels = dict(LIVE["metadata"]["labels"])
    del labels["app.kubernetes.io/instance"]
    assert changed(api) == {"ownerReferences": [OTHERS], "labels": labels}


async def test_the_last_reference_leaves_no_empty_list(api: FakeApi, engine: Engine) -> None:
    """As server-side apply leaves it."""
    api.objects[REF]["metadata"]["ownerReferences"].pop()

    await release.unbind(engine, REF, builders.NOW)

    assert "ownerReferences" not in api.objects[REF]["metadata"]


async def test_what_outlived_its_resource_is_released_too(api: FakeApi, engine: Engine) -> None:
    """The label that it survives was ours as well."""
    api.objects[REF]["metadata"]["labels"]["cva.coder.com/survives"] = "true"

    await release.release(engine, LIVE, builders.NOW)

    assert "cva.coder.com/survives" not in api.objects[REF]["metadata"]["labels"]


async def test_what_somebody_took_meanwhile_keeps_its_labels(api: FakeApi, engine: Engine) -> None:
    """Helm says that it manages it now: that is Helm's to say."""
    api.objects[REF]["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm"

    await release.release(engine, LIVE, builders.NOW)

    assert changed(api).keys() == {"ownerReferences", "labels"}
    assert api.objects[REF]["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"


@pytest.mark.parametrize("there", [None, {**LIVE, "metadata": {**LIVE["metadata"], "uid": "new"}}])
async def test_another_object_of_the_name_is_left(
    api: FakeApi, engine: Engine, there: dict[str, Any] | None
) -> None:
    """What was meant is gone; what is there now was not meant."""
    api.objects = {} if there is None else {REF: there}

    assert (await release.release(engine, LIVE, builders.NOW)).action is Action.UNCHANGED
    assert api.writes == []


async def test_a_refusal_is_a_value(api: FakeApi, engine: Engine) -> None:
    """With its reason, and when to try again."""
    api.refuse[REF] = ports.Stale(REF, "the object has been modified")

    change = await release.release(engine, LIVE, builders.NOW)

    assert (change.action, change.reason, change.retry_after) == (Action.FAILED, "Stale", 1.0)


async def test_who_does_not_lead_lets_nothing_go(api: FakeApi) -> None:
    """The Lease is asked before the write."""
    engine = Engine(api, Memory(), may_write=lambda: False)

    with pytest.raises(LeadershipLostError):
        await release.release(engine, LIVE, builders.NOW)

    assert api.writes == []


async def test_what_was_released_is_taken_back_by_its_name_alone(
    api: FakeApi, engine: Engine
) -> None:
    """The same CoderDeployment applies it again; to one of another name it is somebody else's."""
    api.objects[REF]["metadata"]["ownerReferences"].remove(OTHERS)
    await release.release(engine, LIVE, builders.NOW)
    wanted = rendered(resource())
    theirs = deepcopy(wanted)
    theirs["metadata"]["annotations"]["cva.coder.com/deployment"] = "coder/other"

    foreign = await engine.apply(theirs, None, builders.NOW)
    back = await engine.apply(wanted, None, builders.NOW)

    assert foreign.action is Action.FOREIGN
    assert back.action is Action.CONFIGURED
    assert api.objects[REF]["metadata"]["labels"] == LIVE["metadata"]["labels"]


async def test_who_marks_it_as_ours_again_is_outlasted(api: FakeApi, engine: Engine) -> None:
    """Twice at once, then ever more seldom; the CoderDeployment's edit ends the waiting."""
    now, written = builders.NOW, []
    for minute in range(60):
        now = builders.NOW + timedelta(minutes=minute)
        change = await release.release(engine, LIVE, now)
        if change.action is Action.RELEASED:
            written.append(minute)
            api.objects[REF] = deepcopy(LIVE)

    assert written == [0, 1, 2, 12, 32, 52]
    assert (change.action, change.reason) == (Action.WAITING, "Contested")
    assert "--cascade=orphan" in change.message
    engine.memory.patience.looked_at(LIVE["metadata"]["labels"]["cva.coder.com/owner-uid"], 2)
    assert (await release.release(engine, LIVE, now)).action is Action.RELEASED


async def test_what_is_unbound_again_and_again_waits_too(api: FakeApi, engine: Engine) -> None:
    """It is the same quarrel: somebody puts the owner back."""
    done = []
    for _ in range(3):
        api.objects[REF] = deepcopy(LIVE)
        done.append((await release.unbind(engine, REF, builders.NOW)).action)

    assert done == [Action.RELEASED, Action.RELEASED, Action.WAITING]


async def test_letting_go_never_waits_for_edits_but_taking_up_does(
    api: FakeApi, engine: Engine
) -> None:
    """Two who apply the CoderDeployment disagree about management: it comes to rest as nobody's."""
    api.objects[REF]["metadata"]["ownerReferences"].remove(OTHERS)
    wanted, actions = rendered(resource()), []
    for generation in range(2, 6):
        engine.memory.patience.looked_at(
            wanted["metadata"]["labels"]["cva.coder.com/owner-uid"], generation
        )
        actions.append((await release.release(engine, api.objects[REF], builders.NOW)).action)
        change = await engine.apply(wanted, None, builders.NOW)
        actions.append(change.action)

    there_and_back = [Action.RELEASED, Action.CONFIGURED]
    at_rest = [Action.RELEASED, Action.WAITING, Action.UNCHANGED, Action.WAITING]
    assert actions == [*there_and_back, *there_and_back, *at_rest]
    assert "spec.controlPlane.management" in change.message
    assert change.retry_after == 60
