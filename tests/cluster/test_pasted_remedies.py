"""A finding of each chapter, its remedy pasted where it says, applied, and the finding is gone.

Judged by `coder_cva audit` on a real API server. Coder's charts are played by stand-ins that know the values of
which remedies speak; Terraform's blocks are read by a parser of its language; commands are typed into a shell.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness import binaries
from harness.waiting import wait_for
from support import pasting
from support.deployments import adopted
from support.pasting import Desk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.provider import Provider

pytestmark = pytest.mark.cluster

Finding = dict[str, Any]
AWAY = {
    "nodeAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": 100,
                "preference": {
                    "matchExpressions": [
                        {"key": "coder.com/node-group", "operator": "DoesNotExist"}
                    ]
                },
            }
        ]
    }
}
"""A taste for nodes of no pool."""


def policy(namespace: str) -> dict[str, Any]:
    """Somebody allowed names and forgot the rest."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "dns-only", "namespace": namespace},
        "spec": {
            "podSelector": {"matchLabels": {"com.coder.resource": "true"}},
            "policyTypes": ["Egress"],
            "egress": [{"ports": [{"port": 53, "protocol": "UDP"}]}],
        },
    }


def storage_class(namespace: str) -> dict[str, Any]:
    """The class of a driver that can expand volumes, without the word that allows it."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": f"block-{namespace}"},
        "provisioner": "ebs.csi.aws.com",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def with_storage(desk: Desk) -> None:
    """Workspaces get that class."""
    made = storage_class(desk.namespace)
    driver = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSIDriver",
        "metadata": {"name": made["provisioner"]},
        "spec": {"attachRequired": True},
    }
    desk.others += [made, driver]
    desk.storage_class = made["metadata"]["name"]
    desk.resource["spec"]["workspaces"]["storage"] = {"storageClassName": desk.storage_class}


def with_a_provisioner(desk: Desk) -> None:
    """One, for four builds at once."""
    desk.resource["spec"]["architecture"] = {"tier": "1k", "users": 80, "concurrentBuilds": 4}
    desk.provisioner = {"coder": {"replicaCount": 1}}


def architecture(**figures: Any) -> Callable[[Desk], None]:
    """The spec says so much."""
    return lambda desk: desk.resource["spec"].update(architecture=figures)


def coder(**values: Any) -> Callable[[Desk], None]:
    """The values of Coder's chart say so much."""
    return lambda desk: desk.values.update(coder=values)


CASES: dict[str, Callable[[Desk], None]] = {
    "CVA-GEN-003": architecture(tier="1k", users=2500),
    "CVA-CTL-001": lambda desk: desk.resource["spec"]["controlPlane"].update(
        highAvailabilityLicensed=True
    ),
    "CVA-CTL-002": coder(resources={"requests": {"cpu": "500m", "memory": "1Gi"}}),
    "CVA-NODE-003": coder(replicaCount=3, affinity=AWAY),
    "CVA-NODE-005": lambda desk: setattr(desk, "template", {"affinity": AWAY}),
    "CVA-NODE-006": lambda desk: setattr(desk, "template", {"affinity": {}}),
    "CVA-WS-001": lambda desk: setattr(desk, "labels", {}),
    "CVA-NET-001": lambda desk: desk.others.append(policy(desk.namespace)),
    "CVA-STO-002": with_storage,
    "CVA-PROV-001": with_a_provisioner,
    "CVA-DB-002": lambda desk: desk.resource["spec"].update(
        database={"declared": {"cpu": "1", "memory": "4Gi"}}
    ),
    "CVA-OPS-002": coder(
        env=[
            {"name": "CODER_ACCESS_URL", "value": "https://coder.example.com"},
            {"name": "CODER_TELEMTRY_ENABLE", "value": "false"},
        ]
    ),
    "CVA-OBS-001": coder(replicaCount=1),
}
"""By the clause what is wrong at first."""
TYPED = {"CVA-STO-002"}
"""Whose remedy is a command."""


@pytest.mark.parametrize("clause", CASES)
def test_a_pasted_remedy_makes_the_finding_go(
    unattended: Provider, tmp_path: Path, clause: str
) -> None:
    """Until nothing is found: what a remedy brings to light has a remedy of its own."""
    kube = unattended.kube
    desk = Desk(kube.namespace("pasted"), {})
    desk.resource = adopted(desk.namespace)
    desk.template = {}
    CASES[clause](desk)
    judged = Judge(unattended, desk, tmp_path / "coderdeployment.yaml", clause)
    pasting.apply(kube, desk.manifests())

    wait_for(lambda: judged.findings() or None, what=f"{clause} to be found")
    for _ in range(4):
        found = judged.findings()
        if not found:
            break
        for one in found:
            paste(unattended, desk, clause, one)
        pasting.apply(kube, desk.manifests() if clause not in TYPED else [])
        helped = partial(judged.has_none_of, found)
        wait_for(helped, what=f"{found} to go", seen=lambda: judged.message)

    assert judged.verdict == "passed", judged.message


def paste(provider: Provider, desk: Desk, clause: str, finding: Finding) -> None:
    """Into a shell, or into a file."""
    if clause in TYPED:
        pasting.typed(finding["remedy"], binaries.kubectl(), provider.kubeconfig)
    else:
        desk.paste(finding["remedy"], finding["resource"])


class Judge:
    """`coder_cva audit` over one clause."""

    def __init__(self, provider: Provider, desk: Desk, file: Path, clause: str) -> None:
        self._kubeconfig, self._desk, self._file = provider.kubeconfig, desk, file
        self._clause = clause
        self.verdict = self.message = ""

    def findings(self) -> list[Finding]:
        """Those of the clause, in the report's order."""
        self._file.write_text(yaml.safe_dump(self._desk.resource))
        command = [sys.executable, "-m", "coder_cva", "audit", "-o", "json"]
        command += ["-f", str(self._file), "--kubeconfig", str(self._kubeconfig)]
        done = subprocess.run(
            command, env=os.environ, capture_output=True, text=True, check=False, timeout=300
        )
        report = json.loads(done.stdout)
        result = next(one for one in report["clauses"] if one["id"] == self._clause)
        self.verdict, self.message = result["verdict"], result["message"]
        return list(result["findings"])

    def has_none_of(self, findings: list[Finding]) -> bool:
        """Whether all of these are gone, and something is known."""
        left = {_known_as(one) for one in self.findings()} & {_known_as(one) for one in findings}
        return not left and self.verdict != "unknown"


def _known_as(finding: Finding) -> tuple[str, str, str]:
    return finding["resource"], finding["field"], finding["observed"]
