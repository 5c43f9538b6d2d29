"""What is ours is kept: deleted, edited or scaled, it comes back; what others add beside it stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.deployments import managed, ready_coder, wait_condition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess

# One Coder serves all of these tests, so they stay on one worker.
pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def coder(kube: Kube, operator: OperatorProcess) -> Iterator[Object]:
    """A managed Coder that is Ready."""
    namespace = kube.namespace("repairs")
    yield ready_coder(kube, namespace)
    kube.delete(kube.get("Namespace", namespace))


def ours(kube: Kube, coder: Object, kind: str) -> list[Object]:
    """The objects of this kind that were made for this Coder."""
    metadata = coder["metadata"]
    namespaced = not kind.endswith(("Policy", "PolicyBinding")) or kind == "NetworkPolicy"
    return kube.wait_for(
        lambda: kube.list(
            kind,
            metadata["namespace"] if namespaced else None,
            labels=f"cva.coder.com/owner-uid={metadata['uid']}",
        ),
        what=f"a {kind} of this Coder",
    )


def key(one: Object) -> tuple[str, str]:
    """Kind and name."""
    return one["kind"], one["metadata"]["name"]


@pytest.mark.parametrize(
    "kind",
    [
        "Deployment",
        "Service",
        "ServiceAccount",
        "RoleBinding",
        "PodDisruptionBudget",
        "NetworkPolicy",
        "MutatingAdmissionPolicyBinding",
        "ValidatingAdmissionPolicyBinding",
    ],
)
def test_what_is_deleted_comes_back(kube: Kube, coder: Object, kind: str) -> None:
    """Every object of ours that somebody deletes is made again, and the deployment is Ready again."""
    gone = ours(kube, coder, kind)
    for one in gone:
        kube.delete(one)

    for one in gone:
        _is_made_again(kube, one)
    wait_condition(kube, coder, "Ready", "True")


def _is_made_again(kube: Kube, was: Object) -> None:
    kube.wait_until(was, lambda it: it["metadata"]["uid"] != was["metadata"]["uid"])


def test_a_shared_policy_comes_back(kube: Kube, coder: Object) -> None:
    """The policies that serve every CoderDeployment are repaired too."""
    policy = kube.get("MutatingAdmissionPolicy", "coder-cva-placement")

    kube.delete(policy)

    kube.wait_until(policy, lambda it: it["metadata"]["uid"] != policy["metadata"]["uid"])


def test_kubectl_scale_is_undone(kube: Kube, coder: Object) -> None:
    """Replicas that somebody scales by hand go back to the tier's."""
    deployment = kube.get("Deployment", "coder", coder["metadata"]["namespace"])

    kube.patch(deployment, {"spec": {"replicas": 1}}, subresource="scale")

    kube.wait_until(deployment, lambda it: it["spec"]["replicas"] == 3)
    wait_condition(kube, coder, "Ready", "True")


def test_kubectl_edit_is_undone_and_told(kube: Kube, coder: Object) -> None:
    """A field of ours that somebody edits is brought back; an Event says from whom."""
    namespace = coder["metadata"]["namespace"]
    service = kube.get("Service", "coder", namespace)

    kube.api.request(
        "PATCH",
        f"/api/v1/namespaces/{namespace}/services/coder?fieldManager=kubectl-edit",
        {"spec": {"selector": {"app.kubernetes.io/name": "another"}}},
        content_type="application/merge-patch+json",
    )

    kube.wait_until(service, lambda it: it["spec"]["selector"]["app.kubernetes.io/name"] == "coder")

    def told() -> list[Object]:
        found = kube.list("events.events.k8s.io", namespace)
        return [
            one for one in found if one["reason"] == "Repaired" and "kubectl-edit" in one["note"]
        ]

    kube.wait_for(told, what="the Event that names kubectl-edit")


