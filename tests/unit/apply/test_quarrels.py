"""Who else writes to our objects: taken back twice, left the third time, and never lost on the way."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coder_cva import ports
from coder_cva.apply.engine import Engine
from coder_cva.apply.memory import Memory
from coder_cva.desired.changes import Action, Change, Yielded
from coder_cva.values.manifest import Ref, ref_of
from support import fields
from support.fake_api import FakeApi

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MARKS = {
    "labels": {
        "app.kubernetes.io/managed-by": "coder-cva-operator",
        "cva.coder.com/owner-uid": "uid-1",
    },
    "annotations": {"cva.coder.com/deployment": "coder/coder"},
}
CONTAINER = {"name": "coder", "image": "ghcr.io/coder/coder:v2.30.0", "args": ["server"]}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "coder", "namespace": "coder", **MARKS},
    "spec": {"replicas": 3, "template": {"spec": {"containers": [CONTAINER]}}},
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "coder", "namespace": "coder", **MARKS},
    "spec": {"type": "NodePort", "sessionAffinity": "None"},
}
IMAGE = '.spec.template.spec.containers[name="coder"].image'
CASES = pytest.mark.parametrize(
    ("manifest", "path", "theirs"),
    [
        (DEPLOYMENT, ".spec.replicas", 5),
        (SERVICE, ".spec.type", "LoadBalancer"),
        (DEPLOYMENT, IMAGE, "mirror.example.com/coder:v2.30.0"),
    ],
    ids=["replicas", "type of a Service", "image, which is required"],
)


class Quarrel:
    """One object of ours and somebody who sets a field of it now and then. Time is in minutes."""

    def __init__(self, manifest: dict[str, Any], path: str) -> None:
        self.api = FakeApi()
        self.engine = Engine(self.api, Memory(), may_write=lambda: True)
        self.manifest, self.path, self.ref = deepcopy(manifest), path, ref_of(manifest)
        self.seen: list[Any] = []
        """Every value that the field was seen to have after a pass."""

    async def look(self, minute: float, unforced: frozenset[str] = frozenset()) -> Change:
        """Two passes, as the watch of the first one's own write wakes the second."""
        now = NOON + timedelta(minutes=minute)
        changes = []
        for _ in range(2):
            cached = deepcopy(self.api.objects.get(self.ref))
            changes.append(await self.engine.apply(self.manifest, cached, now, unforced))
            self.seen.append(self.value)
        return changes[0]

    def set(self, value: Any, manager: str = "kubectl") -> None:
        """Somebody sets the field."""
        self.api.edit(self.ref, self.path, value, manager)

    @property
    def value(self) -> Any:
        """The field as it is."""
        return fields.at(self.api.objects[self.ref], fields.parsed(self.path))

    @property
    def ours(self) -> Any:
        """The field as we render it."""
        return fields.at(self.manifest, fields.parsed(self.path))


async def left(manifest: dict[str, Any], path: str, theirs: Any) -> Quarrel:
    """A field that was set three times, at 10, 20 and 30 minutes past, and is left since."""
    it = Quarrel(manifest, path)
    await it.look(0)
    for minute in (10, 20, 30):
        it.set(theirs)
        await it.look(minute)
    return it


@CASES
async def test_the_third_time_within_an_hour_it_stays(
    manifest: dict[str, Any], path: str, theirs: Any
) -> None:
    """Twice taken back, then theirs, in the same pass; it is never reset to a default in between."""
    it = Quarrel(manifest, path)
    await it.look(0)
    found = []
    for minute in (10, 20, 30):
        it.set(theirs)
        found.append((await it.look(minute), it.value))

    assert [(one.action, value) for one, value in found] == [
        (Action.CONFIGURED, it.ours),
        (Action.CONFIGURED, it.ours),
        (Action.UNCHANGED, theirs),
    ]
    assert [one.repaired_from for one, _ in found] == [("kubectl",), ("kubectl",), ()]
    assert found[2][0].yielded == (Yielded(path, "kubectl"),)
    assert set(it.seen) == {it.ours, theirs}


