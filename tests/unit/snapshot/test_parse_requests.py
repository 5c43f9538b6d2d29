from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot.parse_requests import requested

GI = 1024**3


def container(cpu: str | None = None, memory: str | None = None, **rest: Any) -> dict[str, Any]:
    """A container with these requests."""
    amounts = {"cpu": cpu, "memory": memory}
    return {"resources": {"requests": {k: v for k, v in amounts.items() if v}}, **rest}


@pytest.mark.parametrize(
    ("expected", "spec"),
    [
        ((0, 0), {}),
        ((750, 3 * GI), {"containers": [container("250m", "1Gi"), container("500m", "2Gi")]}),
        ((2000, GI), {"containers": [container("1", "1Gi")], "initContainers": [container("2")]}),
        ((1000, 4 * GI), {"containers": [container("1", "1Gi")], "initContainers": [container("1", "4Gi")]}),
        ((1100, GI), {"containers": [container("1", "1Gi")], "overhead": {"cpu": "100m"}}),
        ((3000, 0), {"containers": [container("1")], "resources": {"requests": {"cpu": "3"}}}),
        ((3100, 0), {"resources": {"requests": {"cpu": "3"}}, "overhead": {"cpu": "100m"}}),
        ((2000, 0), {"containers": [{"resources": {"limits": {"cpu": "2"}}}]}),
        ((500, 0), {"containers": [{"resources": {"limits": {"cpu": "2"}, "requests": {"cpu": "500m"}}}]}),
    ],
)  # fmt: skip
def test_a_pod_takes_what_kubernetes_reckons(expected: tuple[int, int], spec: Any) -> None:
    """Containers are added, init containers run before them, overhead comes on top, limits stand in."""
    assert requested(spec) == expected


def test_a_sidecar_counts_from_its_start() -> None:
    """A sidecar runs beside the containers and beside the init containers after it, not before it."""
    sidecar = container("300m", restartPolicy="Always")
    work = container("1")

    assert requested({"containers": [work], "initContainers": [sidecar]})[0] == 1300
    assert requested({"containers": [work], "initContainers": [sidecar, container("2")]})[0] == 2300
    assert requested({"containers": [work], "initContainers": [container("2"), sidecar]})[0] == 2000


@given(st.lists(st.integers(0, 4000), max_size=5), st.lists(st.integers(0, 4000), max_size=5))
def test_a_pod_never_takes_less_than_any_part(running: list[int], starting: list[int]) -> None:
    """The sum of the containers and each init container are lower bounds."""
    spec = {
        "containers": [container(f"{one}m") for one in running],
        "initContainers": [container(f"{one}m") for one in starting],
    }

    assert requested(spec)[0] == max([sum(running), *starting])
