"""What leads to workspaces, to which ports and of which Pods; what is open stays open there and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.desired.connections import connections
from coder_cva.desired.networking import build_network_policies
from support import builders as b
from support.deployments import managed
from support.policies import opened, ports, service, specs
from support.workspace_manifests import (
    devcontainer_deployment,
    envbox_pod,
    seed_pod,
    workspace_deployment,
    workspace_id,
    workspace_labels,
    workspace_pod,
)

SCRAPED = {"prometheus.io/scrape": "true", "prometheus.io/port": "9090"}


def own(name: str) -> str:
    return f"com.coder.workspace.id={workspace_id(name)}"


def annotated(manifests: list[Any], notes: dict[str, str] | None = None) -> list[Any]:
    manifests[-1]["spec"]["template"]["metadata"]["annotations"] = dict(notes or SCRAPED)
    return manifests


def serving(manifests: list[Any], *container_ports: dict[str, Any]) -> list[Any]:
    spec = manifests[-1]["spec"]
    spec = spec["template"]["spec"] if "template" in spec else spec
    spec["containers"][0]["ports"] = list(container_ports)
    return manifests


def headless(name: str, selector: dict[str, str]) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "coder"},
        "spec": {"clusterIP": "None", "selector": selector},
    }


def world(*manifests: Any) -> Any:
    return b.world(managed("coder"), b.pools(), b.all_running(b.flat(manifests)))


def test_a_port_of_one_workspace_opens_nothing_on_another() -> None:
    """A scrape annotation and a declared 22 of one Pod do not open 22 on all others."""
    one = annotated(workspace_deployment("one"), {"prometheus.io/scrape": "true"})
    seen = world(serving(one, {"containerPort": 22}), workspace_deployment("two"))
    assert opened(seen) == {own("one"): ports(22)}


def test_each_service_opens_its_own_ports_on_its_own_pods() -> None:
    """Two workspaces with a Service each: neither gets the other's port."""
    seen = world(
        workspace_deployment("one"),
        workspace_deployment("two"),
        service("one", {"com.coder.workspace.id": workspace_id("one")}, 3000),
        service("two", {"com.coder.workspace.id": workspace_id("two")}, 4000),
    )
    assert opened(seen) == {own("one"): ports(3000), own("two"): ports(4000)}


def test_a_selector_that_other_pods_match_too_is_narrowed_to_workspaces() -> None:
    """A policy isolates whom it selects: a database beside the workspaces must stay as it is."""
    database = b.pod("database", "coder", labels={"team": "red"})
    labels = {**workspace_labels("one", "alice"), "team": "red"}
    workspace = b.pod("one", "coder", labels=labels)
    seen = world(database, workspace, service("all", {"team": "red"}, 3000))
    assert opened(seen) == {"com.coder.resource=true, team=red": ports(3000)}


def test_a_selector_is_narrowed_by_whatever_label_its_workspaces_have() -> None:
    """By each where they have different ones, also by a label of which the value does not matter."""
    by_id = b.pod("by-id", "coder", labels={"team": "red", "com.coder.workspace.id": "7"})
    seed = seed_pod("seed")
    seed["metadata"]["labels"]["team"] = "red"
    seen = world(by_id, seed, service("all", {"team": "red"}, 3000))
    assert opened(seen) == {
        "app=coder-workspace, team=red": ports(3000),
        "team=red, com.coder.workspace.id": ports(3000),
    }


def test_what_leads_only_to_workspaces_that_nothing_closes_needs_no_policy() -> None:
    """An envbox Pod has no label that tells it apart: it stays open, and a policy would isolate it."""
    box = envbox_pod("box")
    box[-1]["metadata"]["labels"] = {"team": "red"}
    seen = world(box, service("box", {"team": "red"}, 3000))
    assert opened(seen) == {}
    (use,) = connections(seen, "coder", seen.found.workspaces)
    assert (use.subject, use.reaches) == ("Service coder/box", ())


def test_a_headless_service_without_ports_exempts_its_pods() -> None:
    """It gives away their addresses, and whoever asks for them may use any port."""
    selector = {"com.coder.workspace.id": workspace_id("one")}
    seen = world(workspace_deployment("one"), workspace_deployment("two"), headless("peers", selector))  # fmt: skip
    assert opened(seen) == {own("one"): []}
    (use,) = connections(seen, "coder", seen.found.workspaces)
    assert str(use) == "Service coder/peers (every port)"


def test_a_headless_service_with_ports_opens_those_that_it_names() -> None:
    """Its port and its target: whoever takes the address from it uses either."""
    peers = headless("peers", {"com.coder.resource": "true"})
    peers["spec"]["ports"] = [{"port": 5000, "targetPort": 3000}]
    seen = world(workspace_deployment("one"), peers)
    assert opened(seen) == {"com.coder.resource=true": ports(3000, 5000)}


