"""In force only while the API server gets through; what the status says, and what it advises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired import webhook_probe
from coder_cva.desired.admission import awaits_webhook, build_admission
from coder_cva.desired.placement import placement
from coder_cva.desired.webhook_reach import NOT_REACHED, unasked
from coder_cva.snapshot.model import Served
from coder_cva.snapshot.webhook import Webhook
from coder_cva.snapshot.webhook_calls import Reach
from coder_cva.values.manifest import ref_of
from support import builders as b
from support.deployments import managed

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

OLD = Served((), ("v1",))
NEW = Served(("v1",), ("v1",))
ANCIENT = Served((), ())
TRIED, REACHED = Reach(None), Reach(is_reached=True)
UNREACHED = Reach(is_reached=False, why="context deadline exceeded")
BY_WEBHOOK = {"placement": {"engine": "Webhook"}}
NOTHING: dict[str, Any] = {}


def world(
    reach: Reach,
    previous: dict[str, Any] = NOTHING,
    served: Served = OLD,
    **webhook: Any,
) -> World:
    """A managed Coder whose webhook is reached so."""
    known = Webhook(**{"service": "coder-cva-webhook", "caller": "me", "reach": reach, **webhook})
    return b.world(managed("coder"), b.pools(), served=served, webhook=known, previous=previous)


def kinds(seen: World) -> list[str]:
    """What is rendered, the entry that only tries under a name of its own; without the policies that warn."""
    refs = map(ref_of, build_admission(seen).objects)
    told = ["probe" if webhook_probe.is_probe(one) else one.kind for one in refs]
    return [one for one in told if not one.startswith("ValidatingAdmissionPolicy")]


def kept(seen: World) -> set[str]:
    """What is left as it is."""
    return {
        "probe" if webhook_probe.is_probe(one) else one.kind for one in build_admission(seen).keep
    }


BOTH = {"probe", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
PODS = "MutatingWebhookConfiguration"
POLICIES = ["MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding"]


@pytest.mark.parametrize(
    ("reach", "previous", "engine", "rendered", "stays"),
    [
        (TRIED, NOTHING, "None", ["probe"], BOTH),
        (REACHED, NOTHING, "Webhook", ["probe", PODS], set()),
        (UNREACHED, NOTHING, "None", ["probe"], set()),
        (TRIED, BY_WEBHOOK, "Webhook", ["probe"], BOTH),
        (REACHED, BY_WEBHOOK, "Webhook", ["probe", PODS], set()),
        (UNREACHED, BY_WEBHOOK, "None", ["probe"], set()),
    ],
    ids=["first", "answered", "never", "after a restart", "still", "no longer"],
)
def test_entries_for_pods_follow_what_is_known(
    reach: Reach, previous: dict[str, Any], engine: str, rendered: list[str], stays: set[str]
) -> None:
    """None before the first answer, none after a loss; and a restart of the operator alone changes nothing."""
    seen = world(reach, previous)
    made = placement(seen)
    assert made["engine"] == engine
    assert (made["workspaces"]["mode"] == "Off") is (engine == "None")
    assert kinds(seen) == rendered
    assert kept(seen) == stays


@pytest.mark.parametrize(
    ("reach", "previous", "rendered"),
    [
        (TRIED, NOTHING, ["probe", *POLICIES]),
        (REACHED, NOTHING, ["probe", PODS, "ValidatingWebhookConfiguration"]),
        (UNREACHED, BY_WEBHOOK, ["probe", *POLICIES]),
        (TRIED, BY_WEBHOOK, ["probe"]),
    ],
    ids=["first", "answered", "no longer", "after a restart"],
)
def test_where_the_webhook_is_preferred_policies_act_until_it_is_reached(
    reach: Reach, previous: dict[str, Any], rendered: list[str]
) -> None:
    """And again when it is no longer; what acted goes by the law of the handover, once its successor acts."""
    assert kinds(world(reach, previous, NEW, preferred=True)) == rendered


def test_policies_are_not_concerned() -> None:
    """Where they are served nothing is tried, nothing kept, and nothing said."""
    for reach in (TRIED, REACHED, UNREACHED):
        seen = world(reach, served=NEW)
        assert kinds(seen) == POLICIES
        assert kept(seen) == set()
        assert placement(seen)["engineReason"].endswith("serves MutatingAdmissionPolicy v1")
        assert not awaits_webhook(seen)


def test_a_cluster_upgrade_takes_the_entry_along() -> None:
    """The successor is rendered beside nothing of the webhook's, also in the moment after a restart."""
    seen = world(TRIED, BY_WEBHOOK, NEW)
    assert kinds(seen) == POLICIES
    assert kept(seen) == set()
    # Before the certificates and the operator's own name are known nothing is taken away.
    early = world(TRIED, BY_WEBHOOK, NEW, caller=None, is_known=False)
    assert kept(early) == BOTH


