"""Pods in, those that are shown to be workspaces out, each with its proof (CVA-WS-001).

Source of the criteria: Coder's Kubernetes templates and coder-logstream-kube. A prefix of the name
proves nothing, coderd's own Pods have it too; neither does the name of a container.
"""

from collections.abc import Collection
from typing import Final

from coder_cva.snapshot import marks, records
from coder_cva.snapshot.controllers import Controllers, controllers
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.needs import Need
from coder_cva.values.memo import Memo

BY_TOKEN: Final = "CODER_AGENT_TOKEN"  # noqa: S105 - what the proof is called
BY_LABELS: Final = "com.coder labels"
BY_OWNER: Final = "owner's labels"
BY_NAME: Final = "workspace name label"

FINISHED: Final = frozenset({"Succeeded", "Failed"})
"""Phases in which a Pod runs nothing any more and holds nothing on its node."""


def workspaces(
    snapshot: ClusterSnapshot, namespaces: Collection[str], memo: Memo
) -> tuple[Workspace, ...]:
    """The workspace Pods of these namespaces, in the order of the snapshot, finished ones left out."""
    known = controllers(snapshot, memo)
    return memo.flat(_workspaces, snapshot.items(Need.PODS), frozenset(namespaces), known)


def _workspaces(
    pods: tuple[records.Pod, ...], namespaces: frozenset[str], controllers: Controllers
) -> tuple[Workspace, ...]:
    found = []
    for pod in pods:
        if pod.meta.namespace not in namespaces or pod.phase in FINISHED:
            continue
        proof = proof_of(pod, controllers)
        if proof:
            found.append(Workspace(pod, proof, controllers.name_of(pod.meta)))
    return tuple(found)


def proof_of(pod: records.Pod, controllers: Controllers) -> str:
    """The strongest proof that a Pod is a workspace, "" where there is none.

    A Pod of the control plane is none, whatever its owner is labelled.
    """
    if pod.shape.agent:
        return BY_TOKEN
    if pod.shape.role:
        return ""
    labels = pod.meta.labels
    if _has_workspace_labels(labels):
        return BY_LABELS
    if labels.get(marks.NAME) in marks.CODER_NAMES:
        return ""
    owner = controllers.deployment_of(pod.meta)
    if owner is not None and _has_workspace_labels(owner.meta.labels):
        return BY_OWNER
    named = marks.WORKSPACE_NAME in (labels.get(marks.NAME), labels.get("app"))
    return BY_NAME if named else ""


def _has_workspace_labels(labels: records.Labels) -> bool:
    return labels.get("com.coder.resource") == "true" or bool(labels.get("com.coder.workspace.id"))
