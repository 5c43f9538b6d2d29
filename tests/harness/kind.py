"""A cluster of containers, made by kind: real kubelets, slower to start, two worker pools.

What differs from the native cluster: its nodes are fixed when it starts, so `nodes` hands out
workers that nobody has asked for yet; a failed node is a paused container, which the cluster
notices after its usual forty seconds; and a cluster whose owner is killed stays until `down`.
"""

from __future__ import annotations

import json
import secrets
import shutil
from typing import TYPE_CHECKING

from harness import commands, folders, tokens
from harness.errors import HarnessError, Unsupported
from harness.fake_nodes import parse_taint
from harness.kube import Kube
from harness.versions import NEWEST, OLDEST
from harness.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.api import Object

# Of the release notes of kind v0.33.0, which ask for the digest.
IMAGES = {
    NEWEST: "kindest/node:v1.37.0@sha256:"
    "a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5",
    OLDEST: "kindest/node:v1.34.11@sha256:"
    "44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d",
}
POOL_LABEL = "coder.com/node-group"
POOLS = ("control-plane", "workspaces")
WORKERS_OF_A_POOL = 2
CLAIMED = "harness.test/pool"

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
_MANIFESTS = "/etc/kubernetes/manifests"
_ASIDE = "/etc/kubernetes/stopped"

CREATE_SECONDS = 900
"""The node image has about a gigabyte, and comes over the user's own line."""
CHANGE_SECONDS = 180
"""A kubelet looks for changed manifests every twenty seconds; a silent one is missed after forty."""


