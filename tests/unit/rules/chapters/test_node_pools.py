"""CVA-NODE-005: what is promised of the next start of a workspace, by what admission does here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.api.v1alpha1.placement import MOST_STRANDED
from coder_cva.rules.engine import evaluate
from coder_cva.snapshot.model import Served
from support import builders
from support.corpus import merged
from support.deployments import adopted
from support.workspace_manifests import (
    virtual_machine_pod,
    workspace_deployment,
    workspace_pod,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

PROMISE = "stop and start the workspace"


def remedies(
    spec: dict[str, Any], served: Served, manifest: Any, others: Sequence[Any] = ()
) -> list[str]:
    """The remedies for a workspace that runs on the control plane's node."""
    world = builders.world(
        merged(adopted("coder"), {"spec": spec}),
        builders.pools(),
        builders.all_running(manifest, ["control-plane-1"]),
        others,
        served=served,
    )
    report = evaluate(world, strict=True)
    return [one.remedy for one in report.findings if one.rule == "CVA-NODE-005"]


BARE = {"workspaces": {"barePods": "Enforce"}}
PREFERRED = {"workspaces": {"nodePool": {"placement": "Preferred"}}}
AUDIT = {"enforcement": {"rules": {"CVA-NODE-005": "Audit"}}}
VIRT = builders.node(
    "workspaces-4",
    builders.WORKSPACES,
    labels={"kubevirt.io/schedulable": "true"},
    devices={"devices.kubevirt.io/kvm": "1k"},
)
"""A node of the pool on which KubeVirt can run machines."""
HERE, NOWHERE = Served(("v1",), ("v1",)), Served((), ("v1",))


@pytest.mark.parametrize(
    ("spec", "served", "manifest", "promised"),
    [
        ({}, HERE, workspace_deployment(), True),
        ({}, NOWHERE, workspace_deployment(), False),
        (AUDIT, HERE, workspace_deployment(), False),
        ({"suspend": True}, HERE, workspace_deployment(), False),
        ({}, HERE, workspace_pod(), False),
        (BARE, HERE, workspace_pod(), True),
        (PREFERRED, HERE, workspace_deployment(), False),
    ],
    ids=[
        "enforced",
        "not served",
        "audited",
        "suspended",
        "bare",
        "bare and enforced",
        "preferred",
    ],
)
def test_a_start_is_promised_only_where_admission_acts(
    spec: dict[str, Any], served: Served, manifest: Any, promised: bool
) -> None:
    """Everywhere else the template is the only way."""
    (found,) = remedies(spec, served, manifest)

    assert found.startswith(PROMISE) is promised
    assert "node_selector" in found


def test_a_virtual_machine_is_told_what_its_manifest_says() -> None:
    """Not the Pod that KubeVirt makes of it, nor the labels by which KubeVirt itself chooses nodes."""
    (found,) = remedies({}, HERE, [virtual_machine_pod()], [VIRT])

    assert "in spec.template.spec of its VirtualMachine" in found
    assert 'nodeSelector = { "coder.com/node-group" = "workspaces" }' in found
    assert "kubevirt.io" not in found


@pytest.mark.parametrize(("count", "promised"), [(MOST_STRANDED, True), (MOST_STRANDED + 1, False)])
def test_no_start_is_promised_where_too_many_homes_are_elsewhere(
    count: int, promised: bool
) -> None:
    """Above that number admission cannot tell whose they are, and prefers the pool for everybody."""
    elsewhere = [
        builders.persistent_volume(f"pv-{number}", f"coder/other-{number}", "nowhere")
        for number in range(count)
    ]

    (found,) = remedies({}, HERE, workspace_deployment(), elsewhere)

    assert found.startswith(PROMISE) is promised