@CASES
async def test_while_it_is_left_all_else_is_kept(
    manifest: dict[str, Any], path: str, theirs: Any
) -> None:
    """What else of the object is edited is repaired, what we render anew is applied, and theirs stays."""
    it = await left(manifest, path, theirs)
    journal = list(it.api.writes)
    rest = await it.look(35)
    it.manifest["metadata"]["labels"]["app.kubernetes.io/version"] = "2.31.0"
    changed = await it.look(40)
    it.api.edit(it.ref, ".metadata.annotations.team", "x", "somebody")
    it.api.strip(it.ref, "cva.coder.com/owner-uid")
    repaired = await it.look(50)

    assert (rest.action, rest.yielded) == (Action.UNCHANGED, (Yielded(path, "kubectl"),))
    assert (changed.action, repaired.action) == (Action.CONFIGURED, Action.CONFIGURED)
    assert len(it.api.writes) == len(journal) + 2
    assert it.value == theirs
    assert it.api.objects[it.ref]["metadata"]["labels"]["app.kubernetes.io/version"] == "2.31.0"


@CASES
async def test_after_an_hour_it_is_tried_again_with_the_same_care(
    manifest: dict[str, Any], path: str, theirs: Any
) -> None:
    """The count begins anew, and ends in the same way: nothing but the two values is ever seen."""
    it = await left(manifest, path, theirs)

    tried = await it.look(90)
    ours = it.value
    for minute in (100, 110):
        it.set(theirs)
        again = await it.look(minute)

    assert (tried.action, ours) == (Action.CONFIGURED, it.ours)
    assert (again.action, it.value) == (Action.UNCHANGED, theirs)
    assert set(it.seen) == {it.ours, theirs}


@CASES
async def test_what_its_manager_lets_go_is_ours_again(
    manifest: dict[str, Any], path: str, theirs: Any
) -> None:
    """Nobody holds it against us any more: it is applied at once, and no longer told as left."""
    it = await left(manifest, path, theirs)
    if path == IMAGE:
        it.set(it.ours)
    else:
        it.api.let_go(it.ref, path, "kubectl")

    change = await it.look(40)

    assert it.value == it.ours
    assert change.yielded == ()


async def test_three_times_in_more_than_an_hour_is_no_quarrel() -> None:
    """Somebody who tries once in a while is corrected once in a while."""
    it = Quarrel(SERVICE, ".spec.type")
    await it.look(0)
    for minute in (10, 50, 75, 120, 140):
        it.set("LoadBalancer")
        assert (await it.look(minute)).repaired_from == ("kubectl",)
        assert it.value == "NodePort"


async def test_whoever_sets_it_the_field_is_counted_once() -> None:
    """Two tools, or one under two names, are the same quarrel; the last one is named."""
    it = Quarrel(SERVICE, ".spec.type")
    await it.look(0)
    for minute, manager in enumerate(("kubectl-edit", "k9s", "argocd-controller")):
        it.set("LoadBalancer", manager)
        change = await it.look(minute)

    assert change.yielded == (Yielded(".spec.type", "argocd-controller"),)
    assert it.value == "LoadBalancer"


async def test_one_field_is_left_and_another_taken_back() -> None:
    """In one and the same conflict: the counts are of fields, not of objects."""
    it = await left(SERVICE, ".spec.type", "LoadBalancer")
    it.api.edit(it.ref, ".spec.sessionAffinity", "ClientIP", "kubectl")

    change = await it.look(40)

    assert (change.action, change.repaired_from) == (Action.CONFIGURED, ("kubectl",))
    assert it.api.objects[it.ref]["spec"] == {"type": "LoadBalancer", "sessionAffinity": "None"}
    assert change.yielded == (Yielded(".spec.type", "kubectl"),)


