"""A component that a kubelet runs from a manifest in a node's container, as kind's control plane is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.commands import Runner

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
CHANGE_SECONDS = 180
"""A kubelet looks for changed manifests every twenty seconds."""

_MANIFESTS = "/etc/kubernetes/manifests"
_ASIDE = "/etc/kubernetes/stopped"


@dataclass(frozen=True)
class StaticPod:
    """One component of a control plane, and what can be done to it."""

    run: Runner
    engine: str
    """The container runtime's command."""
    node: str
    name: str

    def stop(self) -> None:
        """Take the component's manifest away from the kubelet, which then ends it."""
        self._in_node(
            f"mkdir -p {_ASIDE} && mv {_MANIFESTS}/{self.name}.yaml {_ASIDE}/"
            f" && while pgrep -x {self._process}; do sleep 1; done"
        )

    def start(self) -> None:
        """Give the manifest back."""
        self._in_node(f"mv {_ASIDE}/{self.name}.yaml {_MANIFESTS}/")

    def restart(self) -> None:
        """Kill the component; the kubelet starts it again."""
        self._signal("KILL")

    def freeze(self) -> None:
        """Stop the component's clock, until its liveness probe has it killed after a minute."""
        self._signal("STOP")

    def thaw(self) -> None:
        """Let a frozen component go on."""
        self._signal("CONT")

    @property
    def _process(self) -> str:
        # The kernel keeps fifteen characters of a process's name.
        return self.name[:15]

    def _signal(self, signal: str) -> None:
        self._in_node(f"pkill -{signal} -x {self._process}")

    def _in_node(self, script: str) -> None:
        self.run(self.engine, "exec", self.node, "sh", "-c", script, timeout=CHANGE_SECONDS)
