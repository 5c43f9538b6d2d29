"""The operator as it is shipped: CRD, RBAC and namespace applied, the process under its own ServiceAccount."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from harness.children import dies_with
from harness.waiting import wait_for

if TYPE_CHECKING:
    from harness.kube import Kube
    from harness.provider import Provider

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "coder-cva-system"
SERVICE_ACCOUNT = LEASE = "coder-cva-operator"
SHIPPED = (
    "crds/coderdeployments.yaml",
    "crds/coderplacements.yaml",
    "deploy/base/namespace.yaml",
    "deploy/base/rbac.yaml",
    "deploy/base/webhook.yaml",
)


def shipped_manifests() -> list[dict[str, Any]]:
    """What `kubectl apply -k deploy/base` applies, but for the Deployment, which needs an image."""
    return [
        one
        for name in SHIPPED
        for one in yaml.load_all((ROOT / name).read_text(encoding="utf-8"), yaml.CSafeLoader)
    ]


def install(kube: Kube) -> None:
    """Applies the shipped manifests and waits until the CRD is served."""
    for manifest in shipped_manifests():
        kube.apply(manifest, manager="installer")
    for plural in ("coderdeployments", "coderplacements"):
        crd = kube.get("CustomResourceDefinition", f"{plural}.cva.coder.com")
        kube.wait_until(crd, _is_established, timeout=120)


def forget_leader(kube: Kube) -> None:
    """What fifteen seconds do after a replica was killed: its Lease counts no longer."""
    lease = kube.find("Lease", LEASE, NAMESPACE)
    if lease:
        kube.delete(lease)


def _is_established(crd: dict[str, Any]) -> bool:
    conditions = crd.get("status", {}).get("conditions") or []
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


@dataclass
class OperatorProcess:
    """One replica of the operator; its log is a file, its end is certain."""

    cluster: Provider
    folder: Path
    name: str = "operator"
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    webhook: bool = False
    """Whether the API server, which is on this machine, can call the process."""
    webhook_port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Where the process writes."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int:
        """The process id while it runs."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self, *, wait_ready: bool = True, keep_credentials: bool = False) -> None:
        """Starts the process under the shipped ServiceAccount, and waits until /readyz says ok."""
        config = self.folder / f"{self.name}.kubeconfig"
        if not keep_credentials:
            self.cluster.serviceaccount_kubeconfig(NAMESPACE, SERVICE_ACCOUNT, config)
        self.port = _free_port()
        if self.webhook:
            self.webhook_port = self.webhook_port or _free_port()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "coder_cva", "run"],
                env={
                    **os.environ,
                    "KUBECONFIG": str(config),
                    "OPERATOR_NAMESPACE": NAMESPACE,
                    "PORT": str(self.port),
                    **self._webhook(),
                    **self.environment,
                },
                stdout=log,
                stderr=log,
                # Also when the tests are killed without warning, no operator stays behind.
                preexec_fn=dies_with(os.getpid()),  # noqa: PLW1509 - the child only calls prctl
            )
        if wait_ready:
            wait_for(
                self.is_ready, timeout=180, what=f"the operator's /readyz; its log is {self.log}"
            )

    def _webhook(self) -> dict[str, str]:
        if not self.webhook:
            return {}
        port = str(self.webhook_port)
        return {"WEBHOOK_PORT": port, "WEBHOOK_URL": f"https://127.0.0.1:{port}"}

    def is_ready(self) -> bool:
        """What /readyz says; raises where the process has ended."""
        assert self.is_running, f"the operator ended; its log:\n{self.log.read_text()[-4000:]}"
        return self.get("/readyz")[0] == 200

    def get(self, path: str) -> tuple[int, str]:
        """An endpoint's status and text; 0 where nothing listens yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def passes(self, resource: dict[str, Any]) -> int:
        """How many passes over a CoderDeployment have ended in this process."""
        metadata = resource["metadata"]
        head = f'coder_cva_reconciles_total{{name="{metadata["name"]}",namespace="{metadata["namespace"]}",'
        lines = [one for one in self.get("/metrics")[1].splitlines() if one.startswith(head)]
        return sum(int(float(one.rpartition(" ")[2])) for one in lines)

    def look_again(self, kube: Kube, resource: dict[str, Any]) -> dict[str, Any]:
        """The resource after a pass that began after this call. For what is not to happen."""
        for _ in range(2):
            # The pass that ends after the first touch may have begun before it.
            before = self.passes(resource)
            kube.patch(resource, {"metadata": {"annotations": {"test/touched": str(before)}}})
            wait_for(lambda: self.passes(resource) > before, timeout=180, what="a pass")  # noqa: B023
        return kube.refresh(resource)

    def stop(self) -> None:
        """Ends the process as Kubernetes does, with a signal that it can answer."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """Ends the process without warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)

    def freeze(self) -> None:
        """Stops the process where it stands; its connections stay open."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets a frozen process go on."""
        os.kill(self.pid, signal.SIGCONT)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
