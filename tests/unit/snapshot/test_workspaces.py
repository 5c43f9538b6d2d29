from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.workspaces import workspaces
from coder_cva.values.memo import Memo
from support import builders, coder_manifests
from support import workspace_manifests as templates


def found(*manifests: Any, **rest: Any) -> tuple[Workspace, ...]:
    """The workspaces of namespace coder among these manifests, all of them running."""
    snapshot = builders.snapshot_of(builders.all_running(manifests), **rest)
    return workspaces(snapshot, {"coder"}, Memo())


@pytest.mark.parametrize(
    ("made", "proof", "controller"),
    [
        (templates.workspace_deployment("a"), "CODER_AGENT_TOKEN", "Deployment"),
        (templates.workspace_deployment("a", token=False), "com.coder labels", "Deployment"),
        (templates.devcontainer_deployment("a"), "CODER_AGENT_TOKEN", "Deployment"),
        (templates.devcontainer_deployment("a", token=False), "owner's labels", "Deployment"),
        (templates.workspace_pod("a"), "CODER_AGENT_TOKEN", ""),
        (templates.workspace_pod("a", token=False), "com.coder labels", ""),
        (templates.envbox_pod("a"), "CODER_AGENT_TOKEN", ""),
        ([templates.seed_pod("a")], "workspace name label", ""),
    ],
)
def test_each_template_of_coder_is_recognised(made: list[Any], proof: str, controller: str) -> None:
    """By the strongest proof there is, with the workload that controls it."""
    (one,) = found(made)

    assert one.proof == proof
    assert one.controller.partition(" ")[0] == controller


def test_the_controller_has_its_name() -> None:
    """Found through the ReplicaSet."""
    (one,) = found(templates.workspace_deployment("a"))

    assert one.controller == f"Deployment coder-{templates.workspace_id('a')}"


def test_without_replica_sets_only_what_is_proved_is_said() -> None:
    """The Pod names its ReplicaSet; whose that is cannot be known, and so neither can its labels."""
    hidden = {Need.REPLICA_SETS: Absence.FORBIDDEN}
    (plain,) = found(templates.workspace_deployment("a"), unavailable=hidden)
    (devcontainer,) = found(templates.devcontainer_deployment("a", token=False), unavailable=hidden)

    assert plain.controller.startswith("ReplicaSet coder-")
    assert devcontainer.proof == "workspace name label"


@pytest.mark.parametrize("kind", ["ReplicaSet", "Deployment"])
def test_an_owner_of_another_uid_is_another_one(kind: str) -> None:
    """Made again under the same name, it leads nowhere."""
    bodies = builders.all_running(templates.devcontainer_deployment("a", token=False))
    owner = next(one for one in bodies if one["kind"] == kind)
    owner["metadata"]["uid"] = "another"
    (one,) = workspaces(builders.snapshot_of(bodies), {"coder"}, Memo())

    assert one.proof == "workspace name label"


def test_the_control_plane_is_no_workspace() -> None:
    """coderd, proxies, provisioners, in the same namespace and with like names."""
    assert (
        found(
            coder_manifests.chart_coderd(),
            coder_manifests.chart_proxy(),
            coder_manifests.chart_provisioner(),
            coder_manifests.coder_k8s_coderd(name="third"),
        )
        == ()
    )


def test_a_name_proves_nothing() -> None:
    """A prefix of the name, and the name of a container."""
    container = {"name": "dev", "image": "nginx"}

    assert found(builders.pod("coder-alice-dev", "coder", spec={"containers": [container]})) == ()


@pytest.mark.parametrize(
    ("phase", "count"), [("Succeeded", 0), ("Failed", 0), ("Pending", 1), ("", 1)]
)
def test_finished_pods_are_not_counted(phase: str, count: int) -> None:
    """A Pod that is done holds nothing; one that waits is a workspace."""
    body = templates.workspace_pod("a")[1]
    body["status"] = {"phase": phase}

    assert len(workspaces(builders.snapshot_of(body), {"coder"}, Memo())) == count


def test_other_namespaces_are_not_looked_at() -> None:
    """Their consent is settled before."""
    assert found(templates.workspace_pod("a", "elsewhere")) == ()


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_arrival_never_matters(order: list[str]) -> None:
    """Equal worlds, equal values."""
    made = {name: templates.workspace_pod(name) for name in order}

    assert found([made[name] for name in order]) == found([made[name] for name in sorted(order)])


@pytest.mark.parametrize(
    "labels", [{"com.coder.resource": "true"}, {"com.coder.workspace.id": "0"}, {"app": "coder-workspace"}]
)  # fmt: skip
def test_one_label_is_enough(labels: dict[str, str]) -> None:
    """Templates are written by users, who keep some of Coder's labels."""
    assert len(found(builders.pod("a", "coder", labels=labels))) == 1


@pytest.mark.parametrize(
    "labels", [{"com.coder.resource": "false"}, {"com.coder.workspace.id": ""}, {"app": "coder"}]
)
def test_a_label_of_another_value_proves_nothing(labels: dict[str, str]) -> None:
    """A negation, an empty id, another application."""
    assert found(builders.pod("a", "coder", labels=labels)) == ()


@pytest.mark.parametrize(
    ("labels", "container"),
    [
        ({"app": "builds"}, {"image": coder_manifests.IMAGE, "args": ["provisionerd", "start"]}),
        ({"app.kubernetes.io/name": "coder-ai-gateway"}, {"image": "ghcr.io/coder/ai-gateway"}),
    ],
)
def test_the_control_plane_is_none_whatever_its_owner_is_labelled(
    labels: dict[str, str], container: dict[str, Any]
) -> None:
    """By its role, and by a name that only Coder's own parts bear."""
    made = builders.deployment("a", "coder", labels=labels, spec={"containers": [container]})
    made["metadata"]["labels"]["com.coder.resource"] = "true"

    assert found(made) == ()
