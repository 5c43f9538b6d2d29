"""A slow quarrel over one field on a real API server: ours twice, then theirs, and nothing in between."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.apply.engine import Engine
from coder_cva.apply.memory import Memory
from coder_cva.desired.changes import Action, Yielded
from coder_cva.kube.connection import Connection
from coder_cva.kube.writer import Writer
from coder_cva.values.manifest import ref_of
from support import fields

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SELECTOR = {"app": "coder"}
LABELS = {
    "app.kubernetes.io/managed-by": "coder-cva-operator",
    "cva.coder.com/owner-uid": "uid-1",
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "spec": {
        # Its controller writes annotations beside us, and is not what is looked at here.
        "paused": True,
        "replicas": 3,
        "selector": {"matchLabels": SELECTOR},
        "template": {
            "metadata": {"labels": SELECTOR},
            "spec": {"containers": [{"name": "coder", "image": "example.invalid/coder:1"}]},
        },
    },
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "spec": {"type": "NodePort", "selector": SELECTOR, "ports": [{"port": 80, "protocol": "TCP"}]},
}


@pytest.fixture
async def engine(cluster: Provider) -> AsyncIterator[Engine]:
    """The operator's way of writing, on a connection of its own."""
    async with await Connection.open(str(cluster.kubeconfig)) as connection:
        yield Engine(Writer(connection, lambda: None), Memory(), may_write=lambda: True)


@pytest.mark.parametrize(
    ("manifest", "path", "theirs"),
    [
        (DEPLOYMENT, ".spec.replicas", 5),
        (SERVICE, ".spec.type", "LoadBalancer"),
        (DEPLOYMENT, '.spec.template.spec.containers[name="coder"].image', "example.invalid/own:2"),
    ],
    ids=["replicas", "type of a Service", "image, which is required"],
)
async def test_the_third_time_it_stays(
    kube: Kube, engine: Engine, namespace: str, manifest: dict[str, Any], path: str, theirs: Any
) -> None:
    """Passes follow each write at once, the other manager waits: no pass resets or refuses anything."""
    wanted = of_namespace(manifest, namespace)
    ours = fields.at(wanted, fields.parsed(path))
    await engine.apply(wanted, None, NOON)
    history = []
    for minute in (10, 20, 30):
        await asyncio.to_thread(set_field, kube, wanted, path, theirs)
        for _ in range(3):
            change = await engine.apply(wanted, None, NOON + timedelta(minutes=minute))
            live = await engine.port.live(ref_of(wanted))
            history.append((change.action, fields.at(live, fields.parsed(path))))

    repaired = [(Action.CONFIGURED, ours), (Action.UNCHANGED, ours), (Action.UNCHANGED, ours)]
    assert history == [*repaired, *repaired, *[(Action.UNCHANGED, theirs)] * 3]
    assert change.yielded == (Yielded(path, "kubectl"),)

    # Something else of ours changes meanwhile; an hour later the field is tried again.
    wanted["metadata"]["labels"] = {**LABELS, "app.kubernetes.io/version": "2.31.0"}
    assert await written(engine, wanted, path, 40) == (Action.CONFIGURED, theirs)
    assert await written(engine, wanted, path, 95) == (Action.CONFIGURED, ours)


def of_namespace(manifest: dict[str, Any], namespace: str) -> dict[str, Any]:
    """The manifest as for a CoderDeployment of that namespace, where no operator's sweep looks for it."""
    metadata = {
        "name": "coder",
        "namespace": namespace,
        "labels": LABELS,
        "annotations": {"cva.coder.com/deployment": f"{namespace}/coder"},
    }
    return {**manifest, "metadata": metadata}


async def written(
    engine: Engine, wanted: dict[str, Any], path: str, minute: int
) -> tuple[Action, Any]:
    """What a pass does at that minute, and the field after it."""
    change = await engine.apply(wanted, None, NOON + timedelta(minutes=minute))
    live = await engine.port.live(ref_of(wanted))
    return change.action, fields.at(live, fields.parsed(path))


def set_field(kube: Kube, target: dict[str, Any], path: str, value: Any) -> None:
    """What `kubectl scale`, `kubectl patch` and `kubectl set image` do."""
    namespace, kind = target["metadata"]["namespace"], target["kind"]
    where = {"Deployment": "/apis/apps/v1", "Service": "/api/v1"}[kind]
    url = f"{where}/namespaces/{namespace}/{kind.lower()}s/coder"
    if path == ".spec.replicas":
        url += "/scale"
    change: dict[str, Any] = {}
    fields.put(change, fields.parsed(path), value)
    merges = "merge" if url.endswith("/scale") else "strategic-merge"
    kube.api.request(
        "PATCH",
        f"{url}?fieldManager=kubectl",
        change,
        content_type=f"application/{merges}-patch+json",
    )
