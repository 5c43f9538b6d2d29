"""Workspaces' policies close what nobody uses, and keep open what somebody does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.desired import isolation
from coder_cva.desired.networking import build_network_policies
from coder_cva.snapshot.model import Absence, Gathered
from coder_cva.snapshot.needs import Need
from coder_cva.values.canonical import canonical
from support import builders as b
from support.coder_manifests import chart_coderd, workspace_binding
from support.deployments import adopted, managed
from support.policies import opened, policy, ports, service, specs
from support.workspace_manifests import (
    devcontainer_deployment,
    envbox_pod,
    seed_pod,
    workspace_deployment,
    workspace_id,
    workspace_labels,
    workspace_pod,
)


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
    (only,) = opened(world).items()
    assert only == (f"com.coder.workspace.id={workspace_id('dev')}", ports(8888))
    told = next(one for one in part.previews if one.rule == "CVA-NET-005")
    assert told.resources == ("Service coder/app, through coder/web (port 8888)",)


def test_a_service_of_a_stopped_workspace_keeps_its_port_open() -> None:
    """When the workspace starts again, the connection is there at once."""
    world = b.world(managed("coder"), service("app", {"com.coder.resource": "true"}, 3000))
    assert opened(world) == {"com.coder.resource=true": ports(3000)}


def test_a_services_port_by_name_is_looked_up_in_the_workspace() -> None:
    """The policy names the number behind the name."""
    named = {"name": "dev", "image": "x", "ports": [{"name": "web", "containerPort": 5173}]}
    running = b.all_running([workspace_deployment(pod={"containers": [named]})])
    selector = {"com.coder.resource": "true"}
    world = b.world(managed("coder"), b.pools(), running, service("app", selector, "web"))
    assert opened(world) == {"com.coder.resource=true": ports(5173)}


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
    assert opened(world) == {}


def test_a_scraped_workspace_keeps_its_metrics_port_open() -> None:
    """By the annotation's port, or by every declared port where it names none."""
    notes = {"prometheus.io/scrape": "true", "prometheus.io/port": "9090"}
    deployment = workspace_deployment()
    deployment[-1]["spec"]["template"]["metadata"]["annotations"] = notes
    world = b.world(managed("coder"), b.pools(), b.all_running(deployment))
    own = f"com.coder.workspace.id={workspace_id('dev')}"
    assert opened(world) == {own: ports(9090)}
    del notes["prometheus.io/port"]
    container = deployment[-1]["spec"]["template"]["spec"]["containers"][0]
    container["ports"] = [{"containerPort": 9200}]
    world = b.world(managed("coder"), b.pools(), b.all_running(deployment))
    assert opened(world) == {own: ports(9200)}


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


def test_a_denial_of_others_on_one_workspace_leaves_the_others_to_ours() -> None:
    """Theirs is not pierced where nothing is in use on the workspace that it closes."""
    one, two = workspace_id("one"), workspace_id("two")
    theirs = policy("deny", {"matchLabels": {"com.coder.workspace.id": one}})
    running = b.all_running([workspace_deployment("one"), workspace_deployment("two")])
    used = service("app", {"com.coder.workspace.id": two})
    world = b.world(managed("coder"), b.pools(), running, theirs, used)
    assert opened(world) == {f"com.coder.workspace.id={two}": ports(8888)}
    assert build_network_policies(world).withheld == ()


def test_a_denial_of_others_is_not_pierced_for_a_workspace_that_is_stopped_now() -> None:
    """When it starts theirs closes it, and ours would have opened it."""
    theirs = policy("deny", {"matchLabels": {"com.coder.resource": "true"}})
    world = b.world(managed("coder"), theirs, service("app", {"com.coder.resource": "true"}))
    part = build_network_policies(world)
    assert {one["metadata"]["name"] for one in part.objects} == {"coder-coderd"}
    assert [one.reason for one in part.withheld] == ["IsolatedByOthers"]


