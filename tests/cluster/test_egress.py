"""Egress, restricted on request and taken back by one edit, on a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.coder_manifests import chart_coderd, chart_provisioner, chart_proxy
from support.deployments import adopted, database_secret, managed, wait_condition

if TYPE_CHECKING:
    from harness.kube import Kube
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster

OURS = "app.kubernetes.io/managed-by=coder-cva-operator"
RESTRICTED: dict[str, Any] = {
    "workspaceEgress": "Restricted",
    "controlPlaneEgress": "Restricted",
    "accessURLCIDRs": ["203.0.113.0/24", "2001:db8::/32"],
    "egress": {
        "workspaces": [
            {
                "name": "mirror",
                "why": "packages",
                "podSelector": {"matchLabels": {"app": "nexus"}},
                "ports": [{"port": 8000, "endPort": 8100}],
            }
        ],
        "controlPlane": [
            {
                "name": "database",
                "connection": "coderd-to-postgresql",
                "why": "all of Coder's state",
                "cidrs": ["10.0.0.5/32"],
                "ports": [{"port": 5432}],
            },
            {
                "name": "kube-api",
                "connection": "coderd-to-kube-api",
                "why": "built-in provisioners",
                "cidrs": ["10.0.0.1/32"],
                "ports": [{"port": 443}],
            },
        ],
    },
}
NAMES = {"coder-workspaces-egress", "coder-workspaces-by-name-egress", "coder-coderd-egress"}


def egress(kube: Kube, namespace: str) -> dict[str, dict[str, Any]]:
    """Our policies that isolate for egress, by name."""
    found = kube.list("networkpolicies", namespace, labels=OURS)
    return {one["metadata"]["name"]: one for one in found if "Egress" in one["spec"]["policyTypes"]}


def test_restricted_is_in_force_and_taken_back_by_one_edit(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """The objects are as they were rendered, a quiet cluster sees no writes, and Open removes them at once."""
    kube.apply(database_secret(namespace))
    cr = managed(namespace, accessURL="https://coder.example.com")
    resource = wait_condition(kube, kube.apply(cr), "Ready", "True")
    assert egress(kube, namespace) == {}

    kube.apply({**cr, "spec": {**cr["spec"], "network": RESTRICTED}})
    # They come open for everything, and are narrowed when all of them are there.
    kube.wait_for(
        lambda: (
            egress(kube, namespace).keys() == NAMES
            and all({} not in one["spec"]["egress"] for one in egress(kube, namespace).values())
        ),
        what="the policies",
    )

    found = egress(kube, namespace)
    rules = found["coder-workspaces-egress"]["spec"]["egress"]
    blocks = [peer["ipBlock"]["cidr"] for rule in rules for peer in rule["to"] if "ipBlock" in peer]
    assert {"203.0.113.0/24", "2001:db8::/32"} <= set(blocks)
    assert rules[-1] == {
        "to": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "podSelector": {"matchLabels": {"app": "nexus"}},
            }
        ],
        "ports": [{"port": 8000, "endPort": 8100, "protocol": "TCP"}],
    }
    told = wait_condition(kube, resource, "Ready", "True")["status"]["previews"]
    assert any("may only open connections to DNS" in one["message"] for one in told)

    kube.patch(resource, {"spec": {"network": {"accessURLCIDRs": ["203.0.113.0/24"]}}})
    kube.wait_for(
        lambda: all(
            "2001:db8::/32" not in str(one["spec"]) for one in egress(kube, namespace).values()
        ),
        what="the edit",
    )
    rested = {name: one["metadata"]["generation"] for name, one in egress(kube, namespace).items()}
    assert set(rested.values()) == {3}, "made open, narrowed, and edited once"

    open_again = {"workspaceEgress": "Open", "controlPlaneEgress": "Open"}
    kube.patch(resource, {"spec": {"network": open_again}})
    kube.wait_for(lambda: egress(kube, namespace) == {}, timeout=15, what="the policies to go")
    assert kube.find("NetworkPolicy", "coder-coderd", namespace)


def test_in_an_adopted_coder_it_is_only_foretold(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Restricted alone writes nothing: the status says what Enforce would cut, and Enforce writes it."""
    cr = adopted(namespace)
    cr["spec"]["network"] = {"workspaceEgress": "Restricted"}
    resource = kube.apply(cr)

    def foretold() -> bool:
        status = kube.get("CoderDeployment", "coder", namespace).get("status", {})
        told = [one["message"] for one in status.get("previews", ())]
        return any(one.startswith("with CVA-NET-005: Enforce, workspaces in") for one in told)

    kube.wait_for(foretold, what="the preview")
    assert egress(kube, namespace) == {}

    kube.patch(resource, {"spec": {"enforcement": {"rules": {"CVA-NET-005": "Enforce"}}}})
    kube.wait_for(
        lambda: egress(kube, namespace).keys() == NAMES - {"coder-coderd-egress"},
        what="the policies",
    )
    kube.patch(resource, {"spec": {"enforcement": {"rules": {"CVA-NET-005": "Audit"}}}})
    kube.wait_for(lambda: egress(kube, namespace) == {}, timeout=15, what="the policies to go")


def test_provisioners_and_proxies_by_one_word_and_back(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Foretold, confirmed by the hash, gone while suspended, back afterwards; Open takes one side away alone."""
    for one in (
        *chart_coderd(namespace, database=False),
        *chart_provisioner(namespace),
        *chart_proxy(namespace),
    ):
        kube.apply(one, manager="helm")
    cr = adopted(namespace)
    builds = {"name": "kube-api", "why": "builds", "cidrs": ["10.0.0.1/32"]}
    cr["spec"]["network"] = {
        "provisionerEgress": "Restricted",
        "proxyEgress": "Restricted",
        "accessURLCIDRs": ["203.0.113.0/24"],
        "egress": {"provisioners": [{**builds, "connection": "provisioner-to-kube-api"}]},
    }
    wanted = {
        f"CVA-NET-003: egress of {one} in {namespace}"
        for one in ("external provisioners", "workspace proxies")
    }
    resource = kube.wait_until(
        kube.create(cr),
        lambda it: wanted <= {*it.get("status", {}).get("confirm", {}).get("pending", ())},
        timeout=60,
    )
    assert egress(kube, namespace) == {}

    def wait_policies(*names: str) -> None:
        kube.wait_for(
            lambda: egress(kube, namespace).keys() == {*names}, timeout=60, what=f"{names}"
        )

    provisioners, proxies = (
        "coder-provisioner-coder-provisioner-egress",
        "coder-proxy-coder-proxy-egress",
    )
    hash_ = resource["status"]["confirm"]["hash"]
    kube.patch(resource, {"spec": {"network": {"confirm": hash_}}})
    wait_policies(provisioners, proxies)
    found = kube.wait_until(resource, lambda it: it["status"].get("restrictions"), timeout=60)[
        "status"
    ]["restrictions"]
    assert ("CVA-NET-003", namespace, hash_) in {(it["rule"], it["namespace"], it["by"]) for it in found}  # fmt: skip
    kube.patch(resource, {"spec": {"suspend": True}})
    wait_policies()
    kube.patch(resource, {"spec": {"suspend": False}})
    wait_policies(provisioners, proxies)
    kube.patch(resource, {"spec": {"network": {"proxyEgress": "Open"}}})
    wait_policies(provisioners)
    kube.patch(resource, {"spec": {"network": {"confirm": None}}})
    wait_policies()
