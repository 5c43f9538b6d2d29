"""What every scene has in hand, and the questions that scenes ask of the cluster."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from support.deployments import condition, wait_condition
from support.placement import is_placed, started_by_replica_set
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from demo.kubectl import Kubectl
    from demo.narrator import Narrator
    from demo.operator_process import OperatorProcess
    from harness.kube import Kube
    from harness.native import NativeCluster

Object = dict[str, Any]

POD_COLUMNS = "custom-columns=POD:metadata.name,NODE:spec.nodeName"
READY_SECONDS = 60
POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Stage:
    """The cluster, the ways to it, and the voice."""

    cluster: NativeCluster
    narrator: Narrator
    kubectl: Kubectl
    operator: OperatorProcess

    @property
    def kube(self) -> Kube:
        """The administrator's client, for what is not shown."""
        return self.cluster.kube

    def pods(self, namespace: str, *selection: str) -> None:
        """Show where the Pods of a namespace run."""
        self.kubectl.show("get", "pods", "-n", namespace, *selection, "-o", POD_COLUMNS)

    def coder(self, namespace: str) -> Object:
        """The CoderDeployment `coder` of a namespace."""
        return self.kube.get("cdep", "coder", namespace)

    def wait_ready(self, namespace: str) -> float:
        """Wait until the CoderDeployment is Ready for its newest spec; the seconds that it took."""
        began = time.monotonic()
        wait_condition(self.kube, self.coder(namespace), "Ready", "True", timeout=READY_SECONDS)
        return time.monotonic() - began

    def wait_judged(self, namespace: str) -> None:
        """Wait until the clauses have been judged, whatever the verdict."""
        self.kube.wait_until(
            self.coder(namespace),
            lambda it: condition(it, "Conformant") and it["status"].get("summary"),
            timeout=READY_SECONDS,
        )

    def wait_placed(self, namespace: str) -> float:
        """Wait until the API server places workspaces of a namespace; the seconds that it took.

        It takes up a policy's new binding when it next looks, which it does once a second.
        """
        pod = started_by_replica_set(workspace_deployment("probe", namespace)[1])
        began = time.monotonic()
        self.kube.wait_for(
            lambda: is_placed(self.kube.create(pod, dry_run=True)),
            timeout=READY_SECONDS,
            what=f"workspaces in {namespace} to be placed at admission",
        )
        return time.monotonic() - began


class Restoration:
    """Looks at one object without pause, and notes for how long it was not there."""

    def __init__(self, kube: Kube, target: Object) -> None:
        self._kube = kube
        self._target = target
        self._uid = target["metadata"]["uid"]
        self._last_seen = self._back = 0.0
        self._gives_up = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        """Begin to look."""
        self._last_seen = time.monotonic()
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look on until the object is back, or for at most half a minute."""
        self._looking.join(timeout=30)
        self._gives_up.set()
        self._looking.join()

    @property
    def milliseconds(self) -> float | None:
        """From the last look that found the old object to the first that found the new one."""
        return (self._back - self._last_seen) * 1000 if self._back else None

    def _look(self) -> None:
        metadata = self._target["metadata"]
        while not self._gives_up.is_set():
            before = time.monotonic()
            found = self._kube.find(self._target["kind"], metadata["name"], metadata["namespace"])
            uid = found["metadata"]["uid"] if found else ""
            if uid == self._uid:
                self._last_seen = before
            elif uid:
                self._back = time.monotonic()
                return
            time.sleep(POLL_SECONDS)