def test_where_theirs_would_be_pierced_nothing_is_foretold_but_that() -> None:
    """What Enforce would do there is nothing, and that is what the status says."""
    theirs = policy("deny", {"matchLabels": {"com.coder.resource": "true"}})
    running = b.all_running([workspace_deployment()])
    used = service("app", {"com.coder.resource": "true"})
    world = b.world(adopted("coder"), b.pools(), running, theirs, used)
    (told,) = [one for one in build_network_policies(world).previews if one.rule == "CVA-NET-005"]
    assert "nothing would be written in coder: NetworkPolicy coder/deny isolates" in told.message
    assert told.resources == ("Service coder/app (port 8888)",)


def test_only_workspaces_that_would_be_closed_are_counted() -> None:
    """Not the one that no label selects, nor the one on its node's network: both stay as they are."""
    running = b.all_running(
        [workspace_deployment("one"), envbox_pod("two"), workspace_deployment("three", pod={"hostNetwork": True})]
    )  # fmt: skip
    world = b.world(adopted("coder"), b.pools(), running)
    (told,) = [one for one in build_network_policies(world).previews if one.rule == "CVA-NET-005"]
    assert "Enforce 1 workspace in coder would accept no connections at all" in told.message
    assert "PodMonitors, and whoever dials the address of a Pod, are not seen here" in told.message
    nobody = b.world(adopted("coder"), b.pools(), b.all_running([envbox_pod("two")]))
    assert [
        one for one in build_network_policies(nobody).previews if one.rule == "CVA-NET-005"
    ] == []


@pytest.mark.parametrize("make", [adopted, managed])
def test_services_whose_endpoints_somebody_else_sets_are_told(make: Any) -> None:
    """Where they lead is not read. Not told where no workspace is closed, nor names outside the cluster."""
    by_hand, outside = service("by-hand", {}), service("outside", {})
    outside["spec"]["type"] = "ExternalName"
    world = b.world(make("coder"), b.pools(), b.all_running([workspace_deployment()]), by_hand, outside)  # fmt: skip
    told = [
        one for one in build_network_policies(world).previews if "EndpointSlices" in one.message
    ]
    assert [one.resources for one in told] == [("Service coder/by-hand",)]
    empty = b.world(make("coder"), by_hand)
    assert not any(
        "EndpointSlices" in one.message for one in build_network_policies(empty).previews
    )


class Counted(tuple[Any, ...]):  # noqa: SLOT001 - a counter of the class is meant
    """A tuple that counts how many of its items were looked at."""

    looks = 0

    def __iter__(self) -> Any:
        for one in super().__iter__():
            Counted.looks += 1
            yield one


def test_each_namespace_looks_at_what_is_in_it() -> None:
    """Four times the namespaces, with a workspace, a Service and an Ingress each, are four times the work."""

    def looks(count: int) -> int:
        note = {"cva.coder.com/deployment": "coder/coder"}
        made: list[Any] = []
        for place in [f"dev-{number:03}" for number in range(count)]:
            backend = {"service": {"name": "app", "port": {"number": 80}}}
            made += [
                b.namespace(place, annotations=note),
                *b.all_running(workspace_pod("one", place)),
                service("app", {"com.coder.resource": "true"}, namespace=place),
                {
                    "apiVersion": "networking.k8s.io/v1",
                    "kind": "Ingress",
                    "metadata": {"name": "app", "namespace": place},
                    "spec": {"defaultBackend": backend},
                },
            ]
        world = b.world(managed("coder"), b.pools(), made)
        readings: dict[str, Any] = {
            need.value: Gathered(Counted(world.snapshot.items(need))) for need in Need
        }
        found = replace(world.found, workspaces=Counted(world.found.workspaces))
        watched = replace(world, snapshot=replace(world.snapshot, **readings), found=found)
        Counted.looks = 0
        build_network_policies(watched)
        return Counted.looks

    assert 0 < looks(80) <= 4 * looks(20)


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
