from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.cel.functions import compiled
from coder_cva.desired.admission import build_admission
from coder_cva.desired.placement import engine, placement
from coder_cva.desired.render import plan
from coder_cva.snapshot.model import Absence, Served, Unavailable
from coder_cva.snapshot.webhook import Webhook
from coder_cva.values.canonical import canonical
from support import builders as b
from support.admission import pod
from support.deployments import adopted, managed, region

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

OLD = Served((), ("v1",))
ANCIENT = Served((), ())
THERE = Webhook(service="coder-cva-webhook", ca_bundle="PEM\n")
PREFERRED = Webhook(service="coder-cva-webhook", ca_bundle="PEM\n", preferred=True)
MISSING = Webhook(problem="the Secret is not there: apply deploy/base again")
FAST = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "fast"},
    "provisioner": "example.com/csi",
}


def everything() -> dict[str, Any]:
    made = managed("coder")
    made["spec"]["workspaces"]["storage"] = {
        "storageClassName": "fast",
        "maxSize": "1Ti",
        "hostVolumes": "Deny",
    }
    return made


def seen(
    resource: dict[str, Any] | None = None,
    *more: Any,
    served: Served = OLD,
    webhook: Webhook = THERE,
) -> World:
    resource = resource or managed("coder")
    return b.world(resource, b.pools(), *more, served=served, webhook=webhook)


def configurations(world: World) -> dict[str, dict[str, Any]]:
    return {one["kind"]: one for one in build_admission(world).objects if "Webhook" in one["kind"]}


@pytest.mark.parametrize(
    ("served", "webhook", "acts", "why"),
    [
        (Served(("v1",), ("v1",)), THERE, "MutatingAdmissionPolicy", "serves MutatingAdmission"),
        (Served(("v1",), ("v1",)), PREFERRED, "Webhook", "ADMISSION_ENGINE=Webhook"),
        (Served(("v1",), ("v1",)), MISSING, "MutatingAdmissionPolicy", "v1"),
        (OLD, THERE, "Webhook", "serves no MutatingAdmissionPolicy"),
        (OLD, MISSING, "None", "apply deploy/base again"),
    ],
)
def test_policies_where_they_are_served_else_the_webhook(
    served: Served, webhook: Webhook, acts: str, why: str
) -> None:
    """And the status says which, and why."""
    told = placement(seen(served=served, webhook=webhook))
    assert told["engine"] == acts
    assert why in told["engineReason"]
    assert (told["workspaces"]["mode"] == "Off") is (acts == "None")


def test_one_configuration_stands_for_a_policy_and_its_binding() -> None:
    """Narrow, harmless when nobody answers, and asked again after others."""
    made = configurations(seen())["MutatingWebhookConfiguration"]
    (webhook,) = made["webhooks"]
    assert (webhook["timeoutSeconds"], webhook["failurePolicy"]) == (2, "Ignore")
    assert (webhook["sideEffects"], webhook["reinvocationPolicy"]) == ("None", "IfNeeded")
    assert webhook["rules"][0]["operations"] == ["CREATE"]
    inside, outside = webhook["namespaceSelector"]["matchExpressions"]
    assert (inside["operator"], inside["values"]) == ("In", ["coder"])
    assert outside["operator"] == "NotIn"
    assert {"kube-system", "coder-cva-system"} <= set(outside["values"])
    assert made["metadata"]["labels"]["cva.coder.com/owner-uid"]
    assert b64decode(webhook["clientConfig"]["caBundle"]) == b"PEM\n"
    service = webhook["clientConfig"]["service"]
    assert (service["namespace"], service["name"]) == ("coder-cva-system", "coder-cva-webhook")
    assert service["path"] == "/coder-cva-placement/coder/coder"


def test_outside_of_the_cluster_a_url_is_called() -> None:
    """An operator that runs beside the cluster, as in development, has no Service."""
    world = seen(webhook=Webhook(url="https://10.0.0.1:9443/", ca_bundle="PEM"))
    (webhook,) = configurations(world)["MutatingWebhookConfiguration"]["webhooks"]
    assert webhook["clientConfig"]["url"] == "https://10.0.0.1:9443/coder-cva-placement/coder/coder"


def test_cert_managers_authority_is_left_to_its_injector() -> None:
    """The annotation asks for it, and we say nothing about the field."""
    world = seen(webhook=Webhook(service="w", inject_from="coder-cva-system/webhook"))
    made = configurations(world)["MutatingWebhookConfiguration"]
    assert made["metadata"]["annotations"]["cert-manager.io/inject-ca-from"] == (
        "coder-cva-system/webhook"
    )
    assert "caBundle" not in made["webhooks"][0]["clientConfig"]