def test_volumes_are_refused_by_the_webhook_only_while_it_is_reached() -> None:
    """On an API server that has no policies at all, the status says that nothing is refused."""
    resource = managed("coder")
    resource["spec"]["workspaces"]["storage"] = {"maxSize": "1Ti"}

    def seen(reach: Reach) -> World:
        known = Webhook(service="w", caller="me", reach=reach)
        return b.world(resource, b.pools(), served=ANCIENT, webhook=known)

    assert kinds(seen(REACHED))[-1] == "ValidatingWebhookConfiguration"
    lost = build_admission(seen(UNREACHED))
    assert kinds(seen(UNREACHED)) == ["probe"]
    assert lost.restrictions == ()
    told = {one.subject: one for one in lost.withheld}["ValidatingAdmissionPolicy"]
    assert told.reason == NOT_REACHED
    assert told.message.endswith(
        "volumes of workspaces are judged, and neither warned about nor refused"
    )


def test_a_new_coderd_waits_while_it_is_tried_and_not_when_that_is_over() -> None:
    """After a restart the entries for Pods stand, so there is nothing to wait for either."""
    assert awaits_webhook(world(TRIED))
    assert awaits_webhook(world(TRIED, caller=None, is_known=False))
    assert not awaits_webhook(world(TRIED, BY_WEBHOOK))
    assert not awaits_webhook(world(REACHED))
    assert not awaits_webhook(world(UNREACHED))
    assert not awaits_webhook(world(TRIED, problem="WEBHOOK_PORT is 0"))


def test_while_it_is_tried_nothing_is_held_against_anybody() -> None:
    """It takes a second or two: no line in the account for that."""
    seen = world(TRIED)
    assert build_admission(seen).withheld == ()
    assert placement(seen)["engineReason"].endswith("webhook is being tried")


def test_after_a_restart_a_wall_that_was_told_stays_told() -> None:
    """Else every restart would take it back for half a minute, and tell it again as news."""
    lost = world(UNREACHED)
    withheld = [
        {"subject": one.subject, "reason": one.reason, "message": one.message}
        for one in build_admission(lost).withheld
    ]
    again = world(TRIED, {"placement": placement(lost), "withheld": withheld})
    assert placement(again) == placement(lost)
    assert build_admission(again).withheld == build_admission(lost).withheld
    assert kinds(again) == ["probe"]


FIREWALL = "Let port 9443 of the Pods in coder-cva-system be reached from the control plane"


@pytest.mark.parametrize(
    ("why", "webhook", "remedy"),
    [
        ("context deadline exceeded", {}, FIREWALL),
        ("dial tcp 10.2.0.9:9443: i/o timeout", {}, FIREWALL),
        ('no endpoints available for service "coder-cva-webhook"', {}, "Apply deploy/base again"),
        ('service "coder-cva-webhook" not found', {}, "Apply deploy/base again"),
        ("connection refused", {"url": "https://10.0.0.1:9443"}, "Let WEBHOOK_URL (https://10.0.0.1:9443)"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", {},
         "kubectl -n coder-cva-system patch secret coder-cva-webhook --type=merge -p '{\"data\":null}'"),
        ("x509: certificate has expired", {"inject_from": "ns/cert"}, "cert-manager's injector writes the authority of ns/cert"),
        (unasked(""), {}, "ValidatingAdmissionWebhook has to be on"),
    ],
)  # fmt: skip
def test_the_remedy_is_that_of_the_cause(why: str, webhook: dict[str, Any], remedy: str) -> None:
    """In status.placement and in the account alike, with the API server's own words."""
    seen = world(Reach(is_reached=False, why=why), **webhook)
    told = placement(seen)["engineReason"]
    assert why in told
    assert remedy in told
    (one,) = build_admission(seen).withheld
    assert (one.subject, one.reason, one.message) == ("MutatingAdmissionPolicy", NOT_REACHED, told)


def test_calls_that_get_through_at_times_are_told_as_such() -> None:
    """One of two replicas is out of reach."""
    told = placement(world(Reach(is_reached=False, why="refused", is_partly=True)))["engineReason"]
    assert "it gets through to the operator's webhook only at times" in told
