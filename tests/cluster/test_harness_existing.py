"""A user's own cluster is left as it was found; a native one, reached by a login plugin, plays it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from harness import factory
from harness.existing import ExistingCluster
from harness.fixtures import running
from harness.native import NativeCluster
from support.installation import ROOT, install, shipped_manifests

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.api import Object
    from harness.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.native]

CONTEXT = "home"
KINDS = (
    *("Namespace", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"),
    *("StorageClass", "ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"),
)


@pytest.fixture(scope="module")
def owned(request: pytest.FixtureRequest) -> Iterator[NativeCluster]:
    """The user's cluster, as the user sees it."""
    with running(request, NativeCluster()) as cluster:
        yield cluster


@pytest.fixture
def kubeconfig(owned: NativeCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubeconfig as a cloud's tool writes it, which names a login program; the user has agreed."""
    document = yaml.safe_load(owned.kubeconfig.read_text())
    token = document["users"][0]["user"].pop("token")
    api = "client.authentication.k8s.io/v1"
    answer = json.dumps({"apiVersion": api, "kind": "ExecCredential", "status": {"token": token}})
    login = tmp_path / "login"
    login.write_text(f"#!/bin/sh\necho {shlex.quote(answer)}\n")
    login.chmod(0o700)
    plugin = {"command": "./login", "apiVersion": api, "interactiveMode": "Never"}
    document["users"][0]["user"]["exec"] = plugin
    document["contexts"][0]["name"] = document["current-context"] = CONTEXT
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    monkeypatch.setenv("CVA_KUBECONFIG", str(path))
    monkeypatch.setenv("CVA_YES", CONTEXT)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return path


def everything(kube: Kube) -> dict[str, str]:
    """What is in the cluster beside Pods and the like: UIDs by kind and name."""
    return {
        f"{kind}/{one['metadata']['name']}": one["metadata"]["uid"]
        for kind in KINDS
        for one in kube.list(kind)
    }


def coder(namespace: str) -> Object:
    """The smallest CoderDeployment."""
    sample = yaml.safe_load((ROOT / "deploy/samples/minimal.yaml").read_text())
    return {**sample, "metadata": {"name": "coder", "namespace": namespace}}


def test_what_tests_make_is_removed(owned: NativeCluster, kubeconfig: Path) -> None:
    """CRD, rights, namespaces, admission policies: nothing of it is left, and nothing else is gone."""
    before = everything(owned.kube)
    cluster = ExistingCluster(kubeconfig)
    cluster.up()
    install(cluster.kube)
    namespace = cluster.kube.namespace("mine")
    jane = cluster.kube.acting_as("jane", "system:masters")
    # A CRD's storage is ready some time after it is established.
    jane.wait_for(lambda: jane.create(coder(namespace)), what="the resource")
    assert len(everything(owned.kube)) > len(before)
    cluster.down()
    assert everything(owned.kube) == before


def test_what_was_there_stays(owned: NativeCluster, kubeconfig: Path) -> None:
    """The user's own CRD, rights and namespace survive tests that apply the same, and delete theirs."""
    for manifest in shipped_manifests():
        owned.kube.apply(manifest, manager="owner")
    before = everything(owned.kube)
    cluster = ExistingCluster(kubeconfig)
    cluster.up()
    install(cluster.kube)
    mine = cluster.kube.namespace("mine")
    cluster.kube.delete(cluster.kube.get("Namespace", mine))
    cluster.kube.wait_gone({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": mine}})
    # The user takes over a name that tests had: it is another object now, and the user's.
    theirs = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": mine}}
    uid = owned.kube.create(theirs)["metadata"]["uid"]
    cluster.down()
    assert everything(owned.kube) == {**before, f"Namespace/{mine}": uid}
    for one in (*shipped_manifests(), theirs):
        owned.kube.delete(one)
        owned.kube.wait_gone(one)


def test_the_last_user_cleans_up(
    owned: NativeCluster, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fixtures of one run share the cluster: what one made stays while another may rely on it."""
    monkeypatch.setenv("CVA_CLUSTER", "existing")
    before = everything(owned.kube)
    first, second = factory.cluster(), factory.cluster()
    first.up()
    second.up()
    install(first.kube)
    first.down()
    assert second.kube.get("CustomResourceDefinition", "coderdeployments.cva.coder.com")
    second.down()
    assert everything(owned.kube) == before


def test_the_suite_runs_there(owned: NativeCluster, kubeconfig: Path) -> None:
    """`CVA_CLUSTER=existing`: what needs one cluster runs; another minor, nodes and breaking are skipped."""
    before = everything(owned.kube)
    files = ("test_crd.py", "test_placement_volumes.py", "test_kube_outages.py")
    select = "structural or kubectl_get or another_zone or killed_and_started"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-k", select]
        + [str(ROOT / "tests/cluster" / name) for name in files],
        cwd=ROOT,
        env={**os.environ, "CVA_CLUSTER": "existing"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert "tests of Kubernetes 1.34 need a cluster of that minor" in done.stdout
    assert "this test wants a cluster of its own" in done.stdout
    assert everything(owned.kube) == before
