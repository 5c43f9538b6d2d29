"""Classes of connections in use: they stay the same while workspaces come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from coder_cva.desired import hits
from coder_cva.desired.connections import connections
from support import builders as b
from support.deployments import adopted
from support.policies import service
from support.workspace_manifests import workspace_deployment, workspace_id

if TYPE_CHECKING:
    from support.builders import Manifest

NAMES = st.lists(
    st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=8),
    min_size=1,
    max_size=5,
    unique=True,
)


def classes(*manifests: Manifest) -> set[str]:
    """The classes of what leads to workspaces in the namespace coder."""
    world = b.world(adopted("coder"), b.pools(), *manifests)
    found = connections(world, "coder", world.found.workspaces)
    return {hit for one in found for hit in one.hits}


def app(name: str, port: int = 3000) -> Manifest:
    """What a template makes for a workspace: a Service that chooses it by its id."""
    made: Manifest = service(f"app-{name}", {"com.coder.workspace.id": workspace_id(name)}, port)
    return made


@given(NAMES)
def test_the_services_of_a_template_are_one_class(names: list[str]) -> None:
    """However many workspaces there are, and also of one that is stopped."""
    running = b.all_running([workspace_deployment(one) for one in names])

    expected = {"Services to port 3000 of workspaces in coder, chosen by com.coder.workspace.id"}
    assert classes(*running, *map(app, names)) == expected
    assert classes(*running, *map(app, [*names, "stopped"])) >= expected


def test_labels_that_name_their_workspace_are_told_by_their_keys() -> None:
    """Templates write names of workspaces and users into labels of any key."""
    deployment = workspace_deployment("api", user="alice")
    deployment[-1]["spec"]["template"]["metadata"]["labels"]["app"] = "ws-alice-api"
    deployment[-1]["spec"]["selector"]["matchLabels"]["app"] = "ws-alice-api"

    assert classes(*b.all_running(deployment), service("it", {"app": "ws-alice-api"})) == {
        "Services to port 8888 of workspaces in coder, chosen by app"
    }


def test_labels_of_a_kind_keep_their_values() -> None:
    """Another port, or another kind of workspace, is another class."""
    running = b.all_running([workspace_deployment("api")])
    kind = {"app.kubernetes.io/name": "coder-workspace"}

    assert classes(*running, service("a", kind, 80), service("b", kind, 81)) == {
        f"Services to port {port} of workspaces in coder, chosen by app.kubernetes.io/name=coder-workspace"
        for port in (80, 81)
    }


def test_what_pods_say_of_themselves_is_told_by_the_annotation_and_the_port() -> None:
    """The workspace's own labels do not matter."""
    made = [workspace_deployment("one"), workspace_deployment("two")]
    for one in made:
        one[-1]["spec"]["template"]["metadata"]["annotations"] = {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": "9090",
        }

    (only,) = classes(*b.all_running(made))

    assert only.endswith("to port 9090 of workspaces in coder")
    assert only.startswith("annotation prometheus.io/")


def test_folders_of_one_workspace_are_generalised() -> None:
    """The longest name first, so that none is cut in half; short ones tell nothing."""
    labels = {"com.coder.user.username": "al", "com.coder.workspace.name": "api"}

    assert hits.generalised("/home/al/api", labels) == "/home/al/*"
    assert hits.generalised("/srv/data", {}) == "/srv/data"


def test_each_port_is_a_class_of_its_own() -> None:
    """Of a Service's port by name, too: a workspace that joins adds its own, and changes no other."""
    named = service("it", {"com.coder.resource": "true"}, "web")
    five, eight = (
        workspace_deployment(
            name,
            pod={"containers": [{"name": "dev", "image": "x", "ports": [{"name": "web", "containerPort": port}]}]},
        )
        for name, port in (("one", 5173), ("two", 8080))
    )  # fmt: skip

    alone = classes(*b.all_running(five), named)
    together = classes(*b.all_running([five, eight]), named)

    assert len(alone) == 1
    assert len(together) == 2
    assert alone < together


def test_every_port_and_other_protocols_are_told() -> None:
    """A headless Service without ports leads to whatever port there is."""
    headless = service("all", {"com.coder.resource": "true"})
    headless["spec"] = {"clusterIP": "None", "selector": {"com.coder.resource": "true"}}
    game = service("game", {"com.coder.resource": "true"}, 3478)
    game["spec"]["ports"][0]["protocol"] = "UDP"

    whose = "workspaces in coder, chosen by com.coder.resource=true"
    assert classes(headless, game) == {
        f"Services to every port of {whose}",
        f"Services to port 3478/UDP of {whose}",
    }
