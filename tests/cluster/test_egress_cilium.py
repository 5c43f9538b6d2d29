"""DNS names in the lists of egress, on a real API server that serves Cilium's kind: a stand-in for it, without a Cilium.

The operator runs as it is shipped, under its own ServiceAccount and the shipped rights.
"""

from __future__ import annotations

import json
import shlex
import time
from typing import TYPE_CHECKING, Any

import pytest

from support import cilium
from support.coder_manifests import chart_coderd, chart_provisioner
from support.deployments import adopted
from support.stage import own_stage
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess
    from support.stage import Stage

pytestmark = pytest.mark.cluster

DISCOVERY = 60
"""Seconds after which a kind that is not served is looked for again, at the latest."""
OURS = "app.kubernetes.io/managed-by=coder-cva-operator"
KIND = "CiliumNetworkPolicy"
NAMES = {"coder-workspaces-egress", "coder-workspaces-by-name-egress"}
GIT = {"name": "git", "why": "clones", "fqdns": ["github.com", "*.example.org"], "ports": [{"port": 443}]}  # fmt: skip


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A cluster whose kinds these tests add and take away."""
    with own_stage(request, tmp_path_factory.mktemp("cilium")) as it:
        yield it


@pytest.fixture(scope="module")
def operator(stage: Stage) -> OperatorProcess:
    """The operator as shipped, in its usual pace."""
    process = stage.operator()
    process.start()
    return process


@pytest.fixture
def kube(stage: Stage, operator: OperatorProcess) -> Iterator[Kube]:
    """The client of that cluster; a test leaves it without Cilium's kind."""
    yield stage.kube
    served = stage.kube.find("CustomResourceDefinition", cilium.NAME)
    if served:
        stage.kube.delete(served)
        stage.kube.wait_gone(served)


def served(kube: Kube) -> Object:
    """Cilium's kind, from now on."""
    made = kube.apply(cilium.crd())
    return kube.wait_until(made, lambda it: "Established" in json.dumps(it.get("status", {})))


def asked(kube: Kube, **said: Any) -> Object:
    """An adopted Coder, with a workspace and provisioners, whose workspaces may go to names alone."""
    namespace = kube.namespace("names")
    for one in (*chart_coderd(namespace, database=False), *chart_provisioner(namespace)):
        kube.apply(one, manager="helm")
    for one in workspace_deployment(namespace=namespace):
        kube.apply(one, manager="Terraform")
    cr = adopted(namespace)
    cr["spec"]["network"] = {"workspaceEgress": "Restricted", "egress": {"workspaces": [GIT]}}
    cr["spec"] |= said
    return kube.create(cr)


def ours(kube: Kube, kind: str, coder: Object) -> dict[str, Object]:
    """Our policies of a kind that are about egress, by name."""
    found = kube.list(kind, coder["metadata"]["namespace"], labels=OURS)
    return {
        one["metadata"]["name"]: one for one in found if one["metadata"]["name"].endswith("-egress")
    }


def wait_policies(kube: Kube, coder: Object, names: set[str], *, timeout: float = 60) -> None:
    """Wait until exactly these are there, of both kinds, and nothing of them is open for everything."""

    def are_there() -> bool:
        plain = ours(kube, "NetworkPolicy", coder)
        is_narrow = all({} not in one["spec"]["egress"] for one in plain.values())
        return ours(kube, KIND, coder).keys() == plain.keys() == names and is_narrow

    kube.wait_for(are_there, timeout=timeout, what=f"policies {names}")


def wait_status(kube: Kube, coder: Object, holds: Callable[[Object], Any], timeout: float) -> Object:  # fmt: skip
    """The status, once something holds for it."""
    found: Object = kube.wait_until(coder, lambda it: holds(it.get("status", {})), timeout=timeout)[
        "status"
    ]
    return found


def type_it(kube: Kube, coder: Object, command: str) -> None:
    """What a command from the status says, to this API server."""
    words = shlex.split(command)
    kube.patch(coder, json.loads(words[words.index("-p") + 1]))


def held_back(status: Object) -> list[str]:
    """What is said of names that nobody follows, as a preview or as something that is withheld."""
    told = [one["message"] for one in status.get("previews", ())]
    told += [one["message"] for one in status.get("withheld", ())]
    return [one for one in told if "serves no CiliumNetworkPolicy" in one]


