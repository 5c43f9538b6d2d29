"""Egress of external provisioners and of workspace proxies: a policy for each Deployment, and nobody else's Pods."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coder_cva.desired import confirming, render
from coder_cva.desired.networking import build_network_policies
from coder_cva.snapshot.confirmations import class_digest, hash_of
from coder_cva.values import selectors
from support import builders as b
from support.coder_manifests import chart_coderd, chart_provisioner, chart_proxy, workspace_binding
from support.deployments import adopted, managed, region
from support.egress import NO_CILIUM, egress_of, enforced, network, to
from support.policies import policy

if TYPE_CHECKING:
    from coder_cva.desired.plan import Part

RULE = "CVA-NET-003"
BUILDS = {
    "name": "kube-api",
    "connection": "provisioner-to-kube-api",
    "why": "workspaces",
    "cidrs": ["10.0.0.1/32"],
    "ports": [{"port": 443}],
}
REGISTRIES = {
    "name": "registries",
    "connection": "provisioner-to-packages",
    "why": "Terraform's providers",
    "fqdns": ["registry.terraform.io"],
}
OF_PROVISIONERS = "coder-provisioner-coder-provisioner-egress"
OF_PROXIES = "coder-proxy-coder-proxy-egress"
BOTH: dict[str, Any] = {
    "provisionerEgress": "Restricted",
    "proxyEgress": "Restricted",
    "accessURLCIDRs": ["203.0.113.0/24"],
    "egress": {"provisioners": [BUILDS]},
}


def restricted(*listed: dict[str, Any], **said: Any) -> dict[str, Any]:
    """An adopted Coder whose provisioners are restricted in force, with this in their list."""
    lists = {"egress": {"provisioners": list(listed or (BUILDS,))}, **said}
    cr = network(adopted("coder"), provisionerEgress="Restricted", **lists)
    return enforced(cr, RULE)


def another(name: str, **said: Any) -> dict[str, Any]:
    """A further Deployment of provisioners beside the chart's usual one."""
    made: dict[str, Any] = chart_provisioner(release=name, **said)[-1]
    made["metadata"]["name"] = name
    return made


def built(cr: dict[str, Any], *there: Any, **world: Any) -> Part:
    """What the builders make in a world with coderd and these."""
    return build_network_policies(b.world(cr, b.pools(), chart_coderd(), *there, **world))


def reasons(part: Part) -> list[tuple[str, str]]:
    """Why egress is held back."""
    found = [one for one in part.withheld if "-egress" in one.subject]
    return [(one.reason, one.message) for one in found]


def test_a_policy_for_each_deployment_selects_as_the_deployment_does() -> None:
    """With what each needs: coderd's Pods and the access URL for both, the listed API for provisioners alone."""
    cr = enforced(network(adopted("coder"), **BOTH), RULE)
    two = another("other", url="https://coder.example.com")

    found = egress_of(built(cr, chart_provisioner(), two, chart_proxy()))

    assert set(found) == {
        f"NetworkPolicy {OF_PROVISIONERS}",
        "NetworkPolicy coder-provisioner-other-egress",
        f"NetworkPolicy {OF_PROXIES}",
    }
    provisioner, proxy = (found[f"NetworkPolicy {one}"] for one in (OF_PROVISIONERS, OF_PROXIES))
    assert provisioner["podSelector"] == {
        "matchLabels": {
            "app.kubernetes.io/name": "coder-provisioner",
            "app.kubernetes.io/instance": "coder-provisioner",
        }
    }
    assert provisioner["policyTypes"] == proxy["policyTypes"] == ["Egress"]
    assert "203.0.113.0/24" in to(provisioner) & to(proxy)
    assert "10.0.0.1/32" in to(provisioner) - to(proxy)
    ports = {port["port"] for rule in provisioner["egress"] for port in rule.get("ports", ())}
    assert 8080 in ports
    assert 1024 not in ports, "no UDP of provisioners"
    assert {"0.0.0.0/0", "::/0"} <= to(proxy), "UDP of peers"
    assert to(provisioner).isdisjoint({"0.0.0.0/0", "::/0"})


