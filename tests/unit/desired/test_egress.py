"""Egress is restricted on request alone, foretold before, and never so that what is known to be needed is cut."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from coder_cva.desired import confirming, render
from coder_cva.desired.networking import build_network_policies
from coder_cva.snapshot.confirmations import class_digest, hash_of
from support import builders as b
from support.coder_manifests import chart_coderd, chart_proxy
from support.deployments import adopted, managed, region
from support.egress import (
    DATABASE,
    GIT,
    KUBE_API,
    NO_CILIUM,
    egress_of,
    enforced,
    network,
    to,
)
from support.policies import CODERD, policy
from support.workspace_manifests import envbox_pod, workspace_deployment

if TYPE_CHECKING:
    from coder_cva.desired.plan import Plan


def test_nothing_is_closed_by_default() -> None:
    """No policy of ours speaks of egress, in any management, with everything enforced."""
    for made in (managed("coder"), adopted("coder"), region("coder")):
        cr = enforced(made, "CVA-NET-003", "CVA-NET-005")
        part = build_network_policies(b.world(cr, chart_coderd(), workspace_deployment("one")))
        assert all(one["spec"]["policyTypes"] == ["Ingress"] for one in part.objects)


def test_what_is_restricted_in_an_adopted_coder_is_foretold_until_it_is_enforced() -> None:
    """Restricted alone writes nothing there: the previews name what would be cut, and Enforce writes it."""
    said = {
        "workspaceEgress": "Restricted",
        "controlPlaneEgress": "Restricted",
        "blockMetadataAddressFor": ["Workspaces"],
        "egress": {"controlPlane": [DATABASE, KUBE_API], "directConnections": False},
    }
    running = b.all_running(workspace_deployment("one"))
    audited = b.world(
        network(adopted("coder"), **said), b.pools(), chart_coderd(), running, unavailable=NO_CILIUM
    )
    part = build_network_policies(audited)
    assert egress_of(part) == {}
    told = [
        one.message for one in part.previews if "could" in one.message or "UDP of" in one.message
    ]
    assert [one.partition(": ")[0] for one in told] == [
        "with CVA-NET-005",
        "with CVA-NET-005",
        "with CVA-NET-005",
        "with CVA-NET-003",
        "with CVA-NET-003",
    ]
    assert "relays, git, packages, registries" in told[0]
    assert "moves to the relays of coderd" in told[1]
    assert "169.254.169.254" in told[2]
    assert "IAM logins" in told[2]
    assert "database on TCP 5432" in told[3]

    cr = enforced(network(adopted("coder"), **said), "CVA-NET-003", "CVA-NET-005")
    part = build_network_policies(
        b.world(cr, b.pools(), chart_coderd(), running, unavailable=NO_CILIUM)
    )
    assert set(egress_of(part)) == {
        "NetworkPolicy coder-workspaces-egress",
        "NetworkPolicy coder-workspaces-by-name-egress",
        "NetworkPolicy coder-coderd-egress",
    }
    assert [one for one in part.previews if "with CVA" in one.message] == []
    assert any("may only open connections to DNS" in one.message for one in part.previews)


def test_a_rule_that_is_off_restricts_nothing() -> None:
    """Where two switches meet the weaker wins."""
    cr = network(managed("coder"), workspaceEgress="Restricted")
    cr["spec"]["enforcement"] = {"rules": {"CVA-NET-005": "Off"}}
    part = build_network_policies(b.world(cr, chart_coderd(), unavailable=NO_CILIUM))
    assert egress_of(part) == {}
    assert all("egress" not in one.message for one in part.previews)


def test_each_restriction_stands_alone() -> None:
    """Workspaces are restricted without coderd, and coderd without workspaces."""
    one = network(managed("coder"), workspaceEgress="Restricted")
    other = network(
        managed("coder"),
        controlPlaneEgress="Restricted",
        egress={"controlPlane": [DATABASE, KUBE_API]},
    )
    assert set(egress_of(build_network_policies(b.world(one)))) == {
        "NetworkPolicy coder-workspaces-egress",
        "NetworkPolicy coder-workspaces-by-name-egress",
    }
    found = egress_of(build_network_policies(b.world(other)))
    assert set(found) == {"NetworkPolicy coder-coderd-egress"}
    assert {"10.0.0.5/32", "10.0.0.1/32"} <= to(found["NetworkPolicy coder-coderd-egress"])
    assert found["NetworkPolicy coder-coderd-egress"]["podSelector"] == {"matchLabels": CODERD}


def test_a_public_access_url_without_addresses_holds_the_restriction_back() -> None:
    """Agents would be cut off for certain: nothing is written until the addresses are stated."""
    url = [{"name": "CODER_ACCESS_URL", "value": "https://coder.example.com"}]
    hidden = [
        {
            "name": "CODER_ACCESS_URL",
            "valueFrom": {"secretKeyRef": {"name": "coder", "key": "url"}},
        }
    ]
    cr = enforced(network(adopted("coder"), workspaceEgress="Restricted"), "CVA-NET-005")
    for env in (url, hidden):
        part = build_network_policies(b.world(cr, chart_coderd(env=env)))
        assert egress_of(part) == {}
        (reason,) = part.withheld
        assert reason.reason == "AddressNotNamed"
        assert "spec.network.accessURLCIDRs" in reason.message
    cr["spec"]["network"]["accessURLCIDRs"] = ["203.0.113.0/24"]
    part = build_network_policies(b.world(cr, chart_coderd(env=url)))
    assert "203.0.113.0/24" in to(egress_of(part)["NetworkPolicy coder-workspaces-egress"])


def test_a_region_is_held_back_until_it_is_said_where_its_control_plane_is() -> None:
    """Its proxies name the URL, and nothing here has its addresses."""
    cr = enforced(network(region("coder"), workspaceEgress="Restricted"), "CVA-NET-005")
    cr["spec"]["workspaces"]["namespaces"] = {"names": ["coder"]}
    for manifests in (chart_proxy(), []):
        part = build_network_policies(b.world(cr, manifests))
        assert [one.reason for one in part.withheld] == ["AddressNotNamed"]
    cr["spec"]["network"]["accessURLCIDRs"] = ["203.0.113.0/24"]
    part = build_network_policies(b.world(cr, chart_proxy()))
    assert "203.0.113.0/24" in to(egress_of(part)["NetworkPolicy coder-workspaces-egress"])


def test_coderd_is_not_restricted_without_its_database() -> None:
    """What it cannot be without has to be listed; without built-in provisioners the Kubernetes API need not."""

    def reasons(listed: list[Any], *env: dict[str, str]) -> list[str]:
        cr = network(
            adopted("coder"), controlPlaneEgress="Restricted", egress={"controlPlane": listed}
        )
        world = b.world(enforced(cr, "CVA-NET-003"), chart_coderd(env=list(env)))
        return [one.message for one in build_network_policies(world).withheld]

    none = {"name": "CODER_PROVISIONER_DAEMONS", "value": "0"}
    (told,) = reasons([])
    assert "coderd-to-postgresql and coderd-to-kube-api" in told
    assert "spec.network.egress.controlPlane" in told
    (told,) = reasons([DATABASE])
    assert "coderd-to-kube-api, and nothing" in told
    assert reasons([DATABASE], none) == []
    assert reasons([DATABASE, KUBE_API]) == []


def test_what_others_restrict_is_never_pierced() -> None:
    """Policies are a union: ours would open what theirs closes. What theirs has to allow is printed."""
    theirs = policy("theirs", {}, policyTypes=["Egress"])
    cr = network(
        managed("coder"),
        workspaceEgress="Restricted",
        controlPlaneEgress="Restricted",
        egress={"controlPlane": [DATABASE, KUBE_API]},
    )
    part = build_network_policies(b.world(cr, theirs))
    assert egress_of(part) == {}
    found = [one for one in part.withheld if one.reason == "IsolatedByOthers"]
    assert len(found) == 2
    assert all("coder/theirs" in one.message for one in found)
    allow = json.loads(found[0].message[found[0].message.index("{") :])
    assert any(rule["ports"][0]["port"] == 8080 for rule in allow["egress"])


def test_the_metadata_address_alone_is_closed_and_all_else_is_left_open() -> None:
    """Everything but the two addresses, Pods by a peer of their own: some plugins count them as no address."""
    cr = network(managed("coder"), blockMetadataAddressFor=["Workspaces", "ControlPlane"])
    found = egress_of(build_network_policies(b.world(cr, unavailable=NO_CILIUM)))
    assert set(found) == {
        "NetworkPolicy coder-workspaces-egress",
        "NetworkPolicy coder-workspaces-by-name-egress",
        "NetworkPolicy coder-coderd-egress",
    }
    assert found["NetworkPolicy coder-coderd-egress"]["egress"] == [
        {
            "to": [
                {"namespaceSelector": {}},
                {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}},
                {"ipBlock": {"cidr": "::/0", "except": ["fd00:ec2::254/128"]}},
            ]
        }
    ]


def test_what_is_listed_does_not_open_what_is_closed() -> None:
    """Listed addresses lose the metadata address where that is closed, and nothing of it is left over."""
    listed = [
        {"name": "wide", "why": "all", "cidrs": ["169.254.0.0/16"]},
        {"name": "metadata", "why": "the address itself", "cidrs": ["169.254.169.254/32"]},
        {"name": "pods", "why": "a mirror", "podSelector": {"matchLabels": {"app": "mirror"}}},
    ]
    cr = network(
        managed("coder"),
        workspaceEgress="Restricted",
        blockMetadataAddressFor=["Workspaces"],
        egress={"workspaces": listed},
    )
    part = build_network_policies(b.world(cr, unavailable=NO_CILIUM))
    rules = egress_of(part)["NetworkPolicy coder-workspaces-egress"]["egress"]
    assert rules[-2:] == [
        {
            "to": [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "coder"}},
                    "podSelector": {"matchLabels": {"app": "mirror"}},
                }
            ]
        },
        {"to": [{"ipBlock": {"cidr": "169.254.0.0/16", "except": ["169.254.169.254/32"]}}]},
    ]
    every = [peer["ipBlock"]["cidr"] for rule in rules for peer in rule["to"] if "ipBlock" in peer]
    assert "169.254.169.254/32" not in every


def test_udp_follows_coderds_own_settings() -> None:
    """A coderd that relays everything needs no UDP, and closing it is no news; STUN servers of one's own count."""

    def ports(**said: str) -> tuple[set[int], bool]:
        env = [{"name": name, "value": value} for name, value in said.items()]
        cr = network(
            adopted("coder"),
            workspaceEgress="Restricted",
            egress={"directConnections": "CODER_BLOCK_DIRECT" not in said},
        )
        part = build_network_policies(b.world(enforced(cr, "CVA-NET-005"), chart_coderd(env=env)))
        rules = egress_of(part)["NetworkPolicy coder-workspaces-egress"]["egress"]
        found = {
            port["port"]
            for rule in rules
            for port in rule.get("ports", ())
            if port["protocol"] == "UDP" and port["port"] not in (53, 5353)
        }
        return found, any("moves to the relays" in one.message for one in part.previews)

    assert ports() == ({19302, 3478, 1024}, False)
    assert ports(CODER_BLOCK_DIRECT="true") == (set(), False)
    assert ports(CODER_DERP_SERVER_STUN_ADDRESSES="stun.example.com:3479") == (
        {19302, 3478, 3479, 1024},
        False,
    )
    assert ports(CODER_DERP_SERVER_STUN_ADDRESSES="disable") == ({1024}, False)


