"""Whether replicas speak NATS: by version, by the addresses that they have, by the experiments."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.rules.replica_mesh import speaks_nats
from support import builders
from support.coder_manifests import chart_coderd
from support.deployments import adopted

HOST = {"name": "CODER_CLUSTER_HOST", "value": "10.0.0.1"}
RELAY = {"name": "CODER_DERP_SERVER_RELAY_URL", "value": "http://10.0.0.1:8080"}
HIDDEN = {"name": "CODER_EXPERIMENTS", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "e"}}}


def said(tag: str, *env: Any, **container: Any) -> bool | None:
    """What is said of coderd of this tag with these variables and nothing else."""
    own = {"name": "coder", "image": f"ghcr.io/coder/coder:{tag}", "args": ["server"], "env": list(env)}  # fmt: skip
    made = chart_coderd(pod={"containers": [{**own, **container}]})
    world = builders.world(adopted("coder"), made)
    assert world.coderd is not None
    return speaks_nats(world.coderd.deployment)


def experiments(value: str) -> Any:
    return {"name": "CODER_EXPERIMENTS", "value": value}


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("v2.20.0", False),
        ("v2.33.11", False),
        ("v2.36.9", False),
        ("v2.37.0", None),
        ("v2.38.0", True),
        ("v3.0.0", True),
        ("latest", None),
        ("main@sha256:" + "0" * 64, None),
    ],
)
def test_by_version(tag: str, expected: bool | None) -> None:
    """Never before it was there, always since it is the default, else not known."""
    assert said(tag, HOST) is expected
    assert said(tag, RELAY) is expected


def test_without_an_address_of_its_own_postgresql_carries_all() -> None:
    """Neither of the two variables: no NATS; somewhere out of sight: not known."""
    assert said("v2.38.0") is False
    assert said("v2.38.0", {**HOST, "value": ""}) is False
    assert said("v2.38.0", envFrom=[{"configMapRef": {"name": "coder"}}]) is None
    assert said("v2.38.0", {"name": "CODER_CLUSTER_HOST", "valueFrom": {"fieldRef": {}}}) is True


@pytest.mark.parametrize(
    ("tag", "value", "expected"),
    [
        ("v2.38.0", "no_nats_pubsub", False),
        ("v2.38.0", "other, no_nats_pubsub", False),
        ("latest", "no_nats_pubsub", False),
        ("v2.38.0", "nats_pubsub", True),
        ("v2.35.3", "nats_pubsub", True),
        ("v2.33.0", "nats_pubsub", False),
        ("latest", "nats_pubsub", None),
        ("v2.35.3", "*", None),
        ("v2.38.0", "*", None),
        ("v2.35.3", "other", False),
    ],
)
def test_by_the_experiments(tag: str, value: str, expected: bool | None) -> None:
    """Switched on before it was the default, or off since; all experiments may be either."""
    assert said(tag, HOST, experiments(value)) is expected


def test_experiments_that_are_not_seen() -> None:
    """They matter only to versions that know them."""
    assert said("v2.33.0", HOST, HIDDEN) is False
    assert said("v2.38.0", HOST, HIDDEN) is None
