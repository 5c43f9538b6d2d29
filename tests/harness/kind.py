"""A cluster of containers, made by kind: real control plane and kubelets, slower to start.

The suite's nodes are played by kwok here too, as on the native cluster and by the same code: `nodes`
adds nodes of any capacity, their Pods become ready without an image, claims of the harness's
StorageClasses are bound. kwok is a process on this machine, which is ended by `down`.

What kind itself made are two workers with real kubelets, one for each of two labelled pools. They
are tainted, because they can run no image of the suite: only Pods that tolerate `REAL` land there,
and the label is another than the suite's, so that they are in nobody's node pool by accident.

What differs from the native cluster: the control plane's components are static Pods, so a fault
takes seconds, and one that is frozen is killed by its liveness probe after a minute; the API server
takes neither flags nor an audit log; and the containers of a test run that was killed stay, until
`kind delete cluster` (those of a named cluster: until `down`).
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from typing import TYPE_CHECKING

from harness import binaries, commands, control, environment, fake_nodes, folders, kwok, tokens
from harness.children import Plan
from harness.errors import HarnessError
from harness.fake_nodes import FakeNodes
from harness.kube import Kube
from harness.static_pods import CHANGE_SECONDS, COMPONENTS, StaticPod
from harness.supervised import ComponentEndedError, Supervised
from harness.versions import NEWEST, OLDEST
from harness.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from harness.api import Object

KIND = (0, 33)
"""The kind whose release notes name the images below, and which takes one form of kubeadm patches
for both worlds."""

IMAGES = {
    NEWEST: "kindest/node:v1.37.0@sha256:"
    "a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5",
    OLDEST: "kindest/node:v1.34.11@sha256:"
    "44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d",
}

POOL_LABEL = "harness.test/workers"
POOLS = ("control-plane", "workspaces")
REAL = "harness.test/real-kubelet=true:NoSchedule"

CREATE_SECONDS = 900
"""The node image has about a gigabyte, and comes over the user's own line."""

WITHOUT = "without one use CVA_CLUSTER=native, which needs no containers"


