"""The last scenes: what one look tells, and what to type next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo import acme, status, text

if TYPE_CHECKING:
    from demo.stage import Stage

SHOWN_FINDINGS = 5
LABEL_WIDTH = 10


def play(stage: Stage) -> None:
    """The table, the conditions, the worst findings with what to do about each; what to type."""
    _look(stage)
    _findings(stage)
    _next(stage)


def _look(stage: Stage) -> None:
    narrator = stage.narrator
    narrator.scene(
        "What one look tells",
        "Ready says that everything the operator makes is there; Conformant says whether the "
        "cluster obeys the architecture. It is Unknown rather than True while clauses are not "
        "judged yet: nothing that was not seen passes.",
    )
    resource = _complete(stage)
    stage.kubectl.show("get", "cdep", "-A")
    narrator.say(
        f"The conditions that `kubectl describe cdep coder -n {acme.NAMESPACE}` ends with, in short:"
    )
    narrator.table(("CONDITION", "STATUS", "REASON", "MESSAGE"), status.condition_rows(resource))
    narrator.result(status.summary(resource))
    stage.kubectl.show("events", "--for", "coderdeployment/coder", "-n", acme.NAMESPACE)
    narrator.say("What a restriction would hit is told before it takes effect (status.previews):")
    narrator.table(("CLAUSE", "PREVIEW"), status.preview_rows(resource))


def _complete(stage: Stage) -> status.Object:
    """The adopted Coder once its status counts the workspace that started a moment ago."""
    running = len(stage.kube.list("Pod", acme.WORKSPACES))
    return stage.kube.wait_until(
        stage.coder(acme.NAMESPACE),
        lambda it: it["status"].get("workspaces", {}).get("count") == running,
        timeout=30,
    )


def _findings(stage: Stage) -> None:
    resource = stage.coder(acme.NAMESPACE)
    found = status.worst(resource, SHOWN_FINDINGS)
    total = resource["status"].get("findingsTotal", 0)
    stage.narrator.scene(
        "The worst findings, and what to do about each",
        f"Of {total} findings in status.findings these are the gravest, one a clause. What the "
        "operator may not change, because somebody else owns it, it says exactly, where it belongs: "
        "Helm values, Terraform, kubectl.",
    )
    for finding in found:
        stage.narrator.excerpt(_shown(finding))


def _shown(finding: status.Object) -> list[str]:
    lines = [f"{finding['rule']}  {finding['severity']}"]
    for label, words in status.finding_lines(finding):
        start = f"  {label:<{LABEL_WIDTH}}"
        for line in words.split("\n"):
            lines += text.paragraph_under(start, line)
            start = " " * len(start)
    return lines


def _next(stage: Stage) -> None:
    stage.narrator.scene(
        "What to type next",
        "The cluster and the operator stay up, so all of this can be tried by hand. Break "
        "something and look again.",
    )
    stage.narrator.excerpt(
        [
            f"export KUBECONFIG={stage.cluster.kubeconfig}",
            f"alias kubectl={stage.kubectl.program}",
            "",
            "kubectl get cdep -A",
            f"kubectl describe cdep coder -n {acme.NAMESPACE}",
            "kubectl explain cdep.spec.controlPlane",
            "kubectl delete poddisruptionbudget --all -n coder && kubectl get events -n coder",
            "kubectl scale deployment coder -n coder --replicas=7",
            f"kubectl get cdep coder -n {acme.NAMESPACE} -o jsonpath='{{.status.findings}}'",
            f"tail -f {stage.operator.log}",
            "",
            "make demo-down      # ends the cluster and the operator; no process is left",
        ]
    )
