"""The API server gone, then frozen, for longer than anything that was read is believed; etcd gone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from harness.waiting import wait_for
from support.deployments import ready_coder, wait_condition
from support.stage import own_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess
    from support.stage import Stage

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

A_WHILE = 65
"""Seconds; what was read counts as stale after sixty (kube/reflector.py)."""


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A cluster whose API server these tests take away."""
    with own_stage(request, tmp_path_factory.mktemp("outages")) as it:
        yield it


@pytest.fixture(scope="module")
def kube(stage: Stage) -> Kube:
    """The client of that cluster."""
    return stage.kube


@pytest.fixture(scope="module")
def operator(stage: Stage) -> OperatorProcess:
    """The one process that has to live through all of it."""
    process = stage.operator()
    process.start()
    return process


@pytest.fixture(scope="module")
def coder(kube: Kube, operator: OperatorProcess) -> Object:
    """A Coder that is Ready."""
    return ready_coder(kube, kube.namespace("outage"))


@pytest.mark.parametrize(
    "outage",
    [
        ("kube-apiserver", "stop", "start", A_WHILE),
        ("kube-apiserver", "freeze", "thaw", A_WHILE),
        ("etcd", "freeze", "thaw", 20),
    ],
    ids=["API server gone", "API server frozen", "etcd frozen"],
)
def test_an_outage_ends_without_a_trace(
    kube: Kube,
    stage: Stage,
    operator: OperatorProcess,
    coder: Object,
    outage: tuple[str, str, str, int],
) -> None:
    """The process lives, writes nothing on stale ground, loses nothing, and repairs afterwards what went wrong."""
    component, begin, end, seconds = outage
    process, namespace = operator.pid, coder["metadata"]["namespace"]
    before = everything(kube, namespace)

    getattr(stage.cluster, begin)(component)
    outlive(seconds, lambda: operator.get("/healthz")[0] == 200)
    assert "coder_cva_leader 0.0" in operator.get("/metrics")[1]
    getattr(stage.cluster, end)(component)

    kube.wait_for(lambda: "coder_cva_leader 1.0" in operator.get("/metrics")[1], what="a leader")
    service = kube.get("Service", "coder", namespace)
    kube.delete(service)
    kube.wait_until(
        service, lambda it: it["metadata"]["uid"] != service["metadata"]["uid"], timeout=120
    )
    wait_condition(kube, coder, "Ready", "True", timeout=120)
    assert operator.pid == process
    assert operator.is_running
    after = everything(kube, namespace)
    assert after | {"Service coder": ""} == before | {"Service coder": ""}
    assert "Traceback" not in operator.log.read_text()
    assert "a pass crashed" not in operator.log.read_text()


def everything(kube: Kube, namespace: str) -> dict[str, str]:
    """The UIDs of coderd's Pods and of everything around them."""
    kinds = ("Deployment", "ReplicaSet", "Pod", "Service", "ServiceAccount", "NetworkPolicy")
    return {
        f"{kind} {one['metadata']['name']}": one["metadata"]["uid"]
        for kind in kinds
        for one in kube.list(kind, namespace)
    }


def outlive(seconds: float, holds: Callable[[], bool]) -> None:
    """Holds to the end: asked every second."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert holds()
        time.sleep(1)


def test_started_during_an_outage_it_waits(
    kube: Kube, stage: Stage, operator: OperatorProcess, coder: Object
) -> None:
    """Started while there is no API server the process lives, is not ready, and becomes so with it."""
    stage.cluster.stop("kube-apiserver")
    operator.kill()
    operator.start(wait_ready=False, keep_credentials=True)

    wait_for(lambda: operator.get("/healthz")[0] == 200, what="the process to live")
    outlive(10, lambda: operator.get("/healthz")[0] == 200 and operator.get("/readyz")[0] == 503)
    stage.cluster.start("kube-apiserver")

    wait_for(operator.is_ready, timeout=90, what="the operator to be ready")
    kube.wait_for(lambda: "coder_cva_leader 1.0" in operator.get("/metrics")[1], what="a leader")
    operator.look_again(kube, coder)
    wait_condition(kube, coder, "Ready", "True")
