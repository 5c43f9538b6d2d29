"""CVA-NODE-005: what is promised of the next start of a workspace, by what admission does here."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.rules.engine import evaluate
from coder_cva.snapshot.model import Served
from support import builders
from support.corpus import merged
from support.deployments import adopted
from support.workspace_manifests import workspace_deployment, workspace_pod

PROMISE = "stop and start the workspace"


def remedies(spec: dict[str, Any], served: Served, manifest: Any) -> list[str]:
    """The remedies for a workspace that runs on the control plane's node."""
    world = builders.world(
        merged(adopted("coder"), {"spec": spec}),
        builders.pools(),
        builders.all_running(manifest, ["control-plane-1"]),
        served=served,
    )
    report = evaluate(world, strict=True)
    return [one.remedy for one in report.findings if one.rule == "CVA-NODE-005"]


BARE = {"workspaces": {"barePods": "Enforce"}}
AUDIT = {"enforcement": {"rules": {"CVA-NODE-005": "Audit"}}}
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
    ],
    ids=["enforced", "not served", "audited", "suspended", "bare", "bare and enforced"],
)
def test_a_start_is_promised_only_where_admission_acts(
    spec: dict[str, Any], served: Served, manifest: Any, promised: bool
) -> None:
    """Everywhere else the template is the only way."""
    (found,) = remedies(spec, served, manifest)

    assert found.startswith(PROMISE) is promised
    assert "node_selector" in found
