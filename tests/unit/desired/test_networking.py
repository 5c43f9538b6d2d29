from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from coder_cva.desired import isolation
from coder_cva.desired.networking import build_network_policies
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.values.canonical import canonical
from support import builders as b
from support.coder_manifests import chart_coderd, workspace_binding
from support.deployments import adopted, managed
from support.workspace_manifests import (
    devcontainer_deployment,
    envbox_pod,
    seed_pod,
    workspace_deployment,
    workspace_labels,
)

CODERD = {"app.kubernetes.io/name": "coder", "app.kubernetes.io/instance": "coder"}
TCP = "TCP"


def policy(name: str, selector: dict[str, Any], namespace: str = "coder", **spec: Any) -> Any:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"podSelector": selector, **spec},
    }


def service(
    name: str, selector: dict[str, str], target: Any = 8888, namespace: str = "coder"
) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": selector, "ports": [{"port": 80, "targetPort": target}]},
    }


def specs(world: Any) -> dict[str, dict[str, Any]]:
    made = build_network_policies(world).objects
    return {
        f"{one['metadata']['namespace']}/{one['metadata']['name']}": one["spec"] for one in made
    }


def coderd_ports(world: Any) -> set[int]:
    """The ports that everybody may reach, by coderd's policy."""
    rules = specs(world)["coder/coder-coderd"]["ingress"]
    return {port["port"] for rule in rules if "from" not in rule for port in rule["ports"]}


def ports(*numbers: int) -> list[dict[str, Any]]:
    return [{"port": number, "protocol": TCP} for number in numbers]


def test_coderd_is_open_to_its_users_its_replicas_and_its_scrapers() -> None:
    """8080 and 2112 for everybody, 8080 and 6222 among replicas; egress is not mentioned at all."""
    assert specs(b.world(managed("coder")))["coder/coder-coderd"] == {
        "podSelector": {"matchLabels": CODERD},
        "policyTypes": ["Ingress"],
        "ingress": [
            {"ports": ports(8080)},
            {"ports": ports(8080, 6222), "from": [{"podSelector": {"matchLabels": CODERD}}]},
            {"ports": ports(2112)},
        ],
    }


def test_tls_opens_8443() -> None:
    """With a certificate at coderd itself users arrive on 8443 as well."""
    world = b.world(managed("coder", tls={"secretNames": ["coder-tls"]}))
    assert coderd_ports(world) == {8080, 8443, 2112}


def test_metrics_are_kept_to_the_scrapers_that_are_named() -> None:
    """Once spec.network.monitoring names somebody, 2112 is theirs alone, and nothing is foretold."""
    spec = managed("coder")
    peer = {"namespaceSelector": {"matchLabels": {"team": "monitoring"}}}
    spec["spec"]["network"] = {"monitoring": [peer]}
    part = build_network_policies(b.world(spec))
    rules = part.objects[0]["spec"]["ingress"]
    (scraped,) = [one for one in rules if one["ports"] == ports(2112)]
    (source,) = scraped["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"team": "monitoring"}
    assert part.previews == ()


def test_metrics_that_stay_open_are_told() -> None:
    """Scraping works from anywhere today, so nothing is cut, and how to cut it is said."""
    (preview,) = build_network_policies(b.world(managed("coder"))).previews
    assert "port 2112" in preview.message
    assert "spec.network.monitoring" in preview.message


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
    assert coderd_ports(world) == {8080, 9901, 7000, 9100, 2112}


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
        assert coderd_ports(b.world(adopted("coder"), coderd)) == {8080, 2112}


def test_what_serves_on_no_known_port_is_not_isolated() -> None:
    """A coderd that declares no port, to which no Service leads: closing it would be a guess."""
    coderd = chart_coderd()
    del coderd[-1]["spec"]["template"]["spec"]["containers"][0]["ports"]
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


def test_audit_writes_nothing_for_coderd() -> None:
    """CVA-NET-004 not enforced: coderd's policy is not there."""
    spec = adopted("coder")
    spec["spec"]["enforcement"] = {"rules": {"CVA-NET-004": "Audit"}}
    assert specs(b.world(spec, chart_coderd())) == {}


def test_workspaces_of_a_managed_coder_accept_no_connections() -> None:
    """One policy for each label that Coder's templates give, without a single rule."""
    made = specs(b.world(managed("coder")))
    assert made["coder/coder-workspaces"] == {
        "podSelector": {"matchLabels": {"com.coder.resource": "true"}},
        "policyTypes": ["Ingress"],
    }
    by_name = made["coder/coder-workspaces-by-name"]["podSelector"]
    assert by_name == {"matchLabels": {"app.kubernetes.io/name": "coder-workspace"}}


def test_rarer_labels_get_a_policy_where_they_are_seen() -> None:
    """A workspace that only the document's own snippet labels is isolated too."""
    world = b.world(managed("coder"), b.pools(), b.running(seed_pod()))
    selector = specs(world)["coder/coder-workspaces-by-app"]["podSelector"]
    assert selector == {"matchLabels": {"app": "coder-workspace"}}


def test_no_policy_selects_every_pod() -> None:
    """An empty podSelector would isolate what is no workspace."""
    running = b.all_running([workspace_deployment(), envbox_pod("box"), seed_pod("seed")])
    for spec in specs(b.world(managed("coder"), b.pools(), running)).values():
        assert spec["podSelector"].get("matchLabels") or spec["podSelector"]["matchExpressions"]


def test_a_service_that_leads_to_a_workspace_keeps_its_port_open_and_is_told() -> None:
    """A connection in use is never cut; the preview names the Service, its route and the port."""
    labels = workspace_labels("dev", "alice")
    selector = {"com.coder.workspace.id": labels["com.coder.workspace.id"]}
    route = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "web", "namespace": "coder"},
        "spec": {"defaultBackend": {"service": {"name": "app", "port": {"number": 80}}}},
    }
    world = b.world(
        managed("coder"),
        b.pools(),
        b.all_running([workspace_deployment("dev")]),
        service("app", selector),
        route,
    )
    part = build_network_policies(world)
    assert specs(world)["coder/coder-workspaces"]["ingress"] == [{"ports": ports(8888)}]
    told = next(one for one in part.previews if one.rule == "CVA-NET-005")
    assert told.resources == ("Service coder/app, through coder/web (port 8888)",)


