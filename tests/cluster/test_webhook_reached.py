"""The webhook is in force only while the API server gets through to it: an older minor, and a gate between the two."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from harness import ports
from harness.fixtures import own_cluster
from harness.kube import PATCHES
from harness.versions import OLDEST
from support.admission import pod, required
from support.deployments import database_secret, managed, wait_condition
from support.gate import OPEN, SHUT, SILENT, Gate
from support.installation import OperatorProcess, install
from support.placing import BY_NAME, WS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.api import Object
    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.native]

OURS = "app.kubernetes.io/managed-by=coder-cva-operator"
PODS = "MutatingWebhookConfiguration"
PROBES = "ValidatingWebhookConfiguration"
PLACED = [{"matchExpressions": [WS]}]
PATIENCE = 150
"""Seconds, for what takes the operator up to one and a half minutes by its own pace."""


@pytest.fixture(scope="module")
def own(request: pytest.FixtureRequest) -> Iterator[Provider]:
    with own_cluster(request, OLDEST, audit=True) as cluster:
        install(cluster.kube)
        cluster.nodes("cp", 3, labels={"coder.com/node-group": "control-plane"})
        cluster.nodes("ws", 2, labels={"coder.com/node-group": "workspaces"})
        yield cluster


def behind(own: Provider, folder: Path, gate: Gate, port: int) -> OperatorProcess:
    """An operator that the API server calls through the gate."""
    environment = {"WEBHOOK_PORT": str(port), "WEBHOOK_URL": gate.url}
    return OperatorProcess(own, folder, environment=environment)


def test_out_of_reach_from_the_start_it_holds_up_nobody_and_comes_by_itself(
    own: Provider, tmp_path: Path
) -> None:
    """Nothing listens: coderd is made, no Pod ever waits, and the status says why; let through, Pods are placed."""
    kube, port = own.kube, ports.free(1)[0]
    with Gate(port, SHUT) as gate:
        operator = behind(own, tmp_path, gate, port)
        operator.start()
        try:
            namespace, resource = _applied(kube)
            told = kube.wait_for(
                lambda: _unreached(kube, resource), timeout=PATIENCE, what="it to be told"
            )
            assert "connection refused" in told
            assert f"WEBHOOK_URL ({gate.url})" in told
            placement = wait_condition(kube, resource, "Ready", "True")["status"]["placement"]
            assert placement["engine"] == "None"
            assert placement["engineReason"] == told
            assert not _acts(kube, namespace)
            assert not _was_ever_written(own, resource)
            assert _sample(operator, "coder_cva_webhook_reached{") == 0

            gate.turn(OPEN)
            kube.wait_for(
                lambda: _acts(kube, namespace), timeout=PATIENCE, what="Pods to be placed"
            )
            resource = kube.wait_until(
                resource, lambda one: one["status"]["placement"]["engine"] == "Webhook"
            )
            assert _unreached(kube, resource) == ""
            _end(kube, resource)
        finally:
            operator.stop()


def test_what_is_no_longer_reached_is_taken_out_of_force_and_comes_back(
    own: Provider, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A firewall that drops: for a while Pods wait two seconds, then nobody does, until it lets through again."""
    kube, port = own.kube, ports.free(1)[0]
    with Gate(port, OPEN) as gate:
        operator = behind(own, tmp_path, gate, port)
        operator.start()
        try:
            namespace, resource = _applied(kube)
            resource = wait_condition(kube, resource, "Ready", "True")
            assert _acts(kube, namespace)
            for one in kube.list("pods", namespace, labels="app.kubernetes.io/name=coder"):
                assert required(one["spec"]), "coderd waited for the answer, and was placed"

            trip = _sample(operator, "coder_cva_webhook_probe_seconds{")
            assert 0 < trip < 2
            gate.turn(SILENT)
            began = time.monotonic()
            kube.wait_for(
                lambda: not kube.list(PODS, labels=OURS),
                timeout=PATIENCE,
                what="the webhook to be taken out of force",
            )
            took = time.monotonic() - began
            with capsys.disabled():
                print(
                    f"\na trial took {trip * 1000:.0f} ms; out of force {took:.0f} s after the wall"
                )
            told = kube.wait_for(lambda: _unreached(kube, resource), what="it to be told")
            assert "deadline exceeded" in told
            assert kube.refresh(resource)["status"]["placement"]["workspaces"]["mode"] == "Off"
            kube.wait_for(lambda: "WebhookNotReached" in _events(kube, namespace), what="the Event")

            gate.turn(OPEN)
            kube.wait_for(
                lambda: _acts(kube, namespace), timeout=PATIENCE, what="Pods to be placed again"
            )
            kube.wait_for(lambda: "WebhookReached" in _events(kube, namespace), what="the Event")
            _end(kube, resource)
        finally:
            operator.stop()