@pytest.mark.parametrize("made", [adopted("coder"), region("coder")])
def test_it_is_foretold_until_somebody_decides(made: dict[str, Any]) -> None:
    """Adopted, and in a region without coderd: the preview names the Deployment, what stays and what is cut."""
    said, here = BOTH, chart_coderd()
    if made["spec"]["controlPlane"]["management"] == "None":
        listed = {"name": "primary", "connection": "provisioner-to-coderd", "why": "its coderd"}
        more = {**listed, "cidrs": ["203.0.113.9/32"]}
        said, here = {**BOTH, "egress": {"provisioners": [BUILDS, more]}}, []
    world = b.world(network(made, **said), here, chart_provisioner(), chart_proxy())

    part = build_network_policies(world)

    assert egress_of(part) == {}
    told = [one for one in part.previews if "could only open" in one.message]
    assert [one.hits for one in told] == [
        ("egress of external provisioners in coder",),
        ("egress of workspace proxies in coder",),
    ]
    first = told[0].message
    assert first.startswith("with CVA-NET-003: Enforce, external provisioners of Deployment coder/")
    assert "kube-api on TCP 443" in first
    assert "spec.network.egress.provisioners does not list it: kube-api, cloud, packages" in first
    assert told[0].resources == (f"NetworkPolicy coder/{OF_PROVISIONERS}",)


def test_one_word_confirms_those_of_a_namespace_and_no_others() -> None:
    """Provisioners are a class of their namespace: another Deployment of them is covered, proxies are not."""
    first = b.world(
        network(adopted("coder"), **BOTH), b.pools(), chart_coderd(), chart_provisioner()
    )
    previews = render.plan(first).previews
    hash_ = hash_of(class_digest(one.rule, hit) for one in previews for hit in one.hits)
    cr = network(adopted("coder"), **BOTH, confirm=hash_)
    there = (b.pools(), chart_coderd(), chart_provisioner())
    second = render.plan(b.world(cr, *there))
    assert [one.by for one in second.restrictions if one.rule == RULE] == [hash_]

    accepted = {"confirm": {"accepted": confirming.written(second.confirmations)}}
    later = another("later")
    third = render.plan(b.world(cr, *there, later, chart_proxy(), previous=accepted))

    names = {one["metadata"]["name"] for one in third.objects}
    assert {OF_PROVISIONERS, "coder-provisioner-later-egress"} <= names
    assert OF_PROXIES not in names


def test_only_namespaces_that_consent_are_written_to() -> None:
    """Provisioners elsewhere are nobody's business; with coderd's RoleBinding there they are."""
    there = chart_provisioner("team-a", url="http://coder.coder")
    assert egress_of(built(restricted(), there)) == {}

    made = built(restricted(), there, workspace_binding("team-a"))

    (one,) = [it for it in made.objects if it["metadata"]["name"].endswith("-egress")]
    assert one["metadata"]["namespace"] == "team-a"
    assert one["metadata"]["name"] == f"coder-{OF_PROVISIONERS}", "two deployments may act there"


def test_where_the_labels_are_not_theirs_alone_nothing_is_written() -> None:
    """Neither while such a Pod runs, nor while a Deployment would make one; it is named with the way out."""
    release = {"app.kubernetes.io/instance": "coder-provisioner"}
    of_a_release = chart_provisioner()
    of_a_release[-1]["spec"]["selector"] = {"matchLabels": release}
    idle = another("idle")
    idle["spec"] |= {"replicas": 0, "selector": {"matchLabels": {"app": "idle"}}}
    idle["spec"]["template"] = {
        "metadata": {"labels": {**release, "app": "idle"}},
        "spec": {"containers": [{"name": "web", "image": "nginx"}]},
    }
    pod = b.pod("backup", "coder", labels=release)
    for stranger, name in ((pod, "Pod coder/backup"), (idle, "Deployment coder/idle")):
        part = built(restricted(), of_a_release, stranger)
        assert egress_of(part) == {}
        ((reason, message),) = reasons(part)
        assert reason == "NoLabelSelects"
        assert name in message
        assert "release name" in message


def test_a_pod_whose_replica_set_is_not_read_yet_is_no_stranger() -> None:
    """A Pod is told by what it runs: a rollout must not lift the restriction for a moment."""
    running = b.all_running(chart_provisioner())
    early = [one for one in b.flat(running) if one["kind"] != "ReplicaSet"]

    part = built(restricted(), early, plausible=False)

    assert set(egress_of(part)) == {f"NetworkPolicy {OF_PROVISIONERS}"}