def test_a_service_of_a_stopped_workspace_keeps_its_port_open() -> None:
    """When the workspace starts again, the connection is there at once."""
    world = b.world(managed("coder"), service("app", {"com.coder.resource": "true"}, 3000))
    assert specs(world)["coder/coder-workspaces"]["ingress"] == [{"ports": ports(3000)}]


def test_a_services_port_by_name_is_looked_up_in_the_workspace() -> None:
    """The policy names the number behind the name."""
    named = {"name": "dev", "image": "x", "ports": [{"name": "web", "containerPort": 5173}]}
    running = b.all_running([workspace_deployment(pod={"containers": [named]})])
    selector = {"com.coder.resource": "true"}
    world = b.world(managed("coder"), b.pools(), running, service("app", selector, "web"))
    assert specs(world)["coder/coder-workspaces"]["ingress"] == [{"ports": ports(5173)}]


def test_services_that_lead_elsewhere_keep_nothing_open() -> None:
    """Other Pods, no selector, another namespace: not a connection to a workspace."""
    world = b.world(
        managed("coder"),
        b.pools(),
        b.all_running([workspace_deployment()]),
        service("web", {"app": "web"}),
        service("manual", {}),
        service("far", {"com.coder.resource": "true"}, namespace="other"),
    )
    assert specs(world)["coder/coder-workspaces"].get("ingress") is None


def test_a_scraped_workspace_keeps_its_metrics_port_open() -> None:
    """By the annotation's port, or by every declared port where it names none."""
    notes = {"prometheus.io/scrape": "true", "prometheus.io/port": "9090"}
    deployment = workspace_deployment()
    deployment[-1]["spec"]["template"]["metadata"]["annotations"] = notes
    world = b.world(managed("coder"), b.pools(), b.all_running(deployment))
    assert specs(world)["coder/coder-workspaces"]["ingress"] == [{"ports": ports(9090)}]
    del notes["prometheus.io/port"]
    container = deployment[-1]["spec"]["template"]["spec"]["containers"][0]
    container["ports"] = [{"containerPort": 9200}]
    world = b.world(managed("coder"), b.pools(), b.all_running(deployment))
    assert specs(world)["coder/coder-workspaces"]["ingress"] == [{"ports": ports(9200)}]


def test_consenting_namespaces_are_covered_and_others_never() -> None:
    """Policies in another namespace carry the owner's UID and no ownerReference; names tell whose."""
    note = {"cva.coder.com/deployment": "coder/coder"}
    world = b.world(managed("coder"), b.namespace("dev", annotations=note), b.namespace("stranger"))
    made = build_network_policies(world).objects
    places = {one["metadata"]["namespace"] for one in made}
    assert places == {"coder", "dev"}
    (one,) = [it for it in made if it["metadata"]["name"] == "coder-coder-workspaces"]
    assert one["metadata"]["namespace"] == "dev"
    assert "ownerReferences" not in one["metadata"]
    assert one["metadata"]["labels"]["cva.coder.com/owner-uid"] == world.deployment.uid


