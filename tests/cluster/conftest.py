"""The shipped operator on a real control plane, shared by the tests of one worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.fixtures import own_cluster
from harness.versions import OLDEST
from support.admission import WEBHOOKS
from support.installation import OperatorProcess, install
from support.served_webhook import ServedWebhook
from support.stage import tell_garbage_collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.provider import Provider

CONTROL_PLANE = {"coder.com/node-group": "control-plane"}
WORKSPACES = {"coder.com/node-group": "workspaces"}


@pytest.fixture(scope="session")
def pools(cluster: Provider) -> None:
    """Two pools of three and four nodes, and a stray node without a label."""
    cluster.nodes("cp", 3, labels=CONTROL_PLANE, capacity={"cpu": "16", "memory": "64Gi"})
    cluster.nodes("ws", 4, labels=WORKSPACES, capacity={"cpu": "64", "memory": "256Gi"})
    cluster.nodes("stray", 1, capacity={"cpu": "64", "memory": "256Gi"})


@pytest.fixture(scope="session")
def installed(cluster: Provider) -> None:
    """The CRD and the rights, as shipped."""
    install(cluster.kube)
    tell_garbage_collector(cluster)


@pytest.fixture(scope="session")
def operator(
    cluster: Provider,
    installed: None,
    pools: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[OperatorProcess]:
    """The operator, running as its own ServiceAccount under the shipped RBAC."""
    process = OperatorProcess(cluster, tmp_path_factory.mktemp("operator"))
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def unattended(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """A control plane with the CRD and two pools on which no operator runs: the tests play its part."""
    with own_cluster(request) as cluster:
        _furnish(cluster)
        yield cluster


@pytest.fixture(scope="session")
def unattended_old(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """The same of the oldest world; the operator's webhook is served, and nothing else of it."""
    with own_cluster(request, OLDEST) as cluster:
        _furnish(cluster)
        served = ServedWebhook(cluster).start()
        WEBHOOKS[cluster.kube] = served.webhook
        yield cluster
        served.stop()


@pytest.fixture(scope="module", params=["policies", "webhook"])
def either_world(request: pytest.FixtureRequest) -> Provider:
    """Both: the API server's own policies on the newest minor, the webhook on the older one."""
    name = "unattended" if request.param == "policies" else "unattended_old"
    cluster: Provider = request.getfixturevalue(name)
    return cluster


def _furnish(cluster: Provider) -> None:
    install(cluster.kube)
    # Room for what all tests of a worker leave there: which of them share a cluster is chance.
    room = {"cpu": "512", "memory": "4Ti", "pods": "1000"}
    for pool, labels in (("cp", CONTROL_PLANE), ("ws", WORKSPACES), ("stray", {})):
        cluster.nodes(pool, 2, labels=labels, capacity=room)
