"""Namespaces that consent, withdraw, appear, go, or are not the user's to give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.deployments import managed, ready_coder, wait_condition

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster

CONSENT = "cva.coder.com/deployment"
BINDINGS = ("MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicyBinding")


def consents(kube: Kube, name: str, resource: Object | None) -> Object:
    """A namespace says, or no longer says, that this CoderDeployment may act on it."""
    said = f"{resource['metadata']['namespace']}/coder" if resource else None
    return kube.patch(kube.get("Namespace", name), {"metadata": {"annotations": {CONSENT: said}}})


def bound(kube: Kube, resource: Object, kind: str) -> set[str]:
    """The namespaces that our bindings of this kind name."""
    uid = resource["metadata"]["uid"]
    found = kube.list(kind, labels=f"cva.coder.com/owner-uid={uid}")
    return {
        name
        for one in found
        for expression in one["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
        for name in expression["values"]
    }


def names(kube: Kube, resource: Object, *expected: str) -> Callable[[], bool]:
    """Whether both kinds of bindings name these namespaces and no others."""
    return lambda: all(bound(kube, resource, kind) == set(expected) for kind in BINDINGS)


def test_consent_comes_and_goes(kube: Kube, operator: OperatorProcess, namespace: str) -> None:
    """coderd's rights and the bindings follow a namespace's own word, both ways, within moments."""
    resource = ready_coder(kube, namespace)
    other = kube.namespace("team")

    consents(kube, other, resource)

    kube.wait_for(lambda: kube.find("RoleBinding", "coder", other), what="coderd's rights there")
    kube.wait_for(names(kube, resource, namespace, other), what="bindings that name both")
    consents(kube, other, None)
    kube.wait_for(lambda: not kube.find("RoleBinding", "coder", other), what="no rights there")
    kube.wait_for(names(kube, resource, namespace), what="bindings that name one")
    kube.delete(kube.get("Namespace", other))


def test_a_consenting_namespace_that_is_deleted_takes_nothing_along(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """While it ends nothing is written into it, the deployment stays Ready, and nobody is alarmed."""
    resource = ready_coder(kube, namespace)
    other = kube.namespace("team")
    consents(kube, other, resource)
    kube.wait_for(lambda: kube.find("RoleBinding", "coder", other), what="coderd's rights there")

    ending = kube.get("Namespace", other)
    kube.delete(ending)

    kube.wait_gone(ending)
    kube.wait_for(names(kube, resource, namespace), what="bindings that name one")
    operator.look_again(kube, resource)
    wait_condition(kube, resource, "Ready", "True")


def test_the_own_namespace_deleted_leaves_nothing_in_the_cluster(
    kube: Kube, operator: OperatorProcess
) -> None:
    """With its namespace goes the CoderDeployment, and what it had outside goes too, without a quarrel."""
    namespace = kube.namespace("ending")
    resource = ready_coder(kube, namespace)
    other = kube.namespace("team")
    consents(kube, other, resource)
    kube.wait_for(lambda: kube.find("RoleBinding", "coder", other), what="coderd's rights there")

    ending = kube.get("Namespace", namespace)
    kube.delete(ending)

    kube.wait_gone(ending)
    kube.wait_for(names(kube, resource), what="no bindings")
    kube.wait_for(lambda: not kube.find("RoleBinding", "coder", other), what="no rights there")
    complaints = [
        line
        for line in operator.log.read_text().splitlines()
        if f"{namespace}/coder" in line and ("WARNING" in line or "ERROR" in line)
    ]
    assert complaints == []
    kube.delete(kube.get("Namespace", other))


def test_a_namespace_that_did_not_consent_is_refused(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Named in the spec alone another's namespace gets nothing: no rights, no policy; status says what to type."""
    other = kube.namespace("theirs")
    manifest = managed(namespace)
    manifest["spec"]["workspaces"]["namespaces"] = {"names": [other]}
    resource = kube.apply(manifest)
    kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "coder-db-url", "namespace": namespace}})  # fmt: skip

    told = wait_condition(kube, resource, "Ready", "True")

    reason = told["status"]["workspaces"]["refusedNamespaces"][other]
    assert f"kubectl annotate namespace {other} {CONSENT}={namespace}/coder" in reason
    assert kube.find("RoleBinding", "coder", other) is None
    assert kube.list("networkpolicies", other) == []
    for kind in BINDINGS:
        assert other not in bound(kube, resource, kind)
    kube.delete(kube.get("Namespace", other))


def test_a_namespace_that_is_created_later_is_taken_up(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Named in the spec before it exists, and made with its consent, it is acted on by itself."""
    later = f"{namespace}-later"
    manifest = managed(namespace)
    manifest["spec"]["workspaces"]["namespaces"] = {"names": [namespace, later]}
    resource = kube.apply(manifest)
    told = wait_condition(kube, resource, "Ready", "True")
    assert "is not there" in told["status"]["workspaces"]["refusedNamespaces"][later]

    made = kube.create(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": later, "annotations": {CONSENT: f"{namespace}/coder"}},
        }
    )

    kube.wait_for(lambda: kube.find("RoleBinding", "coder", later), what="coderd's rights there")
    kube.wait_until(resource, lambda one: later in one["status"]["workspaces"]["namespaces"])
    kube.delete(made)