def test_coderd_on_its_nodes_network_is_not_restricted_and_that_is_told() -> None:
    """No policy covers it."""
    cr = network(adopted("coder"), blockMetadataAddressFor=["ControlPlane"])
    world = b.world(enforced(cr, "CVA-NET-003"), chart_coderd(pod={"hostNetwork": True}))
    part = build_network_policies(world)
    assert egress_of(part) == {}
    assert "HostNetwork" in {one.reason for one in part.withheld}


def test_workspaces_that_no_policy_covers_are_named() -> None:
    """The envbox template gives its Pod no label."""
    cr = network(managed("coder"), workspaceEgress="Restricted")
    part = build_network_policies(b.world(cr, b.pools(), b.all_running(envbox_pod("four"))))
    (told,) = [one.message for one in part.previews if "may only open" in one.message]
    assert "No policy covers coder-alice-four" in told


def test_rendered_over_itself_it_is_the_same() -> None:
    """Ours do not isolate against us."""
    cr = network(
        managed("coder"),
        workspaceEgress="Restricted",
        controlPlaneEgress="Restricted",
        egress={"workspaces": [GIT], "controlPlane": [DATABASE, KUBE_API]},
    )
    first = build_network_policies(b.world(cr)).objects
    assert build_network_policies(b.world(cr, first)).objects == first