class KindCluster(FakeNodes):
    """A control plane and two tainted workers in containers, and kwok for every other node."""

    # kindnet, kind's network plugin, ends itself where it finds no route to a node's internal
    # address; an external one it does not look at.
    node_address = "ExternalIP"

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
        self._supervised: Supervised | None = None
        self._kube: Kube | None = None

    @property
    def folder(self) -> Path:
        """What belongs to this cluster on this machine: kubeconfig, kwok's logs."""
        if self._folder is None:
            raise HarnessError("this cluster has not been started: call up() first")
        return self._folder

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def logs(self) -> Path:
        """The logs of kwok; those of the containers are exported when they are kept."""
        return self.folder / "logs"

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

    def check_host(self) -> None:
        """Raise a HarnessError that names the remedy where kind or its container runtime is missing."""
        try:
            told = self._run("kind", "version")
        except HarnessError as error:
            remedy = f"`go install sigs.k8s.io/kind@v{KIND[0]}.{KIND[1]}.0`"
            raise HarnessError(f"{error}\nkind is needed ({remedy}); {WITHOUT}") from error
        version = re.search(r"v(\d+)\.(\d+)\.", told)
        if version and (int(version[1]), int(version[2])) < KIND:
            raise HarnessError(
                f"{told.strip()} is too old for the node images of the harness: "
                f"kind v{KIND[0]}.{KIND[1]}.0 or newer is needed"
            )
        try:
            self._run(self._engine, "info")
        except HarnessError as error:
            raise HarnessError(
                f"{error}\nkind needs a container runtime: docker, or another one that "
                f"{environment.KIND_PROVIDER} names (podman, nerdctl); {WITHOUT}"
            ) from error

    def up(self) -> None:
        """Start the cluster and return when its nodes are ready and kwok plays.

        Whatever ends a start, also an interrupt, nothing is left of it.
        """
        self.check_host()
        program = binaries.ensure(self.world, only=(kwok.NAME,))[kwok.NAME]
        self._folder = self._folder or folders.scratch()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        is_there = self.alive
        if is_there and self.kubeconfig.exists():
            self._play(program)
            return
        try:
            if is_there:
                # The containers of a start that was killed, to which nobody has a kubeconfig.
                self._delete()
            self._create()
            self._play(program)
        except BaseException:
            self.down()
            raise

    def down(self, *, keep_logs: bool = False) -> Path | None:
        """End kwok, delete the cluster; the folder of the logs if they are kept."""
        if self._folder is None:
            return None
        (self._supervised or Supervised(self._folder, attached=False)).end()
        try:
            kept = self._keep_logs() if keep_logs else None
        finally:
            self._delete()
            shutil.rmtree(self._folder, ignore_errors=True)
            self._supervised = self._kube = None
            self._folder = self._home
        return kept

    def status(self) -> dict[str, dict[str, object]]:
        """The state of every container of this cluster, and that of kwok."""
        label = f"label=io.x-k8s.kind.cluster={self.name}"
        form = "{{.Names}}\t{{.Status}}"
        lines = self._run(self._engine, "ps", "-a", "--filter", label, "--format", form)
        pairs = (line.partition("\t") for line in lines.splitlines())
        states: dict[str, dict[str, object]] = {name: {"state": state} for name, _, state in pairs}
        if control.alive(self.folder):
            return {**states, **control.ask(self.folder, "status")["status"]}
        return {**states, kwok.NAME: {"state": "stopped"}}

    def stop(self, component: str) -> None:
        """End a component; for one of the control plane its kubelet does it, in order."""
        self._component(component).stop()

    def start(self, component: str) -> None:
        """Start a stopped component and return when the cluster answers again."""
        self._component(component).start()
        self._wait_for_answers(component)

    def restart(self, component: str) -> None:
        """Kill a component and have it started again."""
        self._component(component).restart()
        self._wait_for_answers(component)

    def freeze(self, component: str) -> None:
        """Stop the component's clock; one of the control plane is killed after a minute of it."""
        self._component(component).freeze()

    def thaw(self, component: str) -> None:
        """Let a frozen component go on."""
        self._component(component).thaw()
        self._wait_for_answers(component)

    def remove_node(self, name: str) -> None:
        """Take a node out of the cluster; a real one's container is paused, or it would register again."""
        if self._is_real(name):
            self._run(self._engine, "pause", name)
        super().remove_node(name)

    def fail_node(self, name: str) -> None:
        """Let a node's kubelet fall silent and the cluster notice it; a real one is paused."""
        if not self._is_real(name):
            super().fail_node(name)
            return
        self._run(self._engine, "pause", name)
        fake_nodes.report_failure(self.kube, name)

    def heal_node(self, name: str) -> None:
        """Bring a failed node back."""
        if not self._is_real(name):
            super().heal_node(name)
            return
        self._run(self._engine, "unpause", name)
        fake_nodes.wait_until_usable(self.kube, name)

    def serviceaccount_kubeconfig(self, namespace: str, name: str, path: Path) -> Path:
        """Write a kubeconfig that has the rights of a ServiceAccount and no others."""
        return tokens.serviceaccount_kubeconfig(self.kube, namespace, name, path)

    @property
    def _engine(self) -> str:
        # As kind itself reads it; podman and nerdctl take the same arguments as docker.
        return environment.variable(environment.KIND_PROVIDER) or "docker"

    def _create(self) -> None:
        configuration = self.folder / "kind.json"
        configuration.write_text(json.dumps(self._configuration(), indent=2))
        where = ["--config", str(configuration), "--kubeconfig", str(self.kubeconfig)]
        create = ["kind", "create", "cluster", "--name", self.name, *where, "--wait", "180s"]
        try:
            self._run(*create, timeout=CREATE_SECONDS)
        except HarnessError as error:
            raise HarnessError(
                f"{error}\nkind could not start its nodes. They are privileged containers: a runtime "
                "that is rootless, nested in a container or bound by a policy may forbid them. Where "
                "it does, use CVA_CLUSTER=native, which needs no containers"
            ) from error

    def _configuration(self) -> Object:
        workers = [{"role": "worker", "labels": {POOL_LABEL: pool}} for pool in POOLS]
        nodes: list[Object] = [{"role": "control-plane"}, *workers]
        monitoring = {
            "kind": "ClusterConfiguration",
            "controllerManager": {"extraArgs": kwok.CONTROLLER_MANAGER},
        }
        return {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "nodes": [{**node, "image": IMAGES[self.world]} for node in nodes],
            "kubeadmConfigPatches": [json.dumps(monitoring)],
        }

    def _play(self, program: Path) -> None:
        """Keep the suite's Pods off the real workers, and have kwok play what it needs instead."""
        if control.alive(self.folder):
            return
        for node in self.kube.list("Node", labels=POOL_LABEL):
            self.kube.patch(node, {"spec": {"taints": [fake_nodes.parse_taint(REAL)]}})
        kwok.provide_storage(self.kube)
        Plan({kwok.NAME: kwok.command(program, self.kubeconfig)}).write(self.folder / control.PLAN)
        self._supervised = Supervised(self.folder, attached=self._home is None)
        try:
            self._supervised.start()
            self._supervised.run([kwok.NAME])
            self._supervised.check()
        except ComponentEndedError as error:
            raise HarnessError(str(error)) from None

    def _keep_logs(self) -> Path:
        kept = folders.scratch() / "logs"
        if self.logs.exists():
            shutil.copytree(self.logs, kept)
        self._run("kind", "export", "logs", str(kept), "--name", self.name, timeout=300)
        return kept

    def _delete(self) -> None:
        self._run("kind", "delete", "cluster", "--name", self.name, timeout=300)

    def _component(self, name: str) -> StaticPod | control.Component:
        if name == kwok.NAME:
            return control.Component(self.folder, name)
        if name in COMPONENTS:
            return StaticPod(self._run, self._engine, f"{self.name}-control-plane", name)
        known = ", ".join((*COMPONENTS, kwok.NAME))
        raise HarnessError(f"there is no component {name!r}: choose one of {known}")

    def _is_real(self, name: str) -> bool:
        return not fake_nodes.is_fake(self.kube.get("Node", name))

    def _wait_for_answers(self, component: str) -> None:
        if component == kwok.NAME:
            return
        wait_for(
            lambda: self.kube.api.request("GET", "/readyz", timeout=5) == "ok",
            timeout=CHANGE_SECONDS,
            what="the API server to be ready again",
        )
