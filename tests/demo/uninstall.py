"""`make uninstall`: everything of the operator goes from a cluster, in an order of which every prefix is safe.

First whoever acts, then what acts at admission, then what isolates (opened before it is deleted) and what
stands on nodes, last the CRD and the rights. coderd, where the operator made it, is nobody's then, and runs on with its Service, its
account and its rights. Each step may be repeated: whatever is gone already is fine.
"""

from __future__ import annotations

import json
import subprocess
import time
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from coder_cva.apply import openness
from coder_cva.desired.metadata import MANAGED_BY, MANAGER
from coder_cva.snapshot.marks import PROTECTED
from demo import run
from harness.errors import HarnessError
from support.installation import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterable

OURS = f"{MANAGED_BY}={MANAGER}"
BY_LABEL = ("-l", OURS, "--ignore-not-found")
AT_ADMISSION = (
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
    "mutatingadmissionpolicybindings",
    "validatingadmissionpolicybindings",
    "mutatingadmissionpolicies",
    "validatingadmissionpolicies",
)
"""In this order: a policy without a binding acts on nothing."""
CILIUM = "ciliumnetworkpolicies.cilium.io"
NODE_RIGHTS = (
    "clusterrolebinding",
    "clusterrole",
    "validatingadmissionpolicybinding",
    "validatingadmissionpolicy",
)
"""Of deploy/optional/protect-nodes.yaml."""
CRD = "coderdeployments.cva.coder.com"
PLACEMENTS = "coderplacements.cva.coder.com"
WORKSPACE_RIGHTS = "coder-cva-workspace-perms"
LEASE_SECONDS = 15
PATIENCE = 60
PAUSE = 1.0


def uninstall() -> int:
    """Asks, then takes everything away; 0, or an error that says what is left to do.

    Raises:
        HarnessError: the cluster was not confirmed, an operator still acts, or kubectl failed.
    """
    kubectl = run.program()
    target = run.Target.read(run.view(kubectl))
    run.confirm(
        target,
        "every CoderDeployment, CRD, policies and rights of the operator will be removed from",
        "coderd, workspaces and their data stay as they are and run on.",
    )
    it = Cluster(kubectl)
    it.stop_the_operator()
    it.disarm()
    it.open()
    it.give_nodes_back()
    it.forget()
    it.take_the_rights()
    return 0


