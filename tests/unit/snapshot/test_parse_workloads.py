from typing import Any

import pytest

from coder_cva.snapshot.parse_workloads import (
    autoscaler,
    deployment,
    pod_disruption_budget,
    replica_set,
)
from coder_cva.snapshot.records import Deployment
from coder_cva.values import selectors
from support import builders, coder_manifests, workspace_manifests


def read(body: dict[str, Any]) -> Deployment:
    """The record of a Deployment."""
    found = deployment(body)
    assert found is not None
    return found


def test_coderd_keeps_its_body() -> None:
    """Rules read Coder's own workloads closely; image, account and selector are at hand."""
    found = read(builders.live(coder_manifests.chart_coderd(version="2.31.4")[-1]))

    assert found.body is not None
    assert found.body["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 60
    assert found.shape.image == "ghcr.io/coder/coder:v2.31.4"
    assert found.shape.service_account == "coder"
    assert selectors.matches(found.selector, found.template_meta.labels)


def test_a_workspace_keeps_no_body() -> None:
    """There are thousands of them."""
    assert read(workspace_manifests.workspace_deployment("a")[1]).body is None


def test_a_template_may_name_its_node() -> None:
    """Past the scheduler; of a Pod that runs it could not be told from the scheduler's own choice."""
    assert read(builders.deployment("a", spec={"nodeName": "n1"})).node_name == "n1"
    assert read(builders.deployment("a")).node_name == ""


def test_progress_is_read_from_the_status() -> None:
    """Replicas wanted, present, ready, updated, available, and which generation was seen."""
    found = read(builders.rolled_out(coder_manifests.chart_coderd(replicas=3)[-1])[0])

    assert (found.replicas, found.present_replicas) == (3, 3)
    assert (found.ready_replicas, found.updated_replicas, found.available_replicas) == (3, 3, 3)
    assert found.observed_generation == found.meta.generation == 1
    assert found.is_settled
    assert found.progress_failure == ""


def test_replicas_that_are_not_said_are_one_and_zero_is_zero() -> None:
    """The API's default; scaled to nothing is not the default."""
    body = builders.deployment("a")

    assert read({**body, "spec": {**body["spec"], "replicas": None}}).replicas == 1
    assert read({**body, "spec": {**body["spec"], "replicas": 0}}).replicas == 0


def test_a_rollout_that_was_given_up_says_why() -> None:
    """The deadline's message and the cause, which stands in another condition."""
    body = builders.deployment("a")
    body["status"] = {
        "conditions": [
            {"type": "Progressing", "status": "False", "message": "deadline exceeded"},
            {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"},
        ]
    }

    assert read(body).progress_failure == "deadline exceeded: exceeded quota"
    body["status"]["conditions"][0]["status"] = "True"
    assert read(body).progress_failure == ""


@pytest.mark.parametrize("broken", [None, "x", {"matchLabels": "x"}, {"matchLabels": {"a": 1}}])
def test_a_broken_selector_selects_nobody(broken: Any) -> None:
    """An empty one would select every Pod of the namespace."""
    body = builders.deployment("a")
    body["spec"]["selector"] = broken

    assert not selectors.matches(read(body).selector, {"app": "a"})


def test_a_replica_set_is_only_a_step() -> None:
    """Its owner is kept, its labels are not: there are more of them than of Pods."""
    body = builders.rolled_out(workspace_manifests.workspace_deployment("a")[1])[1]
    found = replica_set(body)

    assert found is not None
    assert found.meta.owner is not None
    assert found.meta.owner.kind == "Deployment"
    assert found.meta.labels == {}


@pytest.mark.parametrize(
    ("written", "expected"), [(1, "1"), ("25%", "25%"), (None, ""), (True, "")]
)
def test_budgets_are_text(written: Any, expected: str) -> None:
    """Numbers and percentages alike."""
    found = pod_disruption_budget({"metadata": {"name": "a"}, "spec": {"minAvailable": written}})

    assert found is not None
    assert found.min_available == expected
    assert found.selector is None


def test_an_autoscaler_names_its_target() -> None:
    """And at least one replica where it says nothing."""
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "coder"}, "maxReplicas": 5}
    found = autoscaler({"metadata": {"name": "a"}, "spec": target})

    assert found is not None
    assert (found.target, found.min_replicas, found.max_replicas) == (("Deployment", "coder"), 1, 5)