def test_a_port_of_the_node_that_leads_to_a_workspace_stays_open() -> None:
    """The connection arrives at the container's port, of this Pod and no other."""
    one = serving(workspace_pod("one"), {"containerPort": 22, "hostPort": 2222})
    seen = world(one, workspace_deployment("two"))
    assert opened(seen) == {own("one"): ports(22)}
    told = next(p for p in build_network_policies(seen).previews if p.rule == "CVA-NET-005")
    assert told.resources == ("hostPort of Pod coder-alice-one in coder (port 22)",)


def test_a_workspace_on_its_nodes_network_needs_no_exception_and_is_told() -> None:
    """No policy covers it: it is neither closed nor counted, and its ports are the node's."""
    one = serving(workspace_pod("one", pod={"hostNetwork": True}), {"containerPort": 22, "hostPort": 22})  # fmt: skip
    seen = world(one)
    assert opened(seen) == {}
    (reason,) = build_network_policies(seen).withheld
    assert (reason.reason, "coder-alice-one" in reason.message) == ("HostNetwork", True)


def test_a_workspace_without_its_id_is_selected_by_all_of_its_lasting_labels() -> None:
    """Not by the hash of its template, which the next start changes."""
    labels = {"app": "coder-workspace", "team": "red", "pod-template-hash": "123"}
    seen = world(b.pod("one", "coder", labels=labels, annotations=SCRAPED))
    assert opened(seen) == {"app=coder-workspace, team=red": ports(9090)}


def test_workspaces_that_no_label_tells_apart_are_opened_together_and_that_is_told() -> None:
    """Pods of the devcontainer template carry one label only: who else gets the port is said."""
    seen = world(
        annotated(devcontainer_deployment("one")),
        devcontainer_deployment("two"),
        devcontainer_deployment("three"),
    )
    assert opened(seen) == {"app.kubernetes.io/name=coder-workspace": ports(9090)}
    told = next(p for p in build_network_policies(seen).previews if p.rule == "CVA-NET-005")
    name = f"Deployment coder-{workspace_id('one')} in coder"
    assert told.resources == (
        f"annotation prometheus.io/scrape of {name} (port 9090, also of 2 that no label tells apart)",
    )


def test_workspaces_that_are_all_scraped_are_no_others() -> None:
    """Each of them says so itself."""
    seen = world(*(annotated(devcontainer_deployment(name)) for name in ("one", "two")))
    uses = connections(seen, "coder", seen.found.workspaces)
    assert [one.others for one in uses] == [0, 0]


def test_profiles_of_a_workspace_are_a_connection_in_use_too() -> None:
    """Scrapers of profiles are called by annotations of their own."""
    notes = {"pyroscope.io/scrape": "true", "pyroscope.io/port": "6060"}
    seen = world(annotated(workspace_deployment("one"), notes))
    assert opened(seen) == {own("one"): ports(6060)}


def test_an_annotation_of_a_service_opens_its_port_on_the_pods_behind_it() -> None:
    """Prometheus asks the endpoints, not the Service."""
    noted = service("app", {"com.coder.resource": "true"}, 3000)
    noted["metadata"]["annotations"] = SCRAPED
    assert opened(world(workspace_deployment("one"), noted)) == {
        "com.coder.resource=true": ports(3000, 9090)
    }


def test_a_name_that_leads_out_of_the_cluster_leads_to_no_workspace() -> None:
    """An ExternalName has no endpoints, whatever its selector says."""
    out = service("out", {"com.coder.resource": "true"})
    out["spec"]["type"] = "ExternalName"
    assert opened(world(workspace_deployment("one"), out)) == {}


def test_replicas_of_one_workspace_are_one_connection() -> None:
    """What two Pods of one controller say is told once."""
    deployment = annotated(workspace_deployment("one"))
    deployment[-1]["spec"]["replicas"] = 2
    seen = world(deployment)
    (use,) = connections(seen, "coder", seen.found.workspaces)
    assert use.others == 0
    assert opened(seen) == {own("one"): ports(9090)}


@pytest.mark.parametrize("gone", ["service", "annotation"])
def test_what_leads_there_no_more_is_closed(gone: str) -> None:
    """The policy of an exception is not rendered any longer, and the sweep takes what is not rendered."""
    label = {"com.coder.resource": "true"}
    there = world(annotated(workspace_deployment("one")), service("app", label, 3000))
    after = world(
        workspace_deployment("one") if gone == "annotation" else annotated(workspace_deployment("one")),
        *([] if gone == "service" else [service("app", label, 3000)]),
    )  # fmt: skip
    assert len(opened(there)) == 2
    assert len(opened(after)) == 1
    assert set(specs(after)) < set(specs(there))