@pytest.mark.parametrize(
    ("kind", "edit"),
    [
        ("Deployment", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}),
        ("Service", {"spec": {"selector": {"app.kubernetes.io/instance": "another"}}}),
        ("ServiceAccount", {"metadata": {"labels": {"app.kubernetes.io/part-of": "another"}}}),
        ("RoleBinding", {"subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}]}),
        ("PodDisruptionBudget", {"spec": {"maxUnavailable": 3}}),
        ("NetworkPolicy", {"spec": {"ingress": []}}),
        ("MutatingAdmissionPolicyBinding", {"spec": {"matchResources": {"namespaceSelector": None}}}),
        ("ValidatingAdmissionPolicyBinding", {"spec": {"matchResources": {"namespaceSelector": None}}}),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)  # fmt: skip
def test_what_is_edited_is_brought_back(kube: Kube, coder: Object, kind: str, edit: Object) -> None:
    """Of every kind that is ours: fields of ours are as they were, on the same object."""
    before = ours(kube, coder, kind)[0]
    mine = {field: rendered(before, field) for field in edit}

    kube.patch(before, edit)

    now = kube.wait_until(
        before, lambda it: all(rendered(it, field) == mine[field] for field in edit)
    )
    assert now["metadata"]["uid"] == before["metadata"]["uid"]
    wait_condition(kube, coder, "Ready", "True")


def rendered(one: Object, field: str) -> object:
    """What stands in a field; of the metadata only labels, for the rest is the API server's."""
    return one["metadata"]["labels"] if field == "metadata" else one[field]


@pytest.mark.parametrize(
    ("kind", "label"),
    [
        ("ServiceAccount", "app.kubernetes.io/part-of"),
        ("ServiceAccount", "cva.coder.com/owner-uid"),
        ("ServiceAccount", "app.kubernetes.io/managed-by"),
        ("Deployment", "app.kubernetes.io/managed-by"),
        ("NetworkPolicy", "app.kubernetes.io/managed-by"),
        ("MutatingAdmissionPolicyBinding", "app.kubernetes.io/managed-by"),
    ],
)
def test_a_label_of_ours_that_is_taken_off_comes_back(
    kube: Kube, coder: Object, kind: str, label: str
) -> None:
    """An object that lost a mark, also the one by which it is watched, is marked again, not made anew."""
    before = ours(kube, coder, kind)[0]

    kube.patch(before, {"metadata": {"labels": {label: None}}})

    value = before["metadata"]["labels"][label]
    now = kube.wait_until(before, lambda it: it["metadata"]["labels"].get(label) == value)
    assert now["metadata"]["uid"] == before["metadata"]["uid"]
    wait_condition(kube, coder, "Ready", "True")


def test_a_shared_policy_that_lost_its_label_is_marked_again(kube: Kube, coder: Object) -> None:
    """It names no owner by whom it could be known as ours; that it is shared says enough."""
    policy = kube.get("MutatingAdmissionPolicy", "coder-cva-placement")

    kube.patch(policy, {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}})

    kube.wait_until(policy, lambda it: it["metadata"]["labels"] == policy["metadata"]["labels"])


def test_what_others_add_stays(kube: Kube, operator: OperatorProcess, coder: Object) -> None:
    """A field, label or annotation that we do not render is its writer's own, and no reason to write."""
    namespace = coder["metadata"]["namespace"]
    service = kube.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "coder",
                "namespace": namespace,
                "labels": {"team": "platform"},
                "annotations": {"external-dns.alpha.kubernetes.io/hostname": "coder.example.com"},
            },
            "spec": {"sessionAffinityConfig": {}, "publishNotReadyAddresses": True},
        },
        manager="platform-team",
    )

    operator.look_again(kube, coder)

    assert kube.refresh(service) == service


def fields_left(it: Object) -> list[Object]:
    """The findings about fields that were left to somebody."""
    return [one for one in it["status"].get("findings", []) if one["rule"] == "FieldLeft"]


def test_a_field_that_others_apply_for_ever_is_left(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """The third time within an hour ends the quarrel: the field is left, and its manager is named."""
    resource = ready_coder(kube, namespace)
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "coder", "namespace": namespace},
        "spec": {"type": "NodePort"},
    }
    for _ in range(2):
        kube.apply(theirs, manager="argocd-controller")
        kube.wait_until(theirs, lambda it: it["spec"]["type"] == "LoadBalancer")
    taken = kube.apply(theirs, manager="argocd-controller")

    resource = kube.wait_until(resource, fields_left)

    (finding,) = fields_left(resource)
    assert finding["resource"] == f"Service {namespace}/coder"
    assert finding["field"] == ".spec.type"
    assert "argocd-controller" in finding["observed"]
    operator.look_again(kube, resource)
    now = kube.refresh(taken)
    assert now["metadata"]["resourceVersion"] == taken["metadata"]["resourceVersion"]
    assert wait_condition(kube, resource, "Ready", "True")


def test_who_scales_three_times_has_the_last_word(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """`kubectl scale` again and again, at leisure: three replicas or five, never the default of one."""
    resource = ready_coder(kube, namespace)
    deployment = kube.get("Deployment", "coder", namespace)
    seen = []

    def scale() -> None:
        kube.patch(deployment, {"spec": {"replicas": 5}}, subresource="scale")

    def replicas() -> int:
        found: int = kube.refresh(deployment)["spec"]["replicas"]
        seen.append(found)
        return found

    for _ in range(2):
        scale()
        kube.wait_until(deployment, lambda _: replicas() == 3)
        operator.look_again(kube, resource)
        replicas()
    scale()
    before = kube.refresh(deployment)["metadata"]["generation"]
    resource = kube.wait_until(resource, fields_left)
    operator.look_again(kube, resource)
    replicas()

    # Every change of the spec counts: none came after theirs.
    assert kube.refresh(deployment)["metadata"]["generation"] == before
    assert seen[-1] == 5
    assert set(seen) <= {3, 5}
    wait_condition(kube, resource, "Ready", "True")


def test_somebody_elses_object_of_our_name_is_left_alone(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """A Service that is in our place is not touched; Ready names it, and is True when it is gone."""
    theirs = kube.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "coder", "namespace": namespace},
            "spec": {"ports": [{"port": 80}]},
        }
    )
    resource = kube.apply(managed(namespace))

    told = wait_condition(kube, resource, "Ready", "False", reason="ForeignObject")

    message = next(c for c in told["status"]["conditions"] if c["type"] == "Ready")["message"]
    assert f"Service {namespace}/coder" in message
    assert kube.refresh(theirs)["spec"] == theirs["spec"]
    kube.delete(theirs)
    operator.look_again(kube, resource)
    wait_condition(kube, resource, "Ready", "True")
