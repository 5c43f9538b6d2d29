from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired.networking import build_network_policies
from support import builders as b
from support.coder_manifests import chart_coderd, chart_provisioner, chart_proxy
from support.deployments import adopted, managed
from support.policies import service
from support.workspace_manifests import (
    devcontainer_deployment,
    envbox_pod,
    workspace_deployment,
    workspace_id,
    workspace_pod,
)

if TYPE_CHECKING:
    from coder_cva.desired.plan import Part
    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

KINDS = (
    "pods",
    "persistentvolumeclaims",
    "services",
    "deployments",
    "replicasets",
    "networkpolicies",
)


@pytest.fixture(scope="module")
def kube(unattended: Provider) -> Kube:
    return unattended.kube


@pytest.fixture
def inhabited(kube: Kube) -> str:
    """A namespace with coderd, a proxy, a provisioner, neighbours, and workspaces of every template."""
    namespace = kube.namespace("coder")
    manifests = b.flat(
        [
            chart_coderd(namespace, replicas=2, database=False),
            chart_proxy(namespace),
            chart_provisioner(namespace),
            b.deployment("neighbour", namespace),
            workspace_deployment("one", namespace),
            devcontainer_deployment("two", namespace),
            workspace_pod("three", namespace),
            envbox_pod("four", namespace),
        ]
    )
    for manifest in manifests:
        kube.create(manifest)
    kube.wait_for(
        lambda: len(kube.list("pods", namespace, fields="status.phase=Running")) == 9,
        what="everybody to run",
    )
    return namespace


def enforced(namespace: str) -> dict[str, Any]:
    """An adopted Coder whose user has decided to isolate workspaces."""
    made = adopted(namespace)
    made["spec"]["enforcement"] = {"rules": {"CVA-NET-005": "Enforce"}}
    return made


def seen(kube: Kube, resource: dict[str, Any]) -> Part:
    """What the builder makes of the cluster as it is, read from the API server."""
    namespace = resource["metadata"]["namespace"]
    found = [one for kind in KINDS for one in kube.list(kind, namespace)]
    return build_network_policies(b.world(resource, found, kube.list("nodes")))


def selected(kube: Kube, policy: dict[str, Any]) -> set[str]:
    """The Pods that a policy selects, as the API server understands its selector."""
    selector = policy["spec"]["podSelector"]
    exact = [f"{key}={value}" for key, value in selector.get("matchLabels", {}).items()]
    listed = [
        f"{one['key']} in ({','.join(one['values'])})" if "values" in one else one["key"]
        for one in selector.get("matchExpressions", [])
    ]
    query = ",".join((*exact, *listed))
    pods = kube.list("pods", policy["metadata"]["namespace"], labels=query)
    return {one["metadata"]["name"] for one in pods}


def test_policies_select_whom_they_mean_and_nobody_else(kube: Kube, inhabited: str) -> None:
    """coderd's selects its replicas; workspaces' select every labelled one, and no neighbour."""
    resource = kube.create(enforced(inhabited))
    part = seen(kube, resource)
    by_name = {one["metadata"]["name"]: kube.apply(one) for one in part.objects}
    coderd = {one["metadata"]["name"] for one in kube.list("pods", inhabited) if _is_coderd(one)}
    assert len(coderd) == 2
    assert selected(kube, by_name["coder-coderd"]) == coderd
    workspaces = selected(kube, by_name["coder-workspaces"]) | selected(
        kube, by_name["coder-workspaces-by-name"]
    )
    expected = {
        one["metadata"]["name"]
        for one in kube.list("pods", inhabited)
        if _has_token(one) and one["metadata"].get("labels")
    }
    assert len(expected) == 3
    assert workspaces == expected
    (unselected,) = [one for one in part.withheld if one.reason == "NoLabelSelects"]
    assert "coder-alice-four" in unselected.message


def test_what_is_written_is_what_is_rendered(kube: Kube, inhabited: str) -> None:
    """The API server fills in nothing of ours: rendered and applied again, nothing is written."""
    resource = kube.create(enforced(inhabited))
    first = [kube.apply(one, manager="operator") for one in seen(kube, resource).objects]
    again = [kube.apply(one, manager="operator") for one in seen(kube, resource).objects]
    versions = [one["metadata"]["resourceVersion"] for one in first]
    assert [one["metadata"]["resourceVersion"] for one in again] == versions
    assert len(versions) == 3


def test_what_is_in_use_is_left_open_on_those_concerned(kube: Kube, inhabited: str) -> None:
    """Services for two workspaces share a policy that selects the two, as the API server understands it.

    Rendered and applied again, nothing is written; a headless Service without ports opens every port.
    """
    for name in ("one", "three"):
        chosen = {"com.coder.workspace.id": workspace_id(name)}
        kube.create(service(f"app-{name}", chosen, 3000, inhabited))
    two = {
        "app.kubernetes.io/name": "coder-workspace",
        "com.coder.workspace.id": workspace_id("three"),
    }
    peers = service("peers", two, namespace=inhabited)
    peers["spec"] = {"clusterIP": "None", "selector": two}
    kube.create(peers)
    resource = kube.create(enforced(inhabited))

    made = [kube.apply(one, manager="operator") for one in seen(kube, resource).objects]
    again = [kube.apply(one, manager="operator") for one in seen(kube, resource).objects]

    versions = [one["metadata"]["resourceVersion"] for one in made]
    assert [one["metadata"]["resourceVersion"] for one in again] == versions
    opened = [one for one in made if "cva.coder.com/in-use" in one["metadata"]["annotations"]]
    by_port = {
        tuple(
            port["port"] for rule in one["spec"]["ingress"] for port in rule.get("ports", ())
        ): one
        for one in opened
    }
    pods = {
        one["metadata"]["labels"].get("com.coder.workspace.id"): one["metadata"]["name"]
        for one in kube.list("pods", inhabited)
        if _has_token(one) and one["metadata"].get("labels")
    }
    assert by_port.keys() == {(), (3000,)}
    assert selected(kube, by_port[3000,]) == {pods[workspace_id(it)] for it in ("one", "three")}
    assert selected(kube, by_port[()]) == {pods[workspace_id("three")]}


def test_they_go_with_their_deployment(kube: Kube) -> None:
    """The garbage collector takes them when the CoderDeployment goes, with no operator at all."""
    namespace = kube.namespace("coder")
    resource = kube.create(managed(namespace))
    made = [kube.apply(one) for one in seen(kube, resource).objects]
    kube.delete(resource)
    for one in made:
        kube.wait_gone(one)


def _is_coderd(pod: dict[str, Any]) -> bool:
    arguments: list[str] = pod["spec"]["containers"][0].get("args", [])
    return arguments[:1] == ["server"]


def _has_token(pod: dict[str, Any]) -> bool:
    return any(
        one["name"] == "CODER_AGENT_TOKEN"
        for container in pod["spec"]["containers"]
        for one in container.get("env", [])
    )
