"""The database Secret: missing, without its key, not readable, deleted later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from support.deployments import (
    DATABASE_SECRET,
    condition,
    database_secret,
    managed,
    ready_coder,
    wait_condition,
)
from support.installation import ROOT

if TYPE_CHECKING:
    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster


@pytest.fixture
def readable(kube: Kube, namespace: str) -> str:
    """A namespace in which the operator may see the Secret, by the optional Role as it is shipped."""
    shipped = ROOT / "deploy/optional/database-secret-reader.yaml"
    for manifest in yaml.safe_load_all(shipped.read_text(encoding="utf-8")):
        manifest["metadata"]["namespace"] = namespace
        kube.apply(manifest)
    return namespace


def message(resource: Object) -> str:
    """What Ready says."""
    text: str = condition(resource, "Ready")["message"]
    return text


def test_a_missing_secret_is_told_and_waited_for(
    kube: Kube, operator: OperatorProcess, readable: str
) -> None:
    """Without its Secret coderd is not created, everything else is; with it, it comes up by itself."""
    resource = kube.apply(managed(readable))

    told = wait_condition(kube, resource, "Ready", "False", reason="DatabaseSecretMissing")

    assert f"kubectl -n {readable} create secret generic {DATABASE_SECRET}" in message(told)
    assert kube.find("Deployment", "coder", readable) is None
    assert kube.find("Service", "coder", readable)
    assert {"Stalled", "Reconciling"}.isdisjoint(c["type"] for c in told["status"]["conditions"])
    # Secrets are not watched: nothing but the operator's own patience finds it.
    kube.create(database_secret(readable))
    wait_condition(kube, resource, "Ready", "True")


def test_a_secret_without_the_key_is_told(
    kube: Kube, operator: OperatorProcess, readable: str
) -> None:
    """A Secret that lacks the key holds coderd back; the message says which keys there are."""
    secret = database_secret(readable)
    secret["stringData"] = {"uri": secret["stringData"]["url"]}
    secret = kube.create(secret)
    resource = kube.apply(managed(readable))

    told = wait_condition(kube, resource, "Ready", "False", reason="DatabaseSecretMissing")

    assert "has no key 'url' (it has: uri)" in message(told)
    assert kube.find("Deployment", "coder", readable) is None
    kube.patch(secret, {"stringData": {"url": "postgres://coder:x@db.example.com/coder"}})
    wait_condition(kube, resource, "Ready", "True")


def test_a_secret_that_may_not_be_read_holds_nothing_back(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Without the optional Role nothing is known about the Secret, and nothing waits for it."""
    resource = kube.apply(managed(namespace))

    wait_condition(kube, resource, "Ready", "True")


def test_a_secret_that_is_deleted_later_stops_nothing(
    kube: Kube, operator: OperatorProcess, readable: str
) -> None:
    """coderd runs on: its Deployment stays as it is, and the condition tells what its next start lacks."""
    resource = ready_coder(kube, readable)
    before = kube.get("Deployment", "coder", readable)

    kube.delete(kube.get("Secret", DATABASE_SECRET, readable))
    operator.look_again(kube, resource)

    wait_condition(kube, resource, "Ready", "False", reason="DatabaseSecretMissing")
    after = kube.refresh(before)
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert after["status"]["readyReplicas"] == 3


def test_no_value_of_a_secret_is_told(kube: Kube, operator: OperatorProcess, readable: str) -> None:
    """Neither the log, nor status and Events, nor the Deployment hold the connection URL."""
    secret = database_secret(readable)
    secret["stringData"] = {"url": f"postgres://coder:{readable}-pw@db/coder"}
    kube.create(secret)
    resource = kube.apply(managed(readable))

    told = wait_condition(kube, resource, "Ready", "True")

    events = kube.list("events.events.k8s.io", readable)
    deployment = kube.get("Deployment", "coder", readable)
    assert f"{readable}-pw" not in f"{told} {events} {deployment} {operator.log.read_text()}"


def test_without_it_a_coderd_changed_beyond_recognition_is_repaired_and_not_swept(
    kube: Kube, operator: OperatorProcess, readable: str
) -> None:
    """Another image and another command by hand, and no Secret: the Deployment is still ours, and stays."""
    resource = ready_coder(kube, readable)
    before = kube.get("Deployment", "coder", readable)
    kube.delete(kube.get("Secret", DATABASE_SECRET, readable))
    container = {"name": "coder", "image": "example.com/debug:1", "command": ["debug"], "args": []}
    annotations = {"app.kubernetes.io/component": None}
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": [container]}}

    kube.patch(before, {"spec": {"template": template}})

    after = kube.wait_until(
        before, lambda one: one["spec"]["template"] == before["spec"]["template"], timeout=30
    )
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    told = operator.look_again(kube, resource)
    assert condition(told, "Ready")["reason"] == "DatabaseSecretMissing"
    assert kube.refresh(before)["metadata"]["uid"] == before["metadata"]["uid"]
