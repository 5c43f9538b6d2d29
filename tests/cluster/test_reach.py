"""`coder_cva reach` against a real API server: Pods, policies and namespaces as they are there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from support import builders as b

if TYPE_CHECKING:
    from pathlib import Path

    from harness.provider import Provider

pytestmark = pytest.mark.cluster


def reach(kubeconfig: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a person types it."""
    return subprocess.run(
        [sys.executable, "-m", "coder_cva", "reach", "--kubeconfig", str(kubeconfig), *arguments],
        env={**os.environ, "KUBECONFIG": "/dev/null"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def question(unattended: Provider) -> tuple[str, ...]:
    """A client that asks for the named port of a server, over which a policy stands."""
    kube = unattended.kube
    clients, servers = kube.namespace("clients"), kube.namespace("servers")
    ports = [{"name": "http", "containerPort": 8080}]
    spec = {"containers": [{"name": "main", "image": "nginx", "ports": ports}]}
    kube.create(b.pod("client", clients, labels={"app": "client"}))
    kube.create(b.pod("server", servers, labels={"app": "server"}, spec=spec))
    kube.create(
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "closed", "namespace": servers},
            "spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]},
        }
    )
    return ("--from", f"{clients}/client", "--to", f"{servers}/server:http")


def test_what_is_missing_is_taken_by_the_api_server_and_allows_it(
    unattended: Provider, question: tuple[str, ...]
) -> None:
    """Denied, with the policy that is missing; that one applied, allowed."""
    denied = reach(unattended.kubeconfig, *question, "-o", "json")
    assert denied.returncode == 1, denied.stderr
    (ingress,) = [one for one in json.loads(denied.stdout)["ends"] if one["policies"]]

    unattended.kube.create(ingress["missing"])

    allowed = reach(unattended.kubeconfig, *question)
    assert allowed.returncode == 0, allowed.stderr
    assert allowed.stdout.startswith("ALLOWED")
    assert "allows it" in " ".join(allowed.stdout.split())


def test_the_text_holds_the_same_manifest(unattended: Provider, question: tuple[str, ...]) -> None:
    """So that it may be pasted from a terminal."""
    data = json.loads(reach(unattended.kubeconfig, *question, "-o", "json").stdout)
    said = reach(unattended.kubeconfig, *question).stdout

    block = said.partition("beside these policies:\n")[2].partition("\n\n")[0]
    assert yaml.safe_load(block) == data["ends"][1]["missing"]


def test_what_may_not_be_read_is_unknown(
    unattended: Provider, question: tuple[str, ...], tmp_path: Path
) -> None:
    """Somebody with few rights is told which are missing; nothing is called allowed."""
    namespace = question[1].partition("/")[0]
    config = unattended.serviceaccount_kubeconfig(namespace, "default", tmp_path / "config")

    said = reach(config, *question)

    assert said.returncode == 3, said.stderr
    assert "ask with rights to list pods in all namespaces" in said.stdout


def test_who_is_not_there_is_told(unattended: Provider, question: tuple[str, ...]) -> None:
    """With exit code 2 and what may be meant."""
    said = reach(unattended.kubeconfig, "--from", f"{question[1]}s", *question[2:])

    assert said.returncode == 2
    assert f"write {question[1]}" in said.stderr