async def test_a_write_that_failed_took_nothing_back() -> None:
    """Only what was taken back counts: an API server that refuses does not end a quarrel for anybody."""
    it = Quarrel(SERVICE, ".spec.type")
    await it.look(0)
    it.set("LoadBalancer")
    apply = it.api.apply

    async def refusing(*args: Any, **rest: Any) -> Any:
        if rest.get("dry_run"):
            return await apply(*args, **rest)
        raise ports.Unreachable(it.ref, "no answer")

    it.api.apply = refusing  # type: ignore[method-assign]
    for minute in (1, 2, 3):
        assert (await it.look(minute)).action is Action.FAILED
    it.api.apply = apply  # type: ignore[method-assign]

    assert (await it.look(4)).repaired_from == ("kubectl",)
    assert it.value == "NodePort"


async def test_what_is_made_anew_is_whole() -> None:
    """A Service whose type was left is deleted: the new one has ours, because nobody else has one there."""
    it = await left(SERVICE, ".spec.type", "LoadBalancer")
    del it.api.objects[it.ref]

    change = await it.look(40)

    assert (change.action, change.yielded) == (Action.CREATED, ())
    assert it.value == "NodePort"


async def test_a_field_that_cannot_be_left_out_is_not_forced() -> None:
    """Where the name of a field means nothing to us, the object waits, and the conflict is told."""
    it = await left(SERVICE, ".spec.type", "LoadBalancer")
    apply = it.api.apply

    async def obscure(*args: Any, **rest: Any) -> Any:
        try:
            return await apply(*args, **rest)
        except ports.FieldConflict as conflict:
            owners = tuple(
                ports.FieldOwner(".spec.kind-of", one.manager) for one in conflict.owners
            )
            raise ports.FieldConflict(conflict.ref, conflict.message, owners) from conflict

    it.api.apply = obscure  # type: ignore[method-assign]
    for minute in (100, 101):
        await it.look(minute)
        it.set("LoadBalancer")
    change = await it.look(102)

    assert (change.action, change.reason) == (Action.FAILED, "FieldConflict")
    assert it.value == "LoadBalancer"


@pytest.mark.parametrize("rendered", [3, 5], ids=["the plan is older", "the plan has seen it"])
async def test_what_is_not_forced_is_no_quarrel(rendered: int) -> None:
    """However often an autoscaler writes, its number stands, is not counted, and is no finding."""
    it = Quarrel(DEPLOYMENT, ".spec.replicas")
    await it.look(0)
    replicas = frozenset({".spec.replicas"})
    for minute in range(1, 6):
        it.set(minute + 5, "kube-controller-manager")
        it.manifest["spec"]["replicas"] = minute + 5 if rendered == 5 else rendered
        change = await it.look(minute, replicas)
        assert (change.action, change.yielded) == (Action.UNCHANGED, ())
        assert it.value == minute + 5

    it.manifest["spec"]["replicas"] = 3
    assert (await it.look(10)).repaired_from == ("kube-controller-manager",)
    assert it.value == 3


async def test_what_changes_hands_at_the_last_moment_is_not_overrun() -> None:
    """Somebody sets a field between our dry run and our write: it is a conflict of the next pass."""
    it = Quarrel(SERVICE, ".spec.type")
    await it.look(0)
    it.manifest["spec"]["sessionAffinity"] = "ClientIP"
    apply = it.api.apply

    async def interrupted(*args: Any, **rest: Any) -> Any:
        if not rest.get("dry_run"):
            it.set("LoadBalancer")
        return await apply(*args, **rest)

    it.api.apply = interrupted  # type: ignore[method-assign]
    change = await it.engine.apply(it.manifest, None, NOON)

    assert (change.action, change.reason) == (Action.FAILED, "FieldConflict")
    assert it.value == "LoadBalancer"


async def test_memories_of_objects_are_apart() -> None:
    """The same field of another object, and another process, know nothing of a quarrel."""
    memory = Memory()
    one, other = Ref("v1", "Service", "a", "coder"), Ref("v1", "Service", "b", "coder")
    owner = (ports.FieldOwner(".spec.type", "kubectl"),)
    memory.retaken(one, owner, NOON)
    memory.retaken(one, owner, NOON)

    assert memory.stay_theirs(other, owner, NOON) == frozenset()
    assert memory.stay_theirs(one, owner, NOON) == {".spec.type"}
    assert memory.yields(other, NOON) == ()
