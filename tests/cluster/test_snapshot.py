"""The hand-made worlds of the unit tests against a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.snapshot.consistency import impossible
from coder_cva.snapshot.discovery import discover
from coder_cva.snapshot.model import Absence, ClusterSnapshot, Unavailable
from coder_cva.snapshot.needs import EXTENSIONS, SOURCES
from coder_cva.snapshot.parse import gathered
from support import builders, coder_manifests
from support import workspace_manifests as templates
from support.deployments import adopted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster


@pytest.fixture
def nodes(cluster: Provider, namespace: str) -> Iterator[list[str]]:
    """Two nodes that are there for this test alone."""
    names = list(cluster.nodes(f"{namespace}-node", 2))
    yield names
    for name in names:
        cluster.remove_node(name)


def observed(kube: Kube) -> ClusterSnapshot:
    """Everything as the API server gives it, as the operator would read it."""
    readings: dict[str, Any] = {
        need.value: gathered(need, kube.list(f"{source.plural}.{source.group}".rstrip(".")))
        for need, source in SOURCES.items()
        if not source.extension
    }
    readings |= {need.value: Unavailable(Absence.NOT_SERVED) for need in EXTENSIONS}
    return ClusterSnapshot(**readings)


def test_what_is_discovered_by_hand_is_discovered_for_real(
    kube: Kube, namespace: str, nodes: list[str]
) -> None:
    """Coder by its charts and workspaces by its templates, applied, scheduled, read back.

    The API server takes every manifest of the builders; roles, proofs, controllers and consent come
    out as in the unit tests; no token is kept; and the laws of possible worlds hold for a real one.
    """
    coder = [
        coder_manifests.chart_coderd(namespace, prometheus=True),
        coder_manifests.chart_provisioner(namespace),
        coder_manifests.chart_proxy(namespace),
    ]
    workspaces = [
        templates.workspace_deployment("a", namespace),
        templates.workspace_deployment("b", namespace, token=False),
        templates.devcontainer_deployment("c", namespace),
        templates.devcontainer_deployment("d", namespace, token=False),
        templates.workspace_pod("e", namespace),
        templates.envbox_pod("f", namespace),
        templates.seed_pod("g", namespace),
    ]
    for body in builders.flat([coder, workspaces]):
        kube.apply(body)
    pods = len(coder) + len(workspaces)
    kube.wait_for(lambda: _running(kube, namespace) == pods, what="all Pods run")

    snapshot = observed(kube)
    found = discover(builders.coder_deployment(adopted(namespace)), snapshot)

    assert [one.deployment.meta.name for one in found.coderd] == ["coder"]
    assert [one.deployment.meta.name for one in found.proxies] == ["coder-proxy"]
    assert [one.deployment.meta.name for one in found.provisioners] == ["coder-provisioner"]
    assert {one.manager for one in found.coderd} == {"Helm"}
    assert sorted((one.proof, one.controller.partition(" ")[0]) for one in found.workspaces) == [
        ("CODER_AGENT_TOKEN", ""),
        ("CODER_AGENT_TOKEN", ""),
        ("CODER_AGENT_TOKEN", "Deployment"),
        ("CODER_AGENT_TOKEN", "Deployment"),
        ("com.coder labels", "Deployment"),
        ("owner's labels", "Deployment"),
        ("workspace name label", ""),
    ]
    assert templates.TOKEN not in repr(snapshot)
    # Other tests leave Pods behind on nodes that they took away; this namespace is ours alone.
    assert [one for one in impossible(snapshot) if f" {namespace}/" in one] == []


def _running(kube: Kube, namespace: str) -> int:
    pods = kube.list("pods", namespace)
    return sum(one.get("status", {}).get("phase") == "Running" for one in pods)