def test_nobody_elses_request_is_asked_about_or_refused(own: Provider, tmp_path: Path) -> None:
    """The entry that tries fails what it cannot ask about; that is the operator's own dry run and nothing else."""
    kube, port = own.kube, ports.free(1)[0]
    with Gate(port, SHUT) as gate:
        operator = behind(own, tmp_path, gate, port)
        operator.start()
        try:
            _, resource = _applied(kube)
            (entry,) = kube.wait_for(lambda: kube.list(PROBES, labels=OURS), what="the entry")
            (webhook,) = entry["webhooks"]
            assert webhook["failurePolicy"] == "Fail"
            assert "system:serviceaccount:" in json.dumps(webhook["matchConditions"])
            # Refused, by its own name, is what the operator tries; the administrator's dry run is not.
            kube.wait_for(lambda: _unreached(kube, resource), timeout=PATIENCE, what="a failure")
            for dry_run in ("?dryRun=All", ""):
                kube.api.request(
                    "PATCH",
                    f"{_path(resource)}/status{dry_run}",
                    {"status": {"tier": "1k"}},
                    content_type=PATCHES["merge"],
                )
            _end(kube, resource)
        finally:
            operator.stop()


def _applied(kube: Kube) -> tuple[str, Object]:
    namespace = kube.namespace("coder")
    kube.create(database_secret(namespace))
    return namespace, kube.apply(managed(namespace))


def _path(resource: Object) -> str:
    where = resource["metadata"]
    kinds = f"/apis/cva.coder.com/v1alpha1/namespaces/{where['namespace']}/coderdeployments"
    return f"{kinds}/{where['name']}"


def _end(kube: Kube, resource: Object) -> None:
    """Deletes it; what tried goes with what acted."""
    kube.delete(resource)
    of_it = f"cva.coder.com/owner-uid={resource['metadata']['uid']}"
    kube.wait_for(
        lambda: not [*kube.list(PODS, labels=of_it), *kube.list(PROBES, labels=of_it)],
        what="the CoderDeployment gone, and its webhooks with it",
    )


def _sample(operator: OperatorProcess, head: str) -> float:
    lines = operator.get("/metrics")[1].splitlines()
    (found,) = [one for one in lines if one.startswith(head)]
    return float(found.rpartition(" ")[2])


def _acts(kube: Kube, namespace: str) -> bool:
    """Whether a workspace's Pod is placed; that it is admitted at all is asked every time."""
    return required(kube.create(pod(namespace, labels=BY_NAME), dry_run=True)["spec"]) == PLACED


def _unreached(kube: Kube, resource: Object) -> str:
    found = kube.refresh(resource).get("status", {}).get("withheld", ())
    return next((one["message"] for one in found if one["reason"] == "WebhookNotReached"), "")


def _was_ever_written(own: Provider, resource: Object) -> bool:
    """By the API server's own log: an entry for Pods of this CoderDeployment, even for a moment."""
    log = own.logs / "audit.log"
    events: list[dict[str, Any]] = [json.loads(one) for one in log.read_text().splitlines()]
    uid = resource["metadata"]["uid"][:8]
    return any(
        one.get("objectRef", {}).get("resource") == "mutatingwebhookconfigurations"
        and uid in one["objectRef"].get("name", "")
        and one["verb"] in ("create", "patch", "update")
        for one in events
    )


def _events(kube: Kube, namespace: str) -> set[str]:
    return {one["reason"] for one in kube.list("events.events.k8s.io", namespace)}
