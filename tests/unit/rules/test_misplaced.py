"""Workspaces beside their pool in groups: by template, by what the next start changes, with their owners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.api.v1alpha1.status import WorkspacesStatus
from coder_cva.rules import misplaced
from coder_cva.rules.engine import evaluate
from coder_cva.rules.misplaced import Group
from coder_cva.rules.relocation import NextStart, Relocation
from coder_cva.snapshot.model import Served
from support import builders as b
from support.corpus import merged
from support.deployments import adopted
from support.workspace_manifests import workspace_deployment, workspace_pod

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

IMAGE = "image codercom/enterprise-base:ubuntu"


def world(
    *workspaces: Any, spec: dict[str, Any] | None = None, nodes: Any = None, **more: Any
) -> World:
    """All of these run on a node of the control plane."""
    return b.world(
        merged(adopted("coder"), {"spec": spec or {}}),
        b.pools() if nodes is None else nodes,
        b.all_running(list(workspaces), ["control-plane-1"]),
        **more,
    )


def grouped(it: World) -> tuple[Group, ...]:
    """Its groups."""
    return misplaced.groups(misplaced.workspaces(it), Relocation(it))


def of_template(template: str, name: str, user: str = "alice") -> list[Any]:
    """A workspace whose template gives its own name as a label."""
    claim, deployment = workspace_deployment(name, user=user)
    deployment["spec"]["template"]["metadata"]["labels"]["com.coder.template.name"] = template
    return [claim, deployment]


def test_by_template_where_a_label_names_it_else_by_image() -> None:
    """The largest group first, and in it the owner with most of them."""
    it = world(
        of_template("go", "a", "bob"),
        of_template("go", "b", "bob"),
        of_template("go", "c", "anna"),
        workspace_deployment("d", user="carl"),
    )
    assert grouped(it) == (
        Group("template go", NextStart.MOVES, 3, ("bob", "anna")),
        Group(IMAGE, NextStart.MOVES, 1, ("carl",)),
    )
    assert misplaced.told(grouped(it)) == (
        "they move: 4 onto the pool at the next start. They are of template go (3), "
        + IMAGE
        + " (1)"
    )


REQUIRED = {"workspaces": {"nodePool": {"placement": "Required"}}}
PREFERRED = {"workspaces": {"nodePool": {"placement": "Preferred"}}}
OFF = {"enforcement": {"rules": {"CVA-NODE-005": "Off"}}}
NO_POOL = [b.node("control-plane-1", b.CONTROL_PLANE)]
ARM = {"nodeSelector": {"kubernetes.io/arch": "arm64"}}
OTHER_POOL = {"nodeSelector": {"coder.com/node-group": "control-plane"}}
NAMED = {"nodeName": "control-plane-1"}


@pytest.mark.parametrize(
    ("pod", "spec", "nodes", "expected"),
    [
        ({}, {}, None, NextStart.MOVES),
        ({}, REQUIRED, None, NextStart.MOVES),
        ({}, PREFERRED, None, NextStart.MAY_MOVE),
        ({}, OFF, None, NextStart.STAYS),
        ({}, {}, NO_POOL, NextStart.STAYS),
        ({}, REQUIRED, NO_POOL, NextStart.WAITS),
        (OTHER_POOL, {}, None, NextStart.STAYS),
        (OTHER_POOL, REQUIRED, None, NextStart.STAYS),
        (NAMED, REQUIRED, None, NextStart.STAYS),
        (ARM, {}, [*b.pools(), b.node("arm", labels=ARM["nodeSelector"])], NextStart.STAYS),
        (ARM, REQUIRED, None, NextStart.WAITS),
        ({"resourceClaims": [{"name": "gpu"}]}, {}, None, NextStart.MAY_MOVE),
    ],
    ids=[
        "bound",
        "bound by the user",
        "preferred by the user",
        "not enforced",
        "no pool",
        "bound to no pool",
        "another pool by choice",
        "that in spite of Required",
        "a node by name",
        "an architecture that the pool lacks",
        "bound, and the pool lacks it",
        "devices by claims",
    ],
)
def test_what_the_next_start_changes(
    pod: dict[str, Any], spec: dict[str, Any], nodes: Any, expected: NextStart
) -> None:
    """As admission decides it (desired/admission_variables.py)."""
    it = world(workspace_deployment(pod=pod), spec=spec, nodes=nodes, plausible=False)
    (group,) = grouped(it)
    assert group.next_start is expected


def test_a_bare_pod_and_a_cluster_without_the_policy_stay() -> None:
    """Nothing is done at admission there."""
    assert grouped(world(workspace_pod("dev")))[0].next_start is NextStart.STAYS
    old = world(workspace_deployment(), served=Served((), ("v1",)))
    assert grouped(old)[0].next_start is NextStart.STAYS


def test_a_home_elsewhere_stays_or_waits() -> None:
    """Its volume does not move; the user's own Required binds it all the same."""
    claim, deployment = workspace_deployment()
    name = claim["metadata"]["name"]
    home = b.persistent_volume("pv", f"coder/{name}", "eu-1b")
    for spec, expected in (({}, NextStart.STAYS), (REQUIRED, NextStart.WAITS)):
        it = world(deployment, claim, home, spec=spec, plausible=False)
        assert grouped(it)[0].next_start is expected


def test_thousands_fit_into_a_sentence_and_the_status() -> None:
    """However many templates, owners and long names there are."""
    many = [of_template(f"t{number}", f"w{number}", f"user{number}") for number in range(30)]
    it = world(*many)
    text = misplaced.told(grouped(it))
    assert text.endswith("template t0 (1), template t1 (1), template t10 (1), 27 more")
    report = evaluate(it, strict=True)
    (result,) = [one for one in report.results if one.id == "CVA-NODE-005"]
    assert result.message.startswith("0 of 30 workspaces run on their pool; they move: 30 onto")
    long = workspace_deployment(pod={"containers": [{"name": "dev", "image": "x" * 900}]})
    (group,) = grouped(world(long, plausible=False))
    made = {"template": group.template, "nextStart": group.next_start.value, "count": 1}
    assert WorkspacesStatus.model_validate({"misplacedGroups": [made]}).misplaced_groups