def test_names_are_confirmed_kept_and_taken_back(kube: Kube, operator: OperatorProcess) -> None:
    """Written by one word, brought back when somebody deletes them, gone while suspended and when taken back."""
    served(kube)
    coder = asked(kube)
    namespace = coder["metadata"]["namespace"]
    # The operator may have looked for the kind shortly before it was there.
    words = f"CVA-NET-005: egress of workspaces in {namespace}"
    told = wait_status(
        kube, coder, lambda it: words in it.get("confirm", {}).get("pending", ()), DISCOVERY + 60
    )
    assert ours(kube, KIND, coder) == ours(kube, "NetworkPolicy", coder) == {}
    assert any("git (github.com, *.example.org)" in one["message"] for one in told["previews"])

    type_it(kube, coder, told["confirm"]["command"])
    wait_policies(kube, coder, NAMES)
    made = ours(kube, KIND, coder)["coder-workspaces-egress"]
    assert made["spec"]["endpointSelector"] == {"matchLabels": {"com.coder.resource": "true"}}
    assert made["spec"]["enableDefaultDeny"] == {"egress": False}
    assert made["spec"]["egress"][0]["toPorts"][0]["rules"] == {"dns": [{"matchPattern": "*"}]}
    assert made["spec"]["egress"][1] == {
        "toFQDNs": [{"matchName": "github.com"}, {"matchPattern": "*.example.org"}],
        "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}],
    }
    owner = made["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["uid"]) == ("CoderDeployment", coder["metadata"]["uid"])

    kube.delete(made)
    kube.wait_for(
        lambda: ours(kube, KIND, coder).keys() == NAMES,
        timeout=DISCOVERY + 30,
        what="the deleted policy to be back",
    )
    again = ours(kube, KIND, coder)["coder-workspaces-egress"]
    assert again["metadata"]["uid"] != made["metadata"]["uid"]
    assert again["spec"] == made["spec"]
    operator.look_again(kube, coder)
    assert ours(kube, KIND, coder)["coder-workspaces-egress"] == again, (
        "a quiet cluster sees no writes"
    )

    kube.patch(coder, {"spec": {"suspend": True}})
    wait_policies(kube, coder, set())
    kube.patch(coder, {"spec": {"suspend": False}})
    wait_policies(kube, coder, NAMES)

    kube.patch(coder, {"spec": {"network": {"confirm": None}}})
    wait_policies(kube, coder, set())


def test_names_wait_until_somebody_can_follow_them(kube: Kube) -> None:
    """Enforced without Cilium nothing is written, and that is told; the kind that comes later is noticed by itself.

    When the kind goes again, what closed everything but names goes as well.
    """
    coder = asked(kube, enforcement={"rules": {"CVA-NET-005": "Enforce"}})
    (message,) = held_back(wait_status(kube, coder, held_back, 60))
    assert "spec.network.egress.workspaces lists DNS names (git: github.com" in message
    assert ours(kube, "NetworkPolicy", coder) == {}

    began = time.monotonic()
    crd = served(kube)
    wait_policies(kube, coder, NAMES, timeout=DISCOVERY + 30)
    assert time.monotonic() - began < DISCOVERY + 30
    wait_status(kube, coder, lambda it: not held_back(it), 30)

    kube.delete(crd)
    kube.wait_gone(crd)
    kube.wait_for(
        lambda: ours(kube, "NetworkPolicy", coder) == {},
        timeout=60,
        what="what closes to go with what names",
    )
    wait_status(kube, coder, held_back, 30)


def test_names_of_provisioners_are_followed_as_those_of_workspaces(kube: Kube) -> None:
    """Terraform's registry is one: a policy of each kind for their Deployment, and Open takes both away."""
    served(kube)
    builds = {"name": "api", "why": "builds", "cidrs": ["10.0.0.1/32"]}
    registry = {"name": "registry", "why": "providers", "fqdns": ["registry.terraform.io"]}
    lists = [{**builds, "connection": "provisioner-to-kube-api"}, registry]
    coder = asked(
        kube,
        enforcement={"rules": {"CVA-NET-003": "Enforce"}},
        network={"provisionerEgress": "Restricted", "egress": {"provisioners": lists}},
    )
    name = "coder-provisioner-coder-provisioner-egress"

    wait_policies(kube, coder, {name}, timeout=DISCOVERY + 60)
    made = ours(kube, KIND, coder)[name]
    assert made["spec"]["egress"][1] == {"toFQDNs": [{"matchName": "registry.terraform.io"}]}

    kube.patch(coder, {"spec": {"network": {"provisionerEgress": "Open"}}})
    wait_policies(kube, coder, set(), timeout=DISCOVERY + 30)