@pytest.mark.parametrize(
    ("url", "cidrs", "held"),
    [
        ("http://coder.coder.svc.cluster.local", [], None),
        ("http://coder", [], None),
        ("https://coder.example.com", [], "accessURLCIDRs"),
        ("https://coder.example.com", ["203.0.113.0/24"], None),
        ("http://front.coder.svc", ["203.0.113.0/24"], "no Service of this coderd"),
        ("http://coder.elsewhere.svc", [], "no Service of this coderd"),
        ("coder.example.com", [], "no whole URL"),
    ],
)
def test_where_they_dial_has_to_stay_possible(url: str, cidrs: list[str], held: str | None) -> None:
    """A Service that is not coderd's, or a URL whose addresses nobody says, would cut them off for certain."""
    cr = restricted(accessURLCIDRs=cidrs)

    part = built(cr, chart_provisioner(url=url))

    told = reasons(part)
    assert bool(egress_of(part)) is (held is None)
    assert [reason for reason, _ in told] == ([] if held is None else ["AddressNotNamed"])
    if held is not None:
        assert held in told[0][1]
        assert "connection: provisioner-to-coderd" in told[0][1]


def test_a_word_in_the_list_says_where_coderd_is() -> None:
    """Whoever dials by ways that are not seen lists them: then nothing is held back."""
    front = {
        "name": "front",
        "connection": "provisioner-to-coderd",
        "why": "a proxy of our own before coderd",
        "podSelector": {"matchLabels": {"app": "front"}},
        "ports": [{"port": 8000}],
    }
    url = "http://front.coder.svc"

    part = built(restricted(BUILDS, front), chart_provisioner(url=url))

    rules = egress_of(part)[f"NetworkPolicy {OF_PROVISIONERS}"]["egress"]
    assert any(one.get("ports") == [{"port": 8000, "protocol": "TCP"}] for one in rules)
    assert reasons(part) == []


def test_a_hidden_url_is_not_taken_for_none() -> None:
    """In a Secret it may lead anywhere."""
    made = chart_provisioner()
    hidden = {"name": "CODER_URL", "valueFrom": {"secretKeyRef": {"name": "url", "key": "url"}}}
    made[-1]["spec"]["template"]["spec"]["containers"][0]["env"][0] = hidden

    ((reason, message),) = reasons(built(restricted(), made))

    assert reason == "AddressNotNamed"
    assert "what CODER_URL says, which is not seen here" in message


def test_provisioners_wait_until_it_is_said_where_workspaces_are_made() -> None:
    """The Kubernetes API or a cloud's: without either no build could end. Proxies need nothing listed."""
    git = {"name": "git", "why": "modules", "cidrs": ["198.51.100.0/24"]}
    cloud = {**git, "name": "cloud", "connection": "provisioner-to-cloud"}

    ((reason, message),) = reasons(built(restricted(git), chart_provisioner()))
    assert reason == "ConnectionNotListed"
    assert "provisioner-to-kube-api or provisioner-to-cloud, and nothing says where" in message
    assert "{name: kube-api, connection: provisioner-to-kube-api" in message
    assert reasons(built(restricted(cloud), chart_provisioner())) == []
    cr = enforced(
        network(adopted("coder"), proxyEgress="Restricted", accessURLCIDRs=["203.0.113.0/24"]), RULE
    )
    assert reasons(built(cr, chart_proxy())) == []


def test_what_others_restrict_is_not_pierced_and_no_other_deployment_suffers() -> None:
    """Only the Deployment that theirs selects is left to them; what theirs has to allow is printed."""
    theirs = policy(
        "theirs",
        {"matchLabels": {"app.kubernetes.io/instance": "coder-provisioner"}},
        policyTypes=["Egress"],
    )
    other = another("other")

    part = built(restricted(), chart_provisioner(), other, theirs)

    assert set(egress_of(part)) == {"NetworkPolicy coder-provisioner-other-egress"}
    ((reason, message),) = reasons(part)
    assert reason == "IsolatedByOthers"
    assert "coder/theirs" in message
    allow = json.loads(message[message.index("{") :])
    assert any(rule.get("ports", [{}])[0].get("port") == 8080 for rule in allow["egress"])


