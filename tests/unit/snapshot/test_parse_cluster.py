from typing import Any

import pytest

from coder_cva.snapshot.parse_cluster import node
from support import builders

GI = 1024**3


def test_a_node_shows_what_it_can_hold() -> None:
    """Allocatable, not capacity: the kubelet keeps a part."""
    body = builders.node("a", cpu="4", memory="16Gi", taints=[{"key": "x", "effect": "NoSchedule"}])
    body["status"]["allocatable"] = {"cpu": "3920m", "memory": "14Gi", "pods": "58"}
    found = node(body)

    assert found is not None
    assert (found.cpu_millicores, found.memory_bytes, found.pods) == (3920, 14 * GI, 58)
    assert found.ready
    assert found.taints == ({"key": "x", "effect": "NoSchedule"},)


def test_capacity_stands_in_for_allocatable() -> None:
    """A node that has not reported yet may say only that."""
    body = builders.node("a", cpu="4")
    del body["status"]["allocatable"]
    found = node(body)

    assert found is not None
    assert found.cpu_millicores == 4000


def test_devices_are_extended_resources_of_which_there_is_any() -> None:
    """A device plugin that lost its last device still has its name on the node."""
    devices = {"nvidia.com/gpu": "2", "amd.com/gpu": "0", "hugepages-2Mi": "1Gi"}
    found = node(builders.node("a", devices=devices))

    assert found is not None
    assert found.devices == ("nvidia.com/gpu",)


@pytest.mark.parametrize(
    "conditions",
    [[], None, [{"type": "Ready", "status": "Unknown"}], [{"type": "Ready", "status": "False"}]],
)
def test_a_node_is_ready_only_where_it_says_so(conditions: Any) -> None:
    """Silence is not readiness."""
    body = builders.node("a")
    body["status"]["conditions"] = conditions
    found = node(body)

    assert found is not None
    assert not found.ready