class Cluster:
    """The user's cluster through the user's kubectl."""

    def __init__(self, kubectl: str) -> None:
        self.kubectl = kubectl

    @cached_property
    def served(self) -> frozenset[str]:
        """The kinds that this cluster serves, as ``plural.group``."""
        text = self.do("api-resources", "--no-headers", "-o", "name", quiet=True)
        return frozenset(text.split())

    def stop_the_operator(self) -> None:
        """Ends the installed operator, and sees to it that none leads any more."""
        self.do("delete", "deployment", "coder-cva-operator", "-n", NAMESPACE, "--ignore-not-found")
        until = time.monotonic() + PATIENCE
        while leader := self._leader():
            if time.monotonic() > until:
                raise HarnessError(
                    f"an operator still acts here ({leader}): end it first, such as a `make run` elsewhere"
                )
            time.sleep(PAUSE)

    def disarm(self) -> None:
        """What acts at admission, first what it acts by; a kind that this cluster does not serve is none."""
        if PLACEMENTS in self.served:
            self.do("delete", PLACEMENTS, "--all", "--all-namespaces")
        for kind in AT_ADMISSION:
            if f"{kind}.admissionregistration.k8s.io" in self.served:
                self.do("delete", f"{kind}.admissionregistration.k8s.io", *BY_LABEL)

    def open(self) -> None:
        """NetworkPolicies, those that close first; what two of them keep open together is opened before."""
        found = self.listed("networkpolicies")
        closing = [one for one in found if not openness.has_rules(one)]
        self._delete(closing)
        for manifest in openness.after(found, ()):
            self._apply(manifest)
        self._delete(one for one in found if openness.has_rules(one))
        if CILIUM in self.served:  # what allows names goes after what closes everything else
            self.do("delete", CILIUM, "--all-namespaces", *BY_LABEL)
        self.do("delete", "poddisruptionbudgets", "--all-namespaces", *BY_LABEL)

    def give_nodes_back(self) -> None:
        """Takes the annotations off nodes that the operator says are its own, and the right to write them."""
        nodes = json.loads(self.do("get", "nodes", "-o", "json", quiet=True))["items"]
        for one in nodes:
            key = one["metadata"].get("annotations", {}).get(PROTECTED)
            if key is not None:
                self.do("annotate", "node", one["metadata"]["name"], f"{key}-", f"{PROTECTED}-")
        for kind in NODE_RIGHTS:
            self.do("delete", kind, "coder-cva-operator-nodes", "--ignore-not-found")

    def forget(self) -> None:
        """The CoderDeployments, whose objects stay, and then their kind."""
        self.do("delete", "crd", PLACEMENTS, "--ignore-not-found")
        if not self.do("get", "crd", CRD, "--ignore-not-found", "-o", "name", quiet=True):
            return
        # Deleted with the CRD alone, or in the background, they would take every managed coderd along.
        for one in self.listed("coderdeployments"):
            name, space = one["metadata"]["name"], one["metadata"]["namespace"]
            self.do("delete", "coderdeployment", name, "-n", space, "--cascade=orphan", "--wait")
        self.do("delete", "crd", CRD)

    def take_the_rights(self) -> None:
        """The operator's account and rights; those of coderd over workspaces stay where it has them."""
        self.do(
            "delete", "clusterrolebinding,clusterrole", "coder-cva-operator", "--ignore-not-found"
        )
        self.do("delete", "namespace", NAMESPACE, "--ignore-not-found")
        users = [one for one in self.listed("rolebindings") if _binds(one, WORKSPACE_RIGHTS)]
        if not users:
            self.do("delete", "clusterrole", WORKSPACE_RIGHTS, "--ignore-not-found")
            return
        print(f"ClusterRole {WORKSPACE_RIGHTS} stays: coderd makes workspaces by it, bound in")
        for one in users:
            print(
                f"  namespace {one['metadata']['namespace']} (RoleBinding {one['metadata']['name']})"
            )

    def listed(self, kind: str) -> list[dict[str, Any]]:
        """All of a kind in every namespace; of what we write elsewhere only ours."""
        ours = () if kind in {"coderdeployments", "rolebindings"} else ("-l", OURS)
        text = self.do("get", kind, "--all-namespaces", *ours, "-o", "json", quiet=True)
        found: list[dict[str, Any]] = json.loads(text)["items"]
        return found

    def do(self, *arguments: str, quiet: bool = False) -> str:
        """One command of kubectl, shown with its answer unless it only looks."""
        if not quiet:
            print(f"$ kubectl {' '.join(arguments)}", flush=True)
        text = run.call(self.kubectl, *arguments)
        if not quiet:
            print(text, end="")
        return text

    def _delete(self, bodies: Iterable[dict[str, Any]]) -> None:
        for one in bodies:
            name, space = one["metadata"]["name"], one["metadata"]["namespace"]
            self.do("delete", one["kind"].lower(), name, "-n", space, "--ignore-not-found")

    def _apply(self, manifest: dict[str, Any]) -> None:
        command = ("apply", "--server-side", "--force-conflicts", f"--field-manager={MANAGER}")
        done = subprocess.run(
            [self.kubectl, *command, "-f", "-"],
            input=json.dumps(manifest),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        if done.returncode:
            raise HarnessError(f"kubectl apply: {done.stderr.strip()}")
        print(done.stdout, end="")

    def _leader(self) -> str:
        """Who holds the Lease and has renewed it lately; "" for nobody."""
        text = self.do(
            "get",
            "lease",
            "coder-cva-operator",
            "-n",
            NAMESPACE,
            "--ignore-not-found",
            "-o",
            "json",
            quiet=True,
        )
        spec = json.loads(text)["spec"] if text.strip() else {}
        renewed = spec.get("renewTime")
        if not spec.get("holderIdentity") or not renewed:
            return ""
        age = datetime.now(UTC) - datetime.fromisoformat(renewed)
        holder: str = spec["holderIdentity"]
        return holder if age < timedelta(seconds=LEASE_SECONDS) else ""


def _binds(binding: dict[str, Any], role: str) -> bool:
    found: bool = binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": role,
    }
    return found