def test_on_their_nodes_network_no_policy_covers_them() -> None:
    """It is told, and nothing is written."""
    made = chart_provisioner()
    made[-1]["spec"]["template"]["spec"]["hostNetwork"] = True

    part = built(restricted(), made)

    assert [reason for reason, _ in reasons(part)] == ["HostNetwork"]
    assert egress_of(part) == {}


def test_the_metadata_address_is_closed_for_each_by_itself() -> None:
    """Also where all else is open; to Cilium it is a denial."""
    cr = network(managed("coder"), blockMetadataAddressFor=["Proxies"])
    there = (chart_provisioner(), chart_proxy())

    found = egress_of(build_network_policies(b.world(cr, *there, unavailable=NO_CILIUM)))
    assert set(found) == {f"NetworkPolicy {OF_PROXIES}"}
    assert found[f"NetworkPolicy {OF_PROXIES}"]["egress"][0]["to"][0] == {"namespaceSelector": {}}
    by_cilium = egress_of(build_network_policies(b.world(cr, *there)))
    assert set(by_cilium) == {f"CiliumNetworkPolicy {OF_PROXIES}"}


def test_registries_are_named_to_cilium_and_held_back_without_it() -> None:
    """Terraform's registry is a name: by Cilium's policy, written before what closes, or not at all."""
    part = built(restricted(BUILDS, REGISTRIES), chart_provisioner())
    names = egress_of(part)[f"CiliumNetworkPolicy {OF_PROVISIONERS}"]
    assert names["egress"][-1] == {"toFQDNs": [{"matchName": "registry.terraform.io"}]}
    kinds = [one["kind"] for one in part.objects if one["metadata"]["name"] == OF_PROVISIONERS]
    assert kinds == ["CiliumNetworkPolicy", "NetworkPolicy"]

    ((reason, message),) = reasons(
        built(restricted(BUILDS, REGISTRIES), chart_provisioner(), unavailable=NO_CILIUM)
    )
    assert reason == "NamesNotServed"
    assert "spec.network.egress.provisioners" in message


def test_closed_udp_is_told_of_proxies_and_not_of_provisioners() -> None:
    """A proxy has direct connections; a provisioner has none that could move to relays."""
    said = {**BOTH, "egress": {"provisioners": [BUILDS], "directConnections": False}}
    part = built(network(adopted("coder"), **said), chart_provisioner(), chart_proxy())

    told = [one.message for one in part.previews if "moves to the relays" in one.message]

    assert len(told) == 1
    assert "UDP of workspace proxies of Deployment coder/coder-proxy is closed" in told[0]


def test_off_restricts_nothing_and_rendered_again_it_is_the_same() -> None:
    """The weaker of two switches wins; ours do not isolate against us."""
    cr = enforced(network(adopted("coder"), **BOTH), RULE)
    there = (chart_coderd(), chart_provisioner(), chart_proxy())
    first = build_network_policies(b.world(cr, *there)).objects
    assert {OF_PROVISIONERS, OF_PROXIES} <= {one["metadata"]["name"] for one in first}
    assert build_network_policies(b.world(cr, *there, first)).objects == first

    cr["spec"]["enforcement"] = {"rules": {RULE: "Off"}}
    assert egress_of(build_network_policies(b.world(cr, *there))) == {}


LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), min_size=1)


@settings(max_examples=80, deadline=None)
@given(LABELS, st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz")), st.lists(LABELS))
def test_no_pod_of_anybody_else_is_ever_selected(
    selector: dict[str, str], more: dict[str, str], others: list[dict[str, str]]
) -> None:
    """Whatever labels there are: a policy is written exactly where it selects the provisioners alone."""
    made = chart_provisioner()
    made[-1]["spec"]["selector"] = {"matchLabels": selector}
    made[-1]["spec"]["template"]["metadata"]["labels"] = {**more, **selector}
    strangers = [b.pod(f"other-{at}", "coder", labels=one) for at, one in enumerate(others)]

    part = built(restricted(), made, strangers)

    hit = [one for one in others if selectors.matches({"matchLabels": selector}, one)]
    assert bool(egress_of(part)) is (not hit)
    assert [reason for reason, _ in reasons(part)] == (["NoLabelSelects"] if hit else [])