def test_a_long_list_makes_no_long_message() -> None:
    """A status names the first few, and how many more there are."""
    listed = [
        {"name": f"it-{number:02}", "why": "many", "cidrs": [f"10.{number}.0.0/16"]}
        for number in range(32)
    ]
    cr = network(
        managed("coder"),
        workspaceEgress="Restricted",
        accessURLCIDRs=[f"203.0.{number}.0/24" for number in range(32)],
        egress={"workspaces": listed},
    )
    part = build_network_policies(b.world(cr))
    (told,) = [one.message for one in part.previews if "may only open" in one.message]
    assert "more" in told
    assert len(told) < 1200


def test_a_restriction_of_egress_is_taken_into_force_by_its_hash() -> None:
    """Each restriction is a class of its own: one that is asked for later waits for another word."""
    running = b.all_running(workspace_deployment("one"))

    def plan(hash_: str | None, previous: dict[str, Any], **said: Any) -> Plan:
        cr = network(adopted("coder"), **said)
        if hash_ is not None:
            cr["spec"]["network"]["confirm"] = hash_
        return render.plan(
            b.world(
                cr, b.pools(), chart_coderd(), running, unavailable=NO_CILIUM, previous=previous
            )
        )

    def seen(made: Plan) -> tuple[set[str], set[str]]:
        names = {one["metadata"]["name"] for one in made.objects if "egress" in str(one["spec"])}
        return names, {hit for one in made.previews for hit in one.hits if "egress" in hit}

    def confirmed(made: Plan) -> dict[str, Any]:
        return {"confirm": {"accepted": confirming.written(made.confirmations)}}

    first = plan(None, {}, workspaceEgress="Restricted")
    assert seen(first) == (set(), {"egress of workspaces in coder"})

    hash_ = hash_of(class_digest(one.rule, hit) for one in first.previews for hit in one.hits)
    second = plan(hash_, {}, workspaceEgress="Restricted")
    assert seen(second)[0] == {"coder-workspaces-egress", "coder-workspaces-by-name-egress"}
    assert any(one.rule == "CVA-NET-005" and one.by == hash_ for one in second.restrictions)

    third = plan(
        hash_,
        confirmed(second),
        workspaceEgress="Restricted",
        blockMetadataAddressFor=["Workspaces"],
    )
    assert seen(third)[0] == seen(second)[0], "what was confirmed stays in force"
    waiting = [one for one in third.previews if "metadata address" in str(one.hits)]
    assert [one.message.partition(":")[0] for one in waiting] == ["with CVA-NET-005"]
    made = {one["metadata"]["name"]: one["spec"] for one in third.objects}
    assert "169.254.169.254/32" in to(made["coder-workspaces-egress"]), "nobody has confirmed that"
