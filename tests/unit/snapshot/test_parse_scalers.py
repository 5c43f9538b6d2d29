"""ScaledObjects and VerticalPodAutoscalers as they are read, with the defaults of their APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.snapshot.parse_scalers import scaled_object, vertical_autoscaler

if TYPE_CHECKING:
    from coder_cva.snapshot.records_scalers import ScaledObject, VerticalAutoscaler


def scaled(spec: Any, **annotations: str) -> ScaledObject:
    """The record of a ScaledObject with this spec."""
    found = scaled_object({"metadata": {"name": "a", "annotations": annotations}, "spec": spec})
    assert found is not None
    return found


def vertical(spec: Any) -> VerticalAutoscaler:
    """The record of a VerticalPodAutoscaler with this spec."""
    found = vertical_autoscaler({"metadata": {"name": "a"}, "spec": spec})
    assert found is not None
    return found


def test_a_scaled_object_scales_a_deployment_from_none_to_a_hundred() -> None:
    """What KEDA takes where nothing is said."""
    found = scaled({"scaleTargetRef": {"name": "coder"}})

    assert found.target == ("Deployment", "coder")
    assert (found.min_replicas, found.max_replicas, found.idle_replicas) == (0, 100, None)
    assert not found.paused


def test_what_a_scaled_object_says_counts() -> None:
    """Kind, bounds, and none at all while it is idle."""
    reference = {"kind": "StatefulSet", "name": "db"}
    found = scaled(
        {
            "scaleTargetRef": reference,
            "minReplicaCount": 2,
            "maxReplicaCount": 4,
            "idleReplicaCount": 0,
        }
    )

    assert found.target == ("StatefulSet", "db")
    assert (found.min_replicas, found.max_replicas, found.idle_replicas) == (2, 4, 0)


@pytest.mark.parametrize(
    ("key", "value", "paused"),
    [
        ("autoscaling.keda.sh/paused", "true", True),
        ("autoscaling.keda.sh/paused", "false", False),
        ("autoscaling.keda.sh/paused-replicas", "3", True),
        ("autoscaling.keda.sh/other", "true", False),
    ],
)
def test_a_scaled_object_is_paused_by_annotation(key: str, value: str, paused: bool) -> None:
    """Either at what there is, or at a number."""
    assert scaled({}, **{key: value}).paused is paused


def test_a_vertical_autoscaler_says_its_target_and_its_mode() -> None:
    """No mode is none: that means the API's default."""
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "coder"}

    assert vertical({"targetRef": reference}).target == ("Deployment", "coder")
    assert vertical({"targetRef": reference}).mode == ""
    assert vertical({"updatePolicy": {"updateMode": "Off"}}).mode == "Off"


@pytest.mark.parametrize(
    ("policies", "idle"),
    [
        ([{"containerName": "*", "mode": "Off"}], True),
        ([{"containerName": "*", "mode": "Off"}, {"containerName": "coder"}], False),
        ([{"containerName": "sidecar", "mode": "Off"}], False),
        ([], False),
    ],
)
def test_a_vertical_autoscaler_is_idle_where_it_leaves_every_container_alone(
    policies: list[dict[str, str]], idle: bool
) -> None:
    """A container without a policy is sized."""
    assert vertical({"resourcePolicy": {"containerPolicies": policies}}).idle is idle


@pytest.mark.parametrize("spec", [None, [], "x", {"scaleTargetRef": 1, "targetRef": [1]}])
def test_no_shape_raises(spec: Any) -> None:
    """What is broken has no target."""
    assert scaled(spec).target == ("Deployment", "")
    assert vertical(spec).target == ("", "")
