"""The operator ends at every single write of every edit: nothing is cut, nothing acts alone, and it ends the same.

In memory, with the whole story; test_crash_points.py of the cluster tests does it on a real API server.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from coder_cva import reconcile
from coder_cva.rules.model import Report
from support import builders, safety
from support.coder_manifests import chart_coderd, chart_provisioner, chart_proxy
from support.edits import LIVES, Edit, base
from support.story import SOON, Killed, Story
from support.workspace_manifests import workspace_deployment

TEAM = builders.namespace("team", annotations={"cva.coder.com/deployment": "coder/coder"})
MANY = {"Managed": 100, "Adopted": 70}
"""Writes at which the operator is killed at least; that there are so many is part of the claim."""


@pytest.fixture(autouse=True)
def _unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules write nothing, and cost most of a pass."""
    monkeypatch.setattr(reconcile, "evaluate", lambda _world: Report(()))


def inhabited(management: str) -> Story:
    """A cluster with workspaces beside coderd and in a namespace of their own."""
    there: list[Any] = [TEAM]
    for space in ("coder", "team"):
        there += builders.all_running(workspace_deployment("alpha", space))
        there += safety.in_use(space)
    if management == "Adopted":
        there += builders.all_running(chart_coderd("coder", database=False), ["control-plane-1"])
        there += [chart_provisioner(), chart_proxy()]
    return Story(around=[*Story().around, *builders.flat(there)])


async def apply(story: Story, edit: Edit, management: str) -> None:
    """Somebody edits the CoderDeployment; its status stays."""
    status = story.bodies[0].get("status") if story.bodies else None
    cr = edit.of(base(management, "coder"))
    story.put({**cr, **({"status": status} if status else {})})
    story.served = edit.served


async def rested(story: Story) -> None:
    """Passes until one writes nothing."""
    for _ in range(12):
        journal = len(story.writes)
        await story.look()
        story.now += SOON
        if len(story.writes) == journal:
            return
    raise AssertionError(f"no rest: {story.writes[-6:]}")


def there(story: Story) -> list[dict[str, Any]]:
    """All objects."""
    return [*builders.flat(story.around), *story.objects.values()]


def reached(story: Story) -> frozenset[str]:
    """The connections that work."""
    return safety.working(there(story), "coder", "team")


def forked(story: Story, writes: int) -> Story:
    """The same cluster again, with a new process that ends after so many writes."""
    other = Story(
        around=story.around,
        bodies=copy.deepcopy(story.bodies),
        objects=copy.deepcopy(story.objects),
        managers=copy.deepcopy(story.managers),
        now=story.now,
        writes_left=writes,
        served=story.served,
    )
    other.restart()
    return other


@pytest.mark.parametrize("management", LIVES)
async def test_ended_at_any_write_it_is_safe_and_ends_the_same(
    management: str, record_property: Any
) -> None:
    """Killed after none, one, two … writes of each edit, and started again as a process that knows nothing."""
    story, killed = inhabited(management), 0
    # Whom the garbage collector takes is not seen here; the cluster's tests see it.
    for edit in (one for one in LIVES[management] if not one.is_deletion):
        worked = reached(story)
        await apply(story, edit, management)
        whole = forked(story, 10_000)
        await rested(whole)
        assert not {one.kind for one in whole.objects} & {*edit.without}, edit
        for writes in range(len(whole.writes)):
            it = forked(story, writes)
            await killed_once(it)
            done = f"{edit}: {it.writes}"
            assert not (worked & reached(whole)) - reached(it), f"cut by {done}"
            assert list(safety.unsafe(there(it), it.bodies[0])) == [], done
            it.writes_left = 10_000
            it.restart()
            await rested(it)
            assert it.objects == whole.objects, f"another end after {done}"
        killed += len(whole.writes)
        assert list(safety.unsafe(there(whole), whole.bodies[0])) == []
        story = whole
    record_property("killed_at", killed)
    assert killed > MANY[management]


async def killed_once(story: Story) -> None:
    """Passes until the process ends."""
    with pytest.raises(Killed):
        await rested(story)
