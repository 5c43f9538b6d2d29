"""From the webhook to the policies and back while workspaces start all the time: none unplaced, none placed twice."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import pytest

from harness import ports
from harness.fixtures import own_cluster
from support.admission import PREFERRED, pod, required
from support.deployments import database_secret, managed, wait_condition
from support.installation import OperatorProcess, install
from support.placing import BY_NAME, WS
from support.served_webhook import ServedWebhook

if TYPE_CHECKING:
    from pathlib import Path

    from harness.api import Object
    from harness.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.native]

OURS = "app.kubernetes.io/managed-by=coder-cva-operator"


@dataclass
class Starting:
    """Workspaces' Pods, admitted one after the other in a thread of their own (dry runs)."""

    kube: Kube
    namespace: str
    count: int = 0
    unplaced: int = 0
    doubled: int = 0
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._start)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _start(self) -> None:
        while not self._end.is_set():
            spec = self.kube.create(pod(self.namespace, labels=BY_NAME), dry_run=True)["spec"]
            distance = spec.get("affinity", {}).get("podAntiAffinity", {}).get(PREFERRED, [])
            found = [one["matchExpressions"] for one in required(spec)]
            self.count += 1
            self.unplaced += not found or not distance
            self.doubled += found not in ([], [[WS]]) or len(distance) > 1


def test_no_moment_is_lost_and_nothing_done_twice(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The webhook of another replica goes on answering while the leader is replaced by one that has policies."""
    with own_cluster(request) as cluster:
        kube = cluster.kube
        install(kube)
        cluster.nodes("cp", 3, labels={"coder.com/node-group": "control-plane"})
        cluster.nodes("ws", 2, labels={"coder.com/node-group": "workspaces"})
        other = ServedWebhook(cluster).start()
        # At ports of their own nobody calls them: the URL is the other replica's.
        first, second = map(str, ports.free(2))
        url, forced = {"WEBHOOK_URL": other.url}, {"ADMISSION_ENGINE": "Webhook"}
        by_webhook = OperatorProcess(
            cluster, tmp_path, "webhook", {**url, **forced, "WEBHOOK_PORT": first}
        )
        by_policies = OperatorProcess(
            cluster, tmp_path, "policies", {**url, "WEBHOOK_PORT": second}
        )
        namespace = kube.namespace("coder")
        kube.create(database_secret(namespace))
        by_webhook.start()
        resource = wait_condition(kube, kube.apply(managed(namespace)), "Ready", "True")
        _acts(kube, resource, "Webhook")
        with Starting(kube, namespace) as starting:
            for last, following, engine in (
                (by_webhook, by_policies, "MutatingAdmissionPolicy"),
                (by_policies, by_webhook, "Webhook"),
            ):
                last.stop()
                following.start()
                _acts(kube, resource, engine)
        by_webhook.stop()
        other.stop()
        with capsys.disabled():
            print(
                f"\n{starting.count} Pods admitted over two changes of the engine: "
                f"{starting.unplaced} unplaced, {starting.doubled} placed twice"
            )
        assert (starting.unplaced, starting.doubled) == (0, 0)
        assert starting.count > 100


def _acts(kube: Kube, resource: Object, engine: str) -> None:
    """Waits until this engine is told, and the other one's objects are gone."""
    gone = {
        "Webhook": "MutatingAdmissionPolicyBinding",
        "MutatingAdmissionPolicy": "MutatingWebhookConfiguration",
    }[engine]
    kube.wait_for(
        lambda: (
            kube.refresh(resource)["status"]["placement"]["engine"] == engine
            and not kube.list(gone, labels=OURS)
        ),
        timeout=120,
        what=f"{engine} alone to act",
    )