def test_an_adopted_coders_workspaces_are_left_open_and_the_effect_is_foretold() -> None:
    """Audit by default: nothing is written; how many it would hit, and what would stay, is said."""
    world = b.world(
        adopted("coder"),
        b.pools(),
        workspace_binding("dev"),
        b.all_running([workspace_deployment("one", "dev"), devcontainer_deployment("two", "dev")]),
        service("app", {"com.coder.resource": "true"}, namespace="dev"),
        chart_coderd(),
    )
    part = build_network_policies(world)
    assert set(specs(world)) == {"coder/coder-coderd"}
    told = next(one for one in part.previews if one.rule == "CVA-NET-005")
    assert "2 workspaces in dev" in told.message
    assert told.resources == ("Service dev/app (port 8888)",)


def test_off_neither_writes_nor_foretells() -> None:
    """CVA-NET-005 Off: silence."""
    spec = adopted("coder")
    spec["spec"]["enforcement"] = {"rules": {"CVA-NET-005": "Off", "CVA-NET-004": "Off"}}
    world = b.world(spec, b.pools(), b.all_running([workspace_deployment()]))
    part = build_network_policies(world)
    assert (part.objects, part.withheld, part.previews) == ((), (), ())


def test_workspaces_without_a_label_are_told() -> None:
    """Envbox Pods have no label: nothing selects them, and the remedy is one label."""
    world = b.world(managed("coder"), b.pools(), b.all_running([envbox_pod("box")]))
    (reason,) = build_network_policies(world).withheld
    assert reason.reason == "NoLabelSelects"
    assert "coder-alice-box" in reason.message
    assert "com.coder.resource=true" in reason.message


def test_a_denial_of_others_is_not_pierced() -> None:
    """Where others isolate workspaces and a port would have to be opened, theirs decides."""
    theirs = policy("deny", {}, policyTypes=["Ingress"], ingress=[])
    running = b.all_running([workspace_deployment()])
    used = service("app", {"com.coder.resource": "true"})
    world = b.world(managed("coder"), b.pools(), running, theirs, used)
    part = build_network_policies(world)
    assert part.objects == ()
    assert {one.reason for one in part.withheld} == {"IsolatedByOthers"}


def test_a_denial_of_ours_beside_theirs_opens_nothing() -> None:
    """Without a port to open ours has no rule, and a policy without a rule pierces nobody's."""
    theirs = policy("deny", {"matchLabels": {"com.coder.resource": "true"}})
    running = b.all_running([workspace_deployment()])
    made = specs(b.world(managed("coder"), b.pools(), running, theirs))
    assert made["coder/coder-workspaces"].get("ingress") is None


def test_the_api_fills_in_policy_types_that_are_not_said() -> None:
    """Ingress always, egress only where there is a rule for it."""
    assert isolation.isolates({"podSelector": {}}, "Ingress")
    assert not isolation.isolates({"podSelector": {}}, "Egress")
    assert isolation.isolates({"podSelector": {}, "egress": [{}]}, "Egress")
    assert not isolation.isolates({"podSelector": {}, "policyTypes": ["Egress"]}, "Ingress")


@given(st.randoms())
def test_the_order_of_what_is_read_changes_nothing(random: Any) -> None:
    """Equal clusters give equal bytes, however they were listed."""
    manifests = b.flat(
        [
            b.pools(),
            b.all_running([workspace_deployment("one"), workspace_deployment("two"), seed_pod()]),
            chart_coderd(),
            service("b", {"com.coder.resource": "true"}, 1),
            service("a", {"app": "coder-workspace"}, 2),
        ]
    )
    shuffled = [*manifests]
    random.shuffle(shuffled)
    spec = adopted("coder")
    spec["spec"]["enforcement"] = {"rules": {"CVA-NET-005": "Enforce"}}
    one = build_network_policies(b.world(spec, manifests))
    other = build_network_policies(b.world(spec, shuffled))
    assert canonical(one.objects) == canonical(other.objects)
    assert (one.withheld, one.previews) == (other.withheld, other.previews)


def test_every_need_is_read_as_the_plan_promises() -> None:
    """Ingresses only embellish the report: without them the policies are the same."""
    running = b.all_running([workspace_deployment()])
    used = service("app", {"com.coder.resource": "true"})
    seen = b.world(managed("coder"), b.pools(), running, used)
    blind = b.world(
        managed("coder"),
        b.pools(),
        running,
        used,
        unavailable={Need.INGRESSES: Absence.FORBIDDEN, Need.HTTP_ROUTES: Absence.NOT_SERVED},
    )
    assert canonical(specs(seen)) == canonical(specs(blind))
