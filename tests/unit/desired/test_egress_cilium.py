"""Where Cilium is: DNS names, the metadata address, and policies of its own that others made."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.desired.networking import build_network_policies
from coder_cva.desired.render import plan
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from support import builders as b
from support.coder_manifests import chart_coderd
from support.deployments import adopted, managed
from support.egress import (
    GIT,
    NO_CILIUM,
    WORKSPACES,
    egress_of,
    enforced,
    network,
)


def test_an_access_url_that_is_listed_by_name_is_enough_where_cilium_follows_names() -> None:
    """The name is what agents dial."""
    url = [{"name": "CODER_ACCESS_URL", "value": "https://coder.example.com"}]
    listed = {"name": "coder", "why": "agents", "fqdns": ["coder.example.com"]}
    cr = network(adopted("coder"), workspaceEgress="Restricted", egress={"workspaces": [listed]})
    part = build_network_policies(b.world(enforced(cr, "CVA-NET-005"), chart_coderd(env=url)))
    assert part.withheld == ()


def test_ciliums_policies_of_others_are_not_pierced_either() -> None:
    """They isolate as Kubernetes' do; those for other Pods, and those that deny nothing else, do not matter."""

    def reasons(selector: dict[str, Any], **said: Any) -> list[str]:
        theirs = {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumNetworkPolicy",
            "metadata": {"name": "theirs", "namespace": "coder"},
            "spec": {"endpointSelector": selector, "egress": [{}], **said},
        }
        world = b.world(network(managed("coder"), workspaceEgress="Restricted"), theirs)
        return [one.reason for one in build_network_policies(world).withheld]

    assert reasons({}) == ["IsolatedByOthers"]
    assert reasons({"matchLabels": {"k8s:com.coder.resource": "true"}}) == ["IsolatedByOthers"]
    other = {"matchExpressions": [{"key": "any:app", "operator": "In", "values": ["web"]}]}
    assert reasons(other) == []
    assert reasons({}, enableDefaultDeny={"egress": False}) == []


def test_names_become_a_policy_of_ciliums_before_what_closes() -> None:
    """It isolates nobody, and the NetworkPolicy waits for it; patterns and names are told apart."""
    cr = network(managed("coder"), workspaceEgress="Restricted", egress={"workspaces": [GIT]})
    part = build_network_policies(b.world(cr))
    found = egress_of(part)
    spec = found["CiliumNetworkPolicy coder-workspaces-egress"]
    assert spec["endpointSelector"] == WORKSPACES
    assert spec["enableDefaultDeny"] == {"egress": False}
    assert spec["egress"][0]["toPorts"][0]["rules"] == {"dns": [{"matchPattern": "*"}]}
    assert spec["egress"][1] == {
        "toFQDNs": [{"matchName": "github.com"}, {"matchPattern": "*.example.org"}]
    }
    kinds = [one["kind"] for one in part.objects if one["metadata"]["name"].endswith("-egress")]
    assert kinds == ["CiliumNetworkPolicy", "NetworkPolicy"] * 2
    assert {(one.kind, needed.kind) for one, (needed,) in part.requires.items()} == {
        ("NetworkPolicy", "CiliumNetworkPolicy")
    }
    assert any("github.com" in one.message for one in part.previews)


def test_names_that_nobody_follows_hold_the_restriction_back() -> None:
    """Without Cilium's kind they would be cut: the field and the remedy are named, and nothing is written."""
    cr = network(managed("coder"), workspaceEgress="Restricted", egress={"workspaces": [GIT]})
    part = build_network_policies(b.world(cr, unavailable=NO_CILIUM))
    assert egress_of(part) == {}
    (reason,) = part.withheld
    assert reason.reason == "NamesNotServed"
    assert "spec.network.egress.workspaces" in reason.message
    assert "write cidrs" in reason.message


@pytest.mark.parametrize("reason", [Absence.FORBIDDEN, Absence.TIMED_OUT, Absence.STALE])
def test_what_could_not_be_read_takes_nothing_away(reason: Absence) -> None:
    """Whether Cilium is there is not known: what stands stays, and nothing new is written."""
    cr = network(
        managed("coder"),
        workspaceEgress="Restricted",
        blockMetadataAddressFor=["ControlPlane"],
        egress={"workspaces": [GIT]},
    )
    made = plan(b.world(cr, unavailable={Need.CILIUM_POLICIES: reason}))
    assert not [one for one in made.objects if one["metadata"]["name"].endswith("-egress")]
    assert {(one.kind, one.name) for one in made.keep if one.name.endswith("-egress")} == {
        (kind, name)
        for kind in ("NetworkPolicy", "CiliumNetworkPolicy")
        for name in (
            "coder-workspaces-egress",
            "coder-workspaces-by-name-egress",
            "coder-coderd-egress",
        )
    }


def test_where_no_name_is_listed_cilium_does_not_matter() -> None:
    """A restriction by addresses is written also where Cilium's kind cannot be read."""
    cr = network(managed("coder"), workspaceEgress="Restricted")
    world = b.world(cr, unavailable={Need.CILIUM_POLICIES: Absence.FORBIDDEN})
    assert build_network_policies(world).withheld == ()


def test_cilium_is_told_to_deny_the_metadata_address() -> None:
    """A NetworkPolicy of all addresses would cut nodes there, which are no addresses to it."""
    cr = network(managed("coder"), blockMetadataAddressFor=["ControlPlane"])
    found = egress_of(build_network_policies(b.world(cr)))
    assert set(found) == {"CiliumNetworkPolicy coder-coderd-egress"}
    spec = found["CiliumNetworkPolicy coder-coderd-egress"]
    assert spec["egressDeny"] == [{"toCIDR": ["169.254.169.254/32", "fd00:ec2::254/128"]}]
    assert spec["egress"] == [{"toEntities": ["all"]}]
