"""Coderd's policy keeps open what is in use, and never pierces what others closed."""

from __future__ import annotations

import json

from coder_cva.desired.networking import build_network_policies
from coder_cva.values.canonical import canonical
from support import builders as b
from support.coder_manifests import chart_coderd
from support.deployments import adopted, managed
from support.policies import CODERD, coderd_ports, policy, ports, service, specs


def test_coderd_is_open_to_its_users_its_replicas_and_its_scrapers() -> None:
    """8080, metrics, profiles for everybody, 8080 and 6222 among replicas; no word about egress."""
    assert specs(b.world(managed("coder")))["coder/coder-coderd"] == {
        "podSelector": {"matchLabels": CODERD},
        "policyTypes": ["Ingress"],
        "ingress": [
            {"ports": ports(8080)},
            {"ports": ports(8080, 6222), "from": [{"podSelector": {"matchLabels": CODERD}}]},
            {"ports": ports(2112, 6060)},
        ],
    }


def test_tls_opens_8443() -> None:
    """With a certificate at coderd itself users arrive on 8443 as well."""
    world = b.world(managed("coder", tls={"secretNames": ["coder-tls"]}))
    assert coderd_ports(world) == {8080, 8443, 2112, 6060}


def test_metrics_are_kept_to_the_scrapers_that_are_named() -> None:
    """Once spec.network.monitoring names somebody, metrics and profiles are theirs alone; that is told."""
    spec = managed("coder")
    peer = {"namespaceSelector": {"matchLabels": {"team": "monitoring"}}}
    spec["spec"]["network"] = {"monitoring": [peer]}
    part = build_network_policies(b.world(spec))
    rules = part.objects[0]["spec"]["ingress"]
    (scraped,) = [one for one in rules if one["ports"] == ports(2112, 6060)]
    (source,) = scraped["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"team": "monitoring"}
    (preview,) = part.previews
    assert "on port 2112, 6060 only from the scrapers" in preview.message


def test_metrics_that_stay_open_are_told() -> None:
    """Scraping works from anywhere today, so nothing is cut, and how to cut it is said."""
    (preview,) = build_network_policies(b.world(managed("coder"))).previews
    assert "port 2112, 6060 from everybody" in preview.message
    assert "spec.network.monitoring names no scraper" in preview.message


def test_the_ports_that_stay_open_are_told_and_that_others_do_not() -> None:
    """What the policy closes is everything else: only the user knows whether that is in use."""
    (preview,) = build_network_policies(b.world(managed("coder"))).previews
    assert "connections on port 8080 from everybody, on port 6222, 8080 from" in preview.message
    assert "on no other port of its Pods" in preview.message
    assert preview.resources == ("NetworkPolicy coder/coder-coderd",)


def test_whatever_an_adopted_coderd_serves_stays_open() -> None:
    """A sidecar's port, a Service's target by number or name, a scrape annotation: all stay open."""
    sidecar = {"name": "proxy", "image": "x", "ports": [{"containerPort": 9901, "name": "admin"}]}
    coderd = chart_coderd(pod_annotations={"prometheus.io/port": "9100"})
    coderd[-1]["spec"]["template"]["spec"]["containers"].append(sidecar)
    world = b.world(
        adopted("coder"),
        b.pools(),
        b.all_running(coderd),
        service("by-number", CODERD, 7000),
        service("by-name", CODERD, "admin"),
    )
    assert coderd_ports(world) == {8080, 9901, 7000, 9100, 2112, 6060}


def test_a_port_of_a_sidecar_that_only_the_pods_have_stays_open() -> None:
    """A mesh injects its proxy into Pods, not into the Deployment: the live Pods are looked at."""
    running = b.all_running(chart_coderd())
    pod = next(one for one in running if one["kind"] == "Pod")
    mesh = {"name": "istio-proxy", "image": "x", "ports": [{"containerPort": 15090}]}
    pod["spec"] = {**pod["spec"], "containers": [*pod["spec"]["containers"], mesh]}
    assert 15090 in coderd_ports(b.world(adopted("coder"), b.pools(), running))


def test_an_ambient_mesh_can_still_bring_connections() -> None:
    """In an ambient mesh every connection arrives on its own port, so that one is open."""
    mesh = b.namespace("coder", labels={"istio.io/dataplane-mode": "ambient"})
    world = b.world(adopted("coder"), mesh, chart_coderd())
    assert 15008 in coderd_ports(world)
    assert 15008 not in coderd_ports(b.world(adopted("coder"), chart_coderd()))


def test_a_broken_scrape_annotation_opens_nothing() -> None:
    """Annotations hold anything; only a port's number is one."""
    for text in ("none", "0", "70000", "-1", "٣"):
        coderd = chart_coderd(pod_annotations={"prometheus.io/port": text})
        assert coderd_ports(b.world(adopted("coder"), coderd)) == {8080, 2112, 6060}


def test_what_serves_on_no_known_port_is_not_isolated() -> None:
    """A coderd that declares no port, to which no Service leads: closing it would be a guess."""
    coderd = chart_coderd()
    container = coderd[-1]["spec"]["template"]["spec"]["containers"][0]
    del container["ports"]
    container["env"] = [one for one in container["env"] if one["name"] != "CODER_HTTP_ADDRESS"]
    without_service = [one for one in coderd if one["kind"] != "Service"]
    part = build_network_policies(b.world(adopted("coder"), without_service))
    assert part.objects == ()
    assert part.withheld[0].reason == "NoPortDeclared"


def test_coderd_in_its_nodes_network_is_told_apart() -> None:
    """No NetworkPolicy covers host networking: none is written as if it did."""
    part = build_network_policies(
        b.world(adopted("coder"), chart_coderd(pod={"hostNetwork": True}))
    )
    assert part.objects == ()
    assert part.withheld[0].reason == "HostNetwork"


def test_where_others_isolate_coderd_nothing_is_written_and_the_allow_is_printed() -> None:
    """Ours would pierce theirs; what theirs has to allow is in the message, ready to paste."""
    theirs = policy("default-deny", {}, policyTypes=["Ingress"])
    part = build_network_policies(b.world(adopted("coder"), chart_coderd(), theirs))
    assert part.objects == ()
    (reason,) = part.withheld
    assert reason.reason == "IsolatedByOthers"
    assert "coder/default-deny" in reason.message
    allow = json.loads(reason.message[reason.message.index("{") :])
    assert {"ports": ports(8080)} in allow["ingress"]


def test_policies_that_do_not_isolate_coderds_ingress_do_not_matter() -> None:
    """Egress only, other Pods, another namespace: ours is written."""
    world = b.world(
        adopted("coder"),
        chart_coderd(),
        policy("egress", {}, policyTypes=["Egress"], egress=[{}]),
        policy("others", {"matchLabels": {"app": "web"}}, policyTypes=["Ingress"]),
        policy("elsewhere", {}, "other", policyTypes=["Ingress"]),
    )
    assert set(specs(world)) == {"coder/coder-coderd"}


def test_our_own_policies_do_not_isolate_against_us() -> None:
    """Once they are written, rendering again gives the same bytes."""
    before = b.world(managed("coder"))
    ours = build_network_policies(before).objects
    assert canonical(build_network_policies(b.world(managed("coder"), *ours)).objects) == canonical(
        ours
    )


def test_a_region_or_an_adopted_coderd_that_is_not_there_has_no_policy_of_coderd() -> None:
    """Nothing selects Pods that nobody has seen."""
    region = adopted("coder")
    region["spec"]["controlPlane"] = {"management": "None"}
    assert specs(b.world(region)) == {}
    assert specs(b.world(adopted("coder"))) == {}


def test_audit_writes_nothing_for_coderd_and_foretells_what_stays_open() -> None:
    """CVA-NET-004 not enforced: coderd's policy is not there, and what it would leave open is said."""
    spec = adopted("coder")
    spec["spec"]["enforcement"] = {"rules": {"CVA-NET-004": "Audit"}}
    world = b.world(spec, chart_coderd())
    assert specs(world) == {}
    (preview,) = build_network_policies(world).previews
    assert preview.message.startswith("with CVA-NET-004: Enforce coderd would accept connections")
