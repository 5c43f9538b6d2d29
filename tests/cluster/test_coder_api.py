"""Coder's own API on a real control plane: what a stub of it answers is in the verdicts, its token is nowhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support import coder_manifests, coder_stub
from support.coder_stub import TOKEN, CoderStub
from support.corpus import merged
from support.deployments import adopted
from support.installation import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube import Kube
    from support.installation import OperatorProcess

# A look follows the last one after a minute.
pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SECRET = "coder-token"
ADMINS, UPDATES, REPLICAS = "CVA-OPS-003", "CVA-OPS-005", "CVA-CTL-001"


@pytest.fixture
def stub() -> Iterator[CoderStub]:
    """A licensed Coder with one template, whose administrator is a service account."""
    made = CoderStub(
        users=[
            coder_stub.user("maria", "owner"),
            coder_stub.user("ci", "template-admin", service=True),
        ],
        templates=[coder_stub.template("python")],
        replicas=[{"hostname": "coder-a", "error": ""}],
    )
    with coder_stub.in_background(made):
        yield made


@pytest.fixture
def asked(kube: Kube, operator: OperatorProcess, namespace: str, stub: CoderStub) -> dict[str, Any]:
    """A Coder of Helm's, the token in its Secret, the optional Role as it is shipped, and who asks."""
    shipped = ROOT / "deploy/optional/coder-token-reader.yaml"
    for manifest in yaml.safe_load_all(shipped.read_text(encoding="utf-8")):
        manifest["metadata"]["namespace"] = namespace
        kube.apply(manifest)
    for manifest in coder_manifests.chart_coderd(namespace, replicas=3):
        kube.apply(manifest, manager="helm")
    kube.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET, "namespace": namespace},
            "stringData": {"token": f"{TOKEN}\n"},
        }
    )
    said = {"coderAPI": {"tokenSecretRef": {"name": SECRET}, "url": stub.url}}
    return kube.apply(merged(adopted(namespace), {"spec": said}))


def verdicts(kube: Kube, resource: dict[str, Any], **wanted: str) -> dict[str, Any]:
    """The resource once its verdicts on these clauses (underscores for dashes) are so."""
    clauses = {clause.replace("_", "-"): verdict for clause, verdict in wanted.items()}

    def holds(it: dict[str, Any]) -> bool:
        told = it.get("status", {}).get("verdicts", {})
        return all(told.get(clause) == verdict for clause, verdict in clauses.items())

    return kube.wait_until(resource, holds, timeout=180)


def test_what_coder_says_is_judged_and_its_token_is_nowhere(
    kube: Kube, operator: OperatorProcess, asked: dict[str, Any], stub: CoderStub
) -> None:
    """From the first look to an answer that changed, to a token that was taken away."""
    verdicts(kube, asked, CVA_OPS_003="passed", CVA_OPS_005="passed", CVA_CTL_001="passed")

    # Nothing in the cluster moves: only what Coder answers.
    stub.users = [coder_stub.user("maria", "owner", "template-admin")]
    stub.workspaces = [coder_stub.workspace("maria", "python", outdated=True)]
    stub.features = {}
    told = verdicts(kube, asked, CVA_OPS_003="failed", CVA_OPS_005="failed", CVA_CTL_001="failed")
    found = {one["rule"]: one for one in told["status"]["findings"]}
    assert "1 of 1" in found[ADMINS]["observed"]
    assert found[UPDATES]["resource"] == "Template coder/python"
    assert "Coder says not_entitled" in found[REPLICAS]["observed"]

    stub.faults["*"] = coder_stub.refuses(401)
    verdicts(kube, asked, CVA_OPS_003="unknown (Unauthorized)")
    # A changed spec is looked at at once.
    kube.delete(kube.get("Secret", SECRET, asked["metadata"]["namespace"]))
    kube.patch(asked, {"spec": {"architecture": {"users": 81}}})
    told = verdicts(kube, asked, CVA_OPS_003="unknown (TokenNotRead)")

    events = kube.list("Event", asked["metadata"]["namespace"])
    shown = json.dumps([told, events]) + operator.log.read_text(encoding="utf-8")
    assert TOKEN not in shown
    assert "maria" not in shown


def test_agents_that_are_cut_off_while_their_pods_are_ready(
    kube: Kube, asked: dict[str, Any], stub: CoderStub
) -> None:
    """A restriction goes into force, and at two looks in a row Coder misses both agents: told with the one edit."""
    stub.workspaces = [coder_stub.workspace("maria", "python") for _ in range(2)]
    # A changed spec is looked at at once.
    kube.patch(asked, {"spec": {"architecture": {"users": 82}}})
    verdicts(kube, asked, CVA_OPS_003="passed")
    kube.patch(asked, {"spec": {"enforcement": {"rules": {"CVA-NET-005": "Enforce"}}}})
    told = kube.wait_until(asked, lambda it: it.get("status", {}).get("restrictions"))
    assert told["status"]["restrictions"][0]["agentsMissedBefore"] == 0

    stub.workspaces = [
        coder_stub.workspace("maria", "python", agent=one) for one in ("disconnected", "timeout")
    ]

    told = kube.wait_until(asked, lambda it: harms(it["status"]), timeout=200)
    (message,) = harms(told["status"])
    assert "Coder misses the agents of 2 running workspaces since then, of 0 at most" in message
    assert '{"enforcement":{"rules":{"CVA-NET-005":"Audit"}}}' in message
    assert "maria" not in json.dumps(told)
    kube.wait_for(
        lambda: "RestrictionHarms" in json.dumps(kube.list("Event", told["metadata"]["namespace"])),
        what="the Event",
    )


def harms(status: dict[str, Any]) -> list[str]:
    """What restrictions may have broken."""
    notices = status.get("notices", [])
    return [one["message"] for one in notices if one["kind"] == "RestrictionHarms"]
