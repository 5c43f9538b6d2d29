"""Scene two: a Coder that Helm installed, in disorder, and what may be done without touching it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo import acme, fingerprints
from demo.kubectl import ROOT
from harness.errors import HarnessError
from support.standing import measured

if TYPE_CHECKING:
    from demo.fingerprints import Fingerprint
    from demo.stage import Stage
    from support.standing import Standing

MANIFEST = "tests/demo/manifests/adopted.yaml"
ENVBOX = "tests/demo/manifests/envbox.yaml"
THEIRS = (
    "Deployment",
    "Service",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "HorizontalPodAutoscaler",
    "PersistentVolumeClaim",
)


def play(stage: Stage) -> None:
    """Before, the manifest, after; and proof that nothing of Helm's or Terraform's was written."""
    before = _before(stage)
    standing = measured(stage.kube, acme.NAMESPACE, acme.WORKSPACES)
    _adopt(stage, standing)
    _after(stage)
    _warn(stage)
    _untouched(stage, before)


def _before(stage: Stage) -> list[Fingerprint]:
    stage.narrator.scene(
        "Scene two: a Coder that Helm installed (Adopted). Before",
        "Acme's Coder is as its chart renders it, and its workspaces are as Coder's templates make "
        "them: a Deployment, a devcontainer, a bare Pod, envbox, and one that names its node. "
        "Nobody said where anything should run, so all of it sits on the stray node, or worse.",
    )
    acme.settle(stage.kube)
    stage.pods(acme.NAMESPACE)
    stage.pods(acme.WORKSPACES)
    return _theirs(stage)


def _adopt(stage: Stage, standing: Standing) -> None:
    stage.narrator.scene(
        "The manifest",
        "A few lines name the pools and say that this Coder is somebody else's. The operator finds "
        "the workspaces' namespace by the RoleBinding that the chart made there for coderd.",
    )
    stage.narrator.excerpt((ROOT / MANIFEST).read_text().splitlines())
    stage.kubectl.show("apply", "--server-side", "-f", MANIFEST)
    took = stage.wait_ready(acme.NAMESPACE)
    stage.wait_judged(acme.NAMESPACE)
    placing = took + stage.wait_placed(acme.WORKSPACES)
    stage.narrator.result(
        f"Ready after {took:.1f} s; after {placing:.1f} s the API server places Pods: it looks for "
        "new policies once a second"
    )
    now = measured(stage.kube, acme.NAMESPACE, acme.WORKSPACES)
    lost = standing.lost(now) + standing.disturbed(now)
    if lost:
        raise HarnessError(f"the installation was not to change anything: {lost}")
    stage.narrator.result(f"What that changed for what runs, measured: {standing.told(now)}")


def _after(stage: Stage) -> None:
    stage.narrator.scene(
        "After",
        "What runs is left alone: placement is decided when a Pod is admitted. Now every "
        "Deployment's Pod is deleted once, as when a user stops and starts a workspace or a node "
        "is drained, and what Kubernetes makes in its place lands on its pool.",
    )
    before = acme.places(stage.kube)
    for pod in acme.pods(stage.kube):
        if "ownerReferences" in pod["metadata"]:
            stage.kube.delete(pod)
            stage.kube.wait_gone(pod)
    acme.wait_running(stage.kube)
    stage.pods(acme.NAMESPACE)
    stage.pods(acme.WORKSPACES)
    after = acme.places(stage.kube)
    stage.narrator.table(
        ("WHAT", "BEFORE", "AFTER"), [(what, before[what], node) for what, node in after.items()]
    )
    misplaced = acme.misplaced(after)
    if misplaced:
        raise HarnessError(f"not on its pool after a new start: {', '.join(misplaced)}")
    stage.narrator.say(
        "Three stayed, and are findings instead: the template that names its node is obeyed, and "
        "bare Pods belong to Terraform, which would see the change and make them anew."
    )


def _warn(stage: Stage) -> None:
    stage.narrator.scene(
        "Another envbox workspace starts",
        "Volumes of the node give a workspace a way around its walls, and Coder's own envbox "
        "template needs two of them. By default the API server only warns whoever creates such a "
        "Pod; `hostVolumes: Deny` refuses it once nobody depends on it.",
    )
    stage.kubectl.show("apply", "-f", ENVBOX)


def _untouched(stage: Stage, before: list[Fingerprint]) -> None:
    stage.narrator.scene(
        "Nothing of Helm's or Terraform's was written",
        "Each object of theirs is compared with what it was before: everything in it but its "
        "status goes into the digest. The managers are those whom the API server saw writing.",
    )
    comparisons = fingerprints.compared(before, _theirs(stage))
    stage.narrator.table(
        ("OBJECT", "GENERATION", "BEFORE", "AFTER", "WRITTEN BY"),
        [one.row for one in comparisons],
    )
    changed = [one.row[0] for one in comparisons if not one.is_untouched]
    if changed:
        raise HarnessError(f"objects that are not the operator's have changed: {changed}")
    stage.narrator.result(
        f"{len(comparisons)} objects, none changed, none written to by the operator"
    )


def _theirs(stage: Stage) -> list[Fingerprint]:
    """Every object in Acme's namespaces of the kinds that Helm, Terraform and Acme made."""
    return [
        fingerprints.of(one)
        for kind in THEIRS
        for namespace in (acme.NAMESPACE, acme.WORKSPACES)
        for one in stage.kube.list(kind, namespace)
        if one["metadata"]["name"] != "default"  # the ServiceAccount that Kubernetes makes
    ]
