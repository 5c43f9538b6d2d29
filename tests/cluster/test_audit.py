"""`coder_cva audit` against a real API server: it judges, says what it may not read, and writes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness import binaries
from support import coder_manifests, workspace_manifests
from support.deployments import adopted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "save-cluster.sh"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a person types it."""
    return subprocess.run(
        [sys.executable, "-m", "coder_cva", "audit", *arguments],
        env={**os.environ, "KUBECONFIG": "/dev/null"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def audit(kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command on a cluster."""
    return command("--kubeconfig", str(kubeconfig), *arguments)


def flat(manifests: list[Any]) -> Iterator[dict[str, Any]]:
    """All manifests of nested lists."""
    for one in manifests:
        if isinstance(one, list):
            yield from flat(one)
        else:
            yield one


@pytest.fixture
def manifest(unattended: Provider, tmp_path: Path) -> Path:
    """A namespace with an adopted Coder and a workspace, and the manifest to judge it by."""
    kube = unattended.kube
    namespace = kube.namespace("audit")
    for one in flat(
        [
            coder_manifests.chart_coderd(namespace),
            workspace_manifests.workspace_deployment("alpha", namespace),
        ]
    ):
        kube.apply(one, manager="helm")
    file = tmp_path / "coderdeployment.yaml"
    file.write_text(yaml.safe_dump(adopted(namespace)))
    return file


def everything(kube: Kube) -> set[tuple[str, str]]:
    """Kind and version of all objects that an operator could have written."""
    kinds = ("Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget", "CoderDeployment")
    return {
        (f"{kind} {one['metadata']['name']}", one["metadata"]["uid"])
        for kind in kinds
        for one in kube.list(kind)
    }


def test_a_cluster_is_judged_before_anything_is_installed(
    unattended: Provider, manifest: Path
) -> None:
    """By a manifest that nobody applied: failures with their remedies, exit code 1, and no write."""
    before = everything(unattended.kube)

    said = audit(unattended.kubeconfig, "-f", str(manifest))

    assert said.returncode == 1, said.stderr
    assert "Not conformant" in said.stdout
    assert "FAIL  CVA-CTL-001" in said.stdout
    assert "replicaCount: 3" in said.stdout
    assert everything(unattended.kube) == before


def test_a_program_gets_every_clause(unattended: Provider, manifest: Path) -> None:
    """As JSON on standard output, and nothing else there."""
    said = audit(unattended.kubeconfig, "-f", str(manifest), "-o", "json")

    report = json.loads(said.stdout)
    assert len(report["clauses"]) == 50
    assert report["conformant"] == "False"
    assert said.returncode == 1


def test_a_typing_error_in_a_manifest_is_told(unattended: Provider, manifest: Path) -> None:
    """As the API server would warn of it; the report is made all the same."""
    body = yaml.safe_load(manifest.read_text())
    body["spec"]["workspaces"]["storrage"] = {"maxSize": "10Gi"}
    manifest.write_text(yaml.safe_dump(body))

    said = audit(unattended.kubeconfig, "-f", str(manifest), "-o", "json")

    assert "warning: spec.workspaces.storrage" in said.stderr
    assert "write storage" in said.stderr
    assert json.loads(said.stdout)["conformant"] == "False"


def test_what_may_not_be_read_is_unknown(
    unattended: Provider, manifest: Path, tmp_path: Path
) -> None:
    """Somebody with few rights gets a report that says so, and no pass for what was not seen."""
    namespace = yaml.safe_load(manifest.read_text())["metadata"]["namespace"]
    config = unattended.serviceaccount_kubeconfig(namespace, "default", tmp_path / "config")

    said = audit(config, "-f", str(manifest), "-o", "json")

    found = {one["id"]: one for one in json.loads(said.stdout)["clauses"]}
    assert found["CVA-CTL-001"]["verdict"] == "unknown"
    assert found["CVA-CTL-001"]["reason"] == "Forbidden"
    assert not any(one["verdict"] == "passed" for one in found.values())
    assert said.returncode == 3


def save(kubeconfig: Path, folder: Path) -> str:
    """Saves the cluster with the shipped script and a real kubectl; what it complained of."""
    path = f"{binaries.kubectl().parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", str(SCRIPT), str(folder), "--kubeconfig", str(kubeconfig)],
        env={**os.environ, "PATH": path, "KUBECONFIG": "/dev/null"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stderr


def test_a_saved_cluster_is_judged_as_the_live_one(
    unattended: Provider, manifest: Path, tmp_path: Path
) -> None:
    """Every verdict and finding from the files of the shipped script is that of the cluster."""
    judged = ("-f", str(manifest), "-o", "json")

    def live() -> Any:
        return json.loads(audit(unattended.kubeconfig, *judged).stdout)["clauses"]

    for attempt in range(10):
        folder = tmp_path / str(attempt)
        before, complaints, after = live(), save(unattended.kubeconfig, folder), live()
        if before == after:  # nothing moved meanwhile
            break

    said = command("--snapshot", str(folder), *judged)
    assert complaints == ""
    assert said.returncode == 1, said.stderr
    assert json.loads(said.stdout)["clauses"] == before == after


def test_without_a_manifest_a_live_one_is_needed(unattended: Provider, manifest: Path) -> None:
    """The sentence names the remedy."""
    said = audit(unattended.kubeconfig, "nobody")

    assert said.returncode == 2
    assert "judge by a manifest with -f" in said.stderr
    assert said.stdout == ""


def test_the_live_one_is_found_by_its_name(unattended: Provider, manifest: Path) -> None:
    """Once it is applied, its name is enough."""
    body = yaml.safe_load(manifest.read_text())
    applied = unattended.kube.apply(body)
    try:
        said = audit(unattended.kubeconfig, "-n", body["metadata"]["namespace"], "-o", "markdown")
    finally:
        unattended.kube.delete(applied)

    assert said.returncode == 1, said.stderr
    assert "| CVA-CTL-001 | high | **failed** |" in said.stdout
