"""Which nodes are annotated, for whom, and whose annotations are left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired.protected_nodes import Wishes, abandoned, edits, is_ours, withheld
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from support import builders as b
from support.deployments import adopted, managed

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

DISABLED = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
DISRUPT = "karpenter.sh/do-not-disrupt"
MARK = "cva.coder.com/protected"
OURS = {DISABLED: "true", MARK: DISABLED}
HERE = frozenset({"coder"})


def protecting(namespace: str = "coder", name: str = "coder", **pool: Any) -> dict[str, Any]:
    """A CoderDeployment that wants the nodes of its control plane protected."""
    made = managed(namespace, name)
    made["spec"]["controlPlane"]["nodePool"] |= {"protectNodes": True, **pool}
    return made


def node(
    name: str = "cp",
    pool: str = b.CONTROL_PLANE,
    notes: dict[str, str] | None = None,
    **labels: str,
) -> dict[str, Any]:
    """A node with these annotations."""
    made = b.node(name, pool, labels={key.replace("__", "/"): one for key, one in labels.items()})
    made["metadata"]["annotations"] = dict(notes or {})
    return made


def world(
    cr: dict[str, Any], *nodes: dict[str, Any], permitted: frozenset[str] = HERE, **more: Any
) -> World:
    """A world in which the operator may annotate nodes for these namespaces."""
    return replace(b.world(cr, *nodes, **more), may_annotate_nodes=permitted)


def made(it: World) -> dict[str, dict[str, str]]:
    """What is written, by node."""
    return {one.name: dict(one.annotations) for one in edits(it)}


def test_each_node_of_the_pool_is_kept_from_whoever_scales_it() -> None:
    """Karpenter's nodes by its annotation, all others by cluster-autoscaler's; other pools not at all."""
    karpenters = node("k")
    karpenters["metadata"]["labels"]["karpenter.sh/nodepool"] = "default"
    it = world(protecting(), node("cp"), karpenters, node("ws", b.WORKSPACES))
    assert made(it) == {"cp": OURS, "k": {DISRUPT: "true", MARK: DISRUPT}}
    assert withheld(it) == ()


def test_what_is_there_is_not_written_again() -> None:
    """Ours, and somebody else's that says the same."""
    it = world(protecting(), node("a", notes=OURS), node("b", notes={DISABLED: "true"}))
    assert made(it) == {}


def test_by_default_nothing_is_written_on_nodes() -> None:
    """The switch is off, whatever the operator may."""
    it = world(managed("coder"), node(), permitted=frozenset({"*"}))
    assert (made(it), withheld(it)) == ({}, ())


@pytest.mark.parametrize(
    "changed",
    [managed("coder"), protecting(selector={"pool": "new"}), {**adopted("coder")}],
    ids=["switched off", "another pool", "adopted without it"],
)
def test_what_is_wanted_no_longer_is_taken_back(changed: dict[str, Any]) -> None:
    """Only ours: what others set stays."""
    it = world(changed, node("a", notes=OURS), node("b", notes={DISABLED: "true"}))
    assert made(it) == {"a": {}}


def test_a_node_that_leaves_the_pool_is_given_back() -> None:
    """It is in nobody's control plane any more."""
    it = world(protecting(), node("gone", b.WORKSPACES, notes=OURS), node("cp", notes=OURS))
    assert made(it) == {"gone": {}}


def test_a_node_that_two_want_stays_protected_while_one_does() -> None:
    """Pools may share nodes; also one that is suspended still wants them."""
    other = protecting("other", "other")
    other["spec"]["suspend"] = True
    both = frozenset({"coder", "other"})
    shared = world(managed("coder"), node(notes=OURS), others=[other], permitted=both)
    assert made(shared) == {}
    assert made(world(managed("coder"), node(notes=OURS), permitted=both)) == {"cp": {}}


def test_the_wish_of_one_who_may_not_counts_for_nothing() -> None:
    """Neither does it give, nor does it keep: whoever may write a CoderDeployment gains nothing over nodes."""
    stranger = protecting("tenant", "tenant")
    assert made(world(stranger, node())) == {}
    assert made(world(managed("coder"), node(notes=OURS), others=[stranger])) == {"cp": {}}


def test_who_may_not_is_told_what_is_missing() -> None:
    """The right, and the operator's own configuration, which keeps whom it allows already."""
    (one,) = withheld(world(protecting("tenant"), node()))
    assert one.reason == "NotPermitted"
    assert not one.blocking
    assert "kubectl apply -f deploy/optional/protect-nodes.yaml" in one.message
    assert (
        "set env deployment/coder-cva-operator ALLOW_NODE_ANNOTATIONS=coder,tenant" in one.message
    )
    assert made(world(protecting("any"), node(), permitted=frozenset({"*"}))) == {"cp": OURS}


def test_an_operator_that_may_nothing_writes_nothing_and_tells_what_is_left() -> None:
    """Not even to take it back; the command that does is told."""
    it = world(managed("coder"), node(notes=OURS), permitted=frozenset())
    assert made(it) == {}
    (one,) = withheld(it)
    assert one.reason == "LeftOnNodes"
    assert f"kubectl annotate node cp {DISABLED}- {DISRUPT}- {MARK}-" in one.message


@pytest.mark.parametrize("ours", [False, True], ids=["never ours", "was ours"])
def test_the_value_of_somebody_else_stands_and_is_told(*, ours: bool) -> None:
    """Of ours at most the mark is taken back."""
    notes = {DISABLED: "false"} | ({MARK: DISABLED} if ours else {})
    it = world(protecting(), node(notes=notes))
    assert made(it) == ({"cp": {}} if ours else {})
    (one,) = withheld(it)
    assert one.reason == "ForeignAnnotation"
    assert f"{DISABLED} to 'false' on node cp" in one.message
    assert f"kubectl annotate node cp {DISABLED}-" in one.message


def test_what_somebody_took_off_is_put_back() -> None:
    """The mark alone protects nothing."""
    assert made(world(protecting(), node(notes={MARK: DISABLED}))) == {"cp": OURS}


def test_nothing_is_taken_back_while_a_spec_cannot_be_understood() -> None:
    """Its wish is not known."""
    it = world(managed("coder"), node(notes=OURS))
    assert made(replace(it, living=frozenset({*it.living, "another"}))) == {}


def test_a_region_protects_nothing() -> None:
    """It has no control plane."""
    cr = protecting()
    cr["spec"]["controlPlane"]["management"] = "None"
    it = world(cr, node())
    assert (made(it), withheld(it)) == ({}, ())


def test_nodes_on_their_way_out_and_nodes_unseen_are_left() -> None:
    """There is nothing to protect, and nothing known."""
    going = node()
    going["metadata"]["deletionTimestamp"] = "2026-11-23T09:00:00Z"
    assert made(world(protecting(), going)) == {}
    assert made(world(protecting(), unavailable={Need.NODES: Absence.FORBIDDEN})) == {}


def test_when_the_last_wish_is_gone_all_is_given_back() -> None:
    """The CoderDeployment was deleted, maybe while the operator was away."""
    seen = b.snapshot_of(node("a", notes=OURS), node("b"), namespaces=["coder"])
    nodes = seen.items(Need.NODES)
    assert [is_ours(one) for one in nodes] == [True, False]
    assert [one.name for one in abandoned(nodes, Wishes(HERE, ()))] == ["a"]
    assert abandoned(nodes, Wishes(HERE, (b.coder_deployment(protecting()),))) == ()
    assert abandoned(nodes, Wishes(HERE, (), complete=False)) == ()