def test_volumes_stay_with_the_policies_where_those_are_served() -> None:
    """An older minor serves validating policies: what the API server can do, it does."""
    made = build_admission(seen(everything(), FAST))
    kinds = [one["kind"] for one in made.objects]
    assert kinds == [
        "MutatingWebhookConfiguration",
        *["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"] * 2,
    ]
    assert [one["name"] for one in made.objects[0]["webhooks"]] == [
        "coder-cva-placement.cva.coder.com",
        "coder-cva-claims.cva.coder.com",
    ]


@pytest.mark.parametrize(("served", "webhook"), [(ANCIENT, THERE), (OLD, PREFERRED)])
def test_where_none_is_served_or_the_webhook_is_preferred_it_validates_too(
    served: Served, webhook: Webhook
) -> None:
    """Bounds and volumes of the host, in one configuration of their own."""
    world = seen(everything(), FAST, served=served, webhook=webhook)
    made = configurations(world)["ValidatingWebhookConfiguration"]
    assert [one["name"] for one in made["webhooks"]] == [
        "coder-cva-claim-bounds.cva.coder.com",
        "coder-cva-host-volumes.cva.coder.com",
    ]
    assert all("reinvocationPolicy" not in one for one in made["webhooks"])
    assert build_admission(world).withheld == ()


def test_conditions_are_the_policies_own_without_their_parameter() -> None:
    """Whatever the API server asks us about, the policy has to judge; and it asks about nobody else."""
    made = configurations(seen(everything(), FAST))
    for webhook in made["MutatingWebhookConfiguration"]["webhooks"]:
        for one in webhook["matchConditions"]:
            assert "params" not in one["expression"]
            assert "variables" not in one["expression"]
            compiled(one["expression"])


@pytest.mark.parametrize(
    ("labels", "agent", "namespace", "asked"),
    [
        ({"app.kubernetes.io/name": "coder-workspace"}, False, "coder", True),
        ({}, True, "coder", True),
        ({"app": "web"}, False, "coder", False),
        ({"app.kubernetes.io/name": "coder", "app.kubernetes.io/instance": "coder"}, False, "coder", True),
        ({"app.kubernetes.io/name": "coder", "app.kubernetes.io/instance": "coder"}, False, "dev", False),
        ({"app.kubernetes.io/name": "coder-provisioner"}, True, "coder", False),
    ],
)  # fmt: skip
def test_only_about_coderd_and_workspaces_we_are_asked(
    labels: dict[str, str], agent: bool, namespace: str, asked: bool
) -> None:
    """By coderd's own labels in its own namespace, and by the proofs of a workspace."""
    (webhook,) = configurations(seen())["MutatingWebhookConfiguration"]["webhooks"]
    body = pod(namespace, labels=labels, agent=agent)
    scope = {"object": body, "request": {"namespace": namespace}}
    conditions = [compiled(one["expression"]) for one in webhook["matchConditions"]]
    assert all(one(scope) for one in conditions) is asked


def test_a_region_has_no_coderd_to_be_asked_about() -> None:
    """Workspaces alone are placed there."""
    (webhook,) = configurations(seen(region("dev")))["MutatingWebhookConfiguration"]["webhooks"]
    assert "request.namespace ==" not in webhook["matchConditions"][-1]["expression"]


def test_nothing_is_configured_where_nothing_is_enforced() -> None:
    """By the user's own word."""
    resource = adopted("coder")
    resource["spec"]["enforcement"] = {
        "rules": dict.fromkeys(("CVA-NODE-003", "CVA-NODE-005", "CVA-NODE-006"), "Off")
    }
    assert configurations(seen(resource)) == {}


def test_nothing_is_swept_while_it_is_not_known_what_is_served() -> None:
    """And the engine stays the one that it was."""
    world = seen()
    unknown = Unavailable(Absence.TIMED_OUT, "no answer")
    blind = b.world(
        managed("coder"),
        b.pools(),
        webhook=THERE,
        previous={"placement": placement(world)},
    )
    object.__setattr__(blind.snapshot, "served", unknown)
    assert engine(blind)[0] == "Webhook"
    kept = {one.kind for one in build_admission(blind).keep}
    assert {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} <= kept


def test_after_a_restart_what_acted_stays_until_more_is_known() -> None:
    """The Secret with the certificates has not been read yet: nothing is taken away on that ground."""
    early = Webhook(problem="not read yet", is_known=False)
    before = {"placement": placement(seen())}
    world = b.world(managed("coder"), b.pools(), served=OLD, webhook=early, previous=before)
    assert placement(world)["workspaces"]["mode"] == "Required"
    part = build_admission(world)
    assert not [one for one in part.objects if one["kind"] == "MutatingWebhookConfiguration"]
    assert "MutatingWebhookConfiguration" in {one.kind for one in part.keep}
    assert engine(seen(webhook=early))[0] == "None"


def test_equal_worlds_give_equal_bytes() -> None:
    """A quiet cluster sees no writes."""
    one, two = (canonical(list(plan(seen(everything(), FAST)).objects)) for _ in range(2))
    assert one == two