class KindCluster:
    """A control plane and two labelled pools of workers, every node a container."""

    def __init__(
        self,
        world: str = NEWEST,
        *,
        name: str | None = None,
        home: Path | None = None,
        run: commands.Runner = commands.run,
    ) -> None:
        self.world = world
        self.name = f"{folders.APPLICATION}-{name or secrets.token_hex(3)}"
        self._home = home
        self._run = run
        self._folder: Path | None = home
        self._kube: Kube | None = None

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        if self._folder is None:
            raise HarnessError("this cluster has not been started: call up() first")
        return self._folder / "kubeconfig"

    @property
    def kube(self) -> Kube:
        """A client that acts as the administrator."""
        if self._kube is None:
            self._kube = Kube.of(self.kubeconfig)
        return self._kube

    @property
    def alive(self) -> bool:
        """Whether kind knows this cluster."""
        return self.name in self._run("kind", "get", "clusters").split()

    def up(self) -> None:
        """Start the cluster and return when its nodes are ready."""
        self._check_runtime()
        self._folder = self._home or folders.scratch()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.alive:
            return
        configuration = self._folder / "kind.json"
        configuration.write_text(json.dumps(self._configuration(), indent=2))
        where = ["--config", str(configuration), "--kubeconfig", str(self.kubeconfig)]
        create = ["kind", "create", "cluster", "--name", self.name, *where, "--wait", "180s"]
        try:
            self._run(*create, timeout=CREATE_SECONDS)
        except HarnessError:
            # kind removes the nodes of a failed start itself; an interrupted one leaves them.
            self.down()
            raise

    def down(self, *, keep_logs: bool = False) -> Path | None:
        """Delete the cluster; the folder of its logs if they are kept."""
        if self._folder is None:
            return None
        kept = None
        if keep_logs:
            kept = folders.scratch() / "logs"
            self._run("kind", "export", "logs", str(kept), "--name", self.name, timeout=300)
        self._run("kind", "delete", "cluster", "--name", self.name, timeout=300)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder, self._kube = self._home, None
        return kept

    def status(self) -> dict[str, dict[str, object]]:
        """The state of every container of this cluster."""
        label = f"label=io.x-k8s.kind.cluster={self.name}"
        lines = self._run("docker", "ps", "-a", "--filter", label, "--format", "{{json .}}")
        containers = [json.loads(line) for line in lines.splitlines()]
        return {one["Names"]: {"state": one["State"]} for one in containers}

    def stop(self, component: str) -> None:
        """Take the component's manifest away from the kubelet, which then ends it."""
        self._check(component)
        self._in_control_plane(
            f"mkdir -p {_ASIDE} && mv {_MANIFESTS}/{component}.yaml {_ASIDE}/"
            f" && while pgrep -x {_process(component)}; do sleep 1; done"
        )

    def start(self, component: str) -> None:
        """Give the manifest back and wait until the cluster answers again."""
        self._check(component)
        self._in_control_plane(f"mv {_ASIDE}/{component}.yaml {_MANIFESTS}/")
        self._wait_for_answers()

    def restart(self, component: str) -> None:
        """Kill the component; the kubelet starts it again."""
        self._signal(component, "KILL")
        self._wait_for_answers()

    def freeze(self, component: str) -> None:
        """Stop the component's clock, until its liveness probe has it killed after a minute."""
        self._signal(component, "STOP")

    def thaw(self, component: str) -> None:
        """Let a frozen component go on."""
        self._signal(component, "CONT")
        self._wait_for_answers()

    def nodes(
        self,
        pool: str,
        count: int = 1,
        *,
        labels: Mapping[str, str] | None = None,
        taints: Sequence[str] = (),
        capacity: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Hand out workers that nobody has asked for yet, labelled and tainted as asked."""
        if capacity:
            raise Unsupported("the capacity of kind's nodes is that of this machine")
        workers = self.kube.list("Node", labels=f"{POOL_LABEL},!{CLAIMED}")
        workers.sort(key=lambda node: node["metadata"]["labels"][POOL_LABEL] != pool)
        if len(workers) < count:
            raise Unsupported(
                f"{count} nodes were asked for, and this kind cluster has {len(workers)} that are "
                "not in use; more cannot be added to a running one"
            )
        for node in workers[:count]:
            change = {
                "metadata": {"labels": {CLAIMED: pool, **(labels or {})}},
                "spec": {"taints": [parse_taint(text) for text in taints]},
            }
            self.kube.patch(node, change)
        return [node["metadata"]["name"] for node in workers[:count]]

    def remove_node(self, name: str) -> None:
        """Delete the Node; its container is paused, so that it does not register again."""
        node = self.kube.get("Node", name)
        self._run("docker", "pause", name)
        self.kube.delete(node)
        self.kube.wait_gone(node)

    def fail_node(self, name: str) -> None:
        """Pause the node's container and wait until the cluster has noticed."""
        self._run("docker", "pause", name)
        self._wait_for_ready(name, "Unknown")

    def heal_node(self, name: str) -> None:
        """Let the node's container go on."""
        self._run("docker", "unpause", name)
        self._wait_for_ready(name, "True")

    def serviceaccount_kubeconfig(self, namespace: str, name: str, path: Path) -> Path:
        """Write a kubeconfig that has the rights of a ServiceAccount and no others."""
        return tokens.serviceaccount_kubeconfig(self.kube, namespace, name, path)

    def _check_runtime(self) -> None:
        remedy = "kind needs a container runtime; without one use CVA_CLUSTER=native"
        for question in (("kind", "version"), ("docker", "info", "--format", "{{.ServerVersion}}")):
            try:
                self._run(*question)
            except HarnessError as error:
                raise HarnessError(f"{error}\n{remedy}") from error

    def _configuration(self) -> Object:
        workers: list[Object] = [
            {"role": "worker", "labels": {POOL_LABEL: pool}}
            for pool in POOLS
            for _ in range(WORKERS_OF_A_POOL)
        ]
        nodes: list[Object] = [{"role": "control-plane"}, *workers]
        return {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "nodes": [{**node, "image": IMAGES[self.world]} for node in nodes],
        }

    def _check(self, component: str) -> None:
        if component not in COMPONENTS:
            known = ", ".join(COMPONENTS)
            raise Unsupported(f"a kind cluster has no {component}: choose one of {known}")

    def _signal(self, component: str, signal: str) -> None:
        self._check(component)
        self._in_control_plane(f"pkill -{signal} -x {_process(component)}")

    def _in_control_plane(self, script: str) -> None:
        node = f"{self.name}-control-plane"
        self._run("docker", "exec", node, "sh", "-c", script, timeout=CHANGE_SECONDS)

    def _wait_for_answers(self) -> None:
        wait_for(
            lambda: self.kube.api.request("GET", "/readyz", timeout=5) == "ok",
            timeout=CHANGE_SECONDS,
            what="the API server to be ready again",
        )

    def _wait_for_ready(self, name: str, status: str) -> None:
        wanted = ("Ready", status)
        self.kube.wait_until(
            self.kube.get("Node", name),
            lambda node: wanted in [(c["type"], c["status"]) for c in node["status"]["conditions"]],
            timeout=CHANGE_SECONDS,
        )


def _process(component: str) -> str:
    # The kernel keeps fifteen characters of a process's name.
    return component[:15]
