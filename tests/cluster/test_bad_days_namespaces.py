"""Namespaces that consent, withdraw, appear, go, or are not the user's to give."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.deployments import (
    apply_younger,
    database_secret,
    managed,
    ready_coder,
    region,
    wait_condition,
)

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

    kube.wait_for(
        lambda: kube.find("RoleBinding", f"{namespace}-coder", other), what="coderd's rights there"
    )
    kube.wait_for(names(kube, resource, namespace, other), what="bindings that name both")
    consents(kube, other, None)
    kube.wait_for(
        lambda: not kube.find("RoleBinding", f"{namespace}-coder", other), what="no rights there"
    )
    kube.wait_for(names(kube, resource, namespace), what="bindings that name one")
    kube.delete(kube.get("Namespace", other))


@pytest.mark.parametrize("newcomer", [managed, region], ids=["a coderd", "a region"])
def test_who_moves_into_a_consenting_namespace_takes_nothing_away(
    kube: Kube,
    operator: OperatorProcess,
    namespace: str,
    newcomer: Callable[[str, str], Object],
) -> None:
    """The older coderd keeps its rights, and the workspaces there stay placed and isolated as they were."""
    resource = ready_coder(kube, namespace)
    other = kube.namespace("team")
    consents(kube, other, resource)
    kube.wait_for(names(kube, resource, namespace, other), what="bindings that name both")
    isolation = f"{namespace}-coder-workspaces"
    wanted = (("RoleBinding", f"{namespace}-coder"), ("NetworkPolicy", isolation))
    kube.wait_for(
        lambda: all(kube.find(*one, other) for one in wanted), what="rights and isolation"
    )
    kept = [kube.get(*one, other) for one in wanted]
    kube.create(database_secret(other))

    younger = apply_younger(kube, newcomer(other, "newcomer"), resource)

    if newcomer is region:
        told = wait_condition(kube, younger, "Stalled", "True", reason="ClaimedByOlder")
    else:
        told = wait_condition(kube, younger, "Ready", "True")
    refused = told["status"]["workspaces"]["refusedNamespaces"][other]
    assert f"consents to CoderDeployment {namespace}/coder too (annotation)" in refused
    operator.look_again(kube, younger)
    operator.look_again(kube, resource)
    for one in kept:
        found = kube.find(one["kind"], one["metadata"]["name"], other)
        assert found is not None
        assert found["metadata"]["uid"] == one["metadata"]["uid"]
    assert names(kube, resource, namespace, other)()
    wait_condition(kube, resource, "Ready", "True")
    kube.delete(kube.get("Namespace", other))


def test_a_role_binding_consents_while_it_lets_coderd_make_pods(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """One to ``view`` opens nothing; a role written by hand counts as long as its rules say so."""
    resource = ready_coder(kube, namespace)
    other = kube.namespace("team")
    group = "rbac.authorization.k8s.io"
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["create", "delete"]}
    metadata = {"name": "by-hand", "namespace": other}
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]}

    def bind(name: str, kind: str, bound: str) -> Object:
        return kube.create(
            {
                "apiVersion": f"{group}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": name, "namespace": other},
                "roleRef": {"apiGroup": group, "kind": kind, "name": bound},
                "subjects": [{"kind": "ServiceAccount", "name": "coder", "namespace": namespace}],
            }
        )

    bind("looks", "ClusterRole", "view")
    operator.look_again(kube, resource)
    assert names(kube, resource, namespace)()
    bind("edits", "ClusterRole", "edit")
    kube.wait_for(names(kube, resource, namespace, other), what="bindings that name both")
    kube.delete(kube.get("RoleBinding", "edits", other))
    kube.wait_for(names(kube, resource, namespace), what="bindings that name one")
    role = kube.create(role)
    bind("makes", "Role", "by-hand")
    kube.wait_for(names(kube, resource, namespace, other), what="bindings that name both")
    kube.patch(role, {"rules": [{**rule, "verbs": ["get"]}]})
    kube.wait_for(names(kube, resource, namespace), what="bindings that name one")
    kube.delete(kube.get("Namespace", other))


def test_a_consenting_namespace_that_is_deleted_takes_nothing_along(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """While it ends nothing is written into it, the deployment stays Ready, and nobody is alarmed."""
    resource = ready_coder(kube, namespace)
    other = kube.namespace("team")
    consents(kube, other, resource)
    kube.wait_for(
        lambda: kube.find("RoleBinding", f"{namespace}-coder", other), what="coderd's rights there"
    )

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
    kube.wait_for(
        lambda: kube.find("RoleBinding", f"{namespace}-coder", other), what="coderd's rights there"
    )

    ending = kube.get("Namespace", namespace)
    kube.delete(ending)

    kube.wait_gone(ending)
    kube.wait_for(names(kube, resource), what="no bindings")
    kube.wait_for(
        lambda: not kube.find("RoleBinding", f"{namespace}-coder", other), what="no rights there"
    )
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
    assert kube.find("RoleBinding", f"{namespace}-coder", other) is None
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

    kube.wait_for(
        lambda: kube.find("RoleBinding", f"{namespace}-coder", later), what="coderd's rights there"
    )
    kube.wait_until(resource, lambda one: later in one["status"]["workspaces"]["namespaces"])
    kube.delete(made)
