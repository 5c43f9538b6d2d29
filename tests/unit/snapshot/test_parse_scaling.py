from __future__ import annotations

from datetime import UTC, datetime

from coder_cva.snapshot.parse_scaling import (
    autoscaler_status,
    machine_autoscaler,
    machine_deployment,
    node_pool,
)
from coder_cva.snapshot.records_scaling import DisruptionBudget, Limit, NodePool
from support import builders
from support import scaling_manifests as made


def pool(**words: object) -> NodePool:
    found = node_pool(made.node_pool("ws", **words))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_a_status_that_says_the_same_later_is_the_same_record() -> None:
    """It is written every ten seconds: else each time would be news for the whole operator."""
    first, later = (
        autoscaler_status(builders.live(made.autoscaler_status([("a", 1, 5, 3)], written)))
        for written in ("2026-11-23 08:55:02", "2026-11-23 08:59:52")
    )

    assert first is not None
    assert first == later
    assert first.written == datetime(2026, 11, 23, 8, 55, tzinfo=UTC)


def test_the_annotation_says_the_time_where_the_text_does_not() -> None:
    body = made.autoscaler_status([("a", 1, 5, 3)])
    body["data"]["status"] = "nodeGroups: []"

    found = autoscaler_status(body)

    assert found is not None
    assert found.written == datetime(2026, 11, 23, 8, 55, tzinfo=UTC)


def test_a_config_map_of_another_name_is_none() -> None:
    """Only one name is asked for; a test's cluster may hold others."""
    body = made.autoscaler_status([])
    body["metadata"]["name"] = "kube-root-ca.crt"

    assert autoscaler_status(body) is None


def test_the_age_at_which_karpenter_replaces_a_node_stands_elsewhere_in_each_version() -> None:
    """In the template since v1; before in the disruption, for which the template says nothing."""
    older = made.node_pool("ws", version="v1beta1", disruption={"expireAfter": "240h"})
    del older["spec"]["template"]["spec"]["expireAfter"]
    found = node_pool(older)

    assert pool().expires == "720h"
    assert found is not None
    assert found.expires == "240h"


def test_a_node_pools_template_says_the_labels_of_its_nodes() -> None:
    """Fixed ones, those that requirements leave open between values, and its own name."""
    found = pool(
        labels={"team": "a"},
        requirements=[
            {"key": "zone", "operator": "In", "values": ["x", "y"]},
            {"key": "gpu", "operator": "DoesNotExist"},
        ],
    )

    assert found.labels == {
        "karpenter.sh/nodepool": ("ws",),
        "karpenter.sh/capacity-type": ("on-demand",),
        "zone": ("x", "y"),
        "team": ("a",),
    }


def test_what_a_node_pool_says_of_disruption_and_limits() -> None:
    found = pool(
        disruption={
            "budgets": [
                {"nodes": "0", "schedule": "@daily", "duration": "8h"},
                {"nodes": "0%", "reasons": ["Empty"]},
            ]
        },
        limits={"memory": "10Gi", "cpu": 4},
        used={"cpu": "1500m", "nodes": "2"},
        taints=[{"key": "a", "effect": "NoSchedule"}],
    )

    assert found.budgets == (
        DisruptionBudget("0", (), scheduled=True),
        DisruptionBudget("0%", ("Empty",)),
    )
    assert [one.is_closed for one in found.budgets] == [False, True]
    assert found.limits == (Limit("cpu", 1500, 4000), Limit("memory", 0, 10 * 1024**3))
    assert (found.policy, found.after) == ("WhenEmptyOrUnderutilized", "0s")
    assert (found.replicas, found.nodes) == (None, 2)
    assert found.taints == ({"key": "a", "effect": "NoSchedule"},)
    assert pool(replicas=0).replicas == 0


def test_the_sizes_of_a_machine_deployment_are_texts() -> None:
    """What is no number is no size."""
    body = made.machine_deployment("md", 2, (1, 5))
    found = machine_deployment(body)
    assert found is not None
    assert (found.replicas, found.least, found.most) == (2, 1, 5)

    for key in body["metadata"]["annotations"]:
        body["metadata"]["annotations"][key] = "many"
    found = machine_deployment(body)
    assert found is not None
    assert (found.least, found.most) == (None, None)


def test_a_machine_autoscaler_names_its_machine_set() -> None:
    found = machine_autoscaler(made.machine_autoscaler("worker-a", 1, 12))

    assert found is not None
    assert (found.target, found.least, found.most) == ("worker-a", 1, 12)
