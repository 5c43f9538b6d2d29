"""The entry that only tries: the operator's own dry run matches it, and nobody else's request."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from coder_cva.cel.functions import compiled
from coder_cva.desired import admission_webhooks, webhook_probe
from coder_cva.desired.admission import build_admission
from coder_cva.desired.placement import placement
from coder_cva.snapshot.model import Served
from coder_cva.snapshot.webhook import Webhook
from coder_cva.snapshot.webhook_calls import Reach
from coder_cva.values.manifest import ref_of
from support import builders as b
from support.deployments import managed

OLD = Served((), ("v1",))
OPERATOR = "system:serviceaccount:coder-cva-system:coder-cva-operator"
TRIED = Webhook(service="w", ca_bundle="PEM\n", caller=OPERATOR, reach=Reach(None))


def entry(webhook: Webhook = TRIED, served: Served = OLD) -> dict[str, Any]:
    """The configuration of this world; fails where there is none."""
    world = b.world(managed("coder"), b.pools(), served=served, webhook=webhook)
    (made,) = (one for one in build_admission(world).objects if webhook_probe.is_probe(ref_of(one)))
    return made


def matches(webhook: dict[str, Any], request: dict[str, Any]) -> bool:
    """Whether the API server would ask about it. An error counts unless a condition is false, as there."""
    found: list[bool | None] = []
    for one in webhook["matchConditions"]:
        try:
            found.append(compiled(one["expression"])({"request": request}))
        except Exception:  # noqa: BLE001 - any error is one
            found.append(None)
    assert None not in found or False in found, "an error would refuse somebody's request"
    return all(found)


def test_the_operators_own_dry_run_alone_is_asked_about() -> None:
    """Of every mix of who, what and where exactly one matches, and none makes a condition fail."""
    (webhook,) = entry()["webhooks"]
    mixes = list(
        product(
            (True, False),
            (OPERATOR, "kubernetes-admin", "system:serviceaccount:coder:coder-cva-operator", ""),
            ("coder", "other"),
            ("coder", "other"),
        )
    )
    asked = []
    for dry_run, username, namespace, name in mixes:
        user = {"username": username} if username else {}
        request = {"dryRun": dry_run, "userInfo": user, "namespace": namespace, "name": name}
        if matches(webhook, request):
            asked.append((dry_run, username, namespace, name))
    assert asked == [(True, OPERATOR, "coder", "coder")]


def test_it_is_about_the_status_of_one_coder_deployment() -> None:
    """By its rules and its namespace, before any condition is looked at; and it changes nothing."""
    (webhook,) = entry()["webhooks"]
    (rule,) = webhook["rules"]
    assert rule["resources"] == ["coderdeployments/status"]
    assert rule["operations"] == ["UPDATE"]
    (selected,) = webhook["namespaceSelector"]["matchExpressions"]
    assert (selected["operator"], selected["values"]) == ("In", ["coder"])
    assert (webhook["failurePolicy"], webhook["timeoutSeconds"]) == ("Fail", 2)
    assert webhook["sideEffects"] == "None"
    path = webhook["clientConfig"]["service"]["path"]
    assert path == "/coder-cva-probe/coder/coder"
    assert webhook_probe.deployment_of(entry()) == ("coder", "coder")


def test_where_the_callers_name_is_not_told_nobody_can_be_refused() -> None:
    """Then only an answer can be seen, and no cause."""
    (webhook,) = entry(Webhook(service="w", caller="", reach=Reach(None)))["webhooks"]
    assert webhook["failurePolicy"] == "Ignore"
    assert "userInfo" not in str(webhook["matchConditions"])


def test_a_name_with_a_quote_stays_a_name() -> None:
    """A user of a client certificate may be called anything."""
    name = "o'brien\\ || true || '"
    (webhook,) = entry(Webhook(service="w", caller=name, reach=Reach(None)))["webhooks"]
    request = {"dryRun": True, "namespace": "coder", "name": "coder"}
    assert matches(webhook, {**request, "userInfo": {"username": name}})
    assert not matches(webhook, {**request, "userInfo": {"username": "x"}})


@pytest.mark.parametrize(
    ("webhook", "served"),
    [
        (TRIED, Served(("v1",), ("v1",))),
        (Webhook(service="w"), OLD),
        (Webhook(problem="no certificate", caller=OPERATOR), OLD),
    ],
    ids=["policies are served", "nobody tries", "there is nothing to call"],
)
def test_where_it_is_of_no_use_there_is_none(webhook: Webhook, served: Served) -> None:
    """So nobody is asked either."""
    world = b.world(managed("coder"), b.pools(), served=served, webhook=webhook)
    found = [ref_of(one) for one in build_admission(world).objects]
    assert not [one for one in found if webhook_probe.is_probe(one)]


def test_where_nothing_is_enforced_there_is_none() -> None:
    """By the user's own word."""
    resource = managed("coder")
    resource["spec"]["enforcement"] = {
        "rules": dict.fromkeys(("CVA-NODE-003", "CVA-NODE-005", "CVA-NODE-006"), "Off")
    }
    world = b.world(resource, b.pools(), served=OLD, webhook=TRIED)
    assert not [one for one in build_admission(world).objects if "Webhook" in one["kind"]]
    assert placement(world)["engineReason"].endswith("there is nothing to do at admission")


def test_no_other_object_of_ours_is_taken_for_it() -> None:
    """Whatever namespaces and CoderDeployments are called."""
    for namespace, name in (("probe", "coder"), ("coder", "x-probe"), ("coder-cva", "probe")):
        world = b.world(managed(namespace, name), b.pools(), served=Served((), ()), webhook=TRIED)
        refs = [webhook_probe.ref(world), *admission_webhooks.refs(world)]
        assert [webhook_probe.is_probe(one) for one in refs] == [True, False, False]
