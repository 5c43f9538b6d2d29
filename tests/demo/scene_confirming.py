"""Scene three: a restriction is previewed, confirmed, in force, asks again, and is taken back."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from demo import acme
from support.policies import service
from support.workspace_manifests import workspace_id

if TYPE_CHECKING:
    from demo.stage import Stage

APPS = ("api", "web")
"""The workspaces of Acme's whose template made a Service."""
SECONDS = 30


def play(stage: Stage) -> None:
    """Whom it would hit, the confirmation, what is in force, a new class, and one edit back."""
    _preview(stage)
    _confirm(stage)
    _ask_again(stage)
    _take_back(stage)


def _preview(stage: Stage) -> None:
    stage.narrator.scene(
        "Scene three: a restriction says beforehand whom it hits",
        "Workspaces need no open port (CVA-NET-005), and Acme's are open to everybody in the cluster. "
        "Closing them is previewed, because two of them have a Service that somebody may use: it "
        "works now, and so it is named.",
    )
    for name in APPS:
        chosen = {"com.coder.workspace.id": workspace_id(name)}
        stage.kube.apply(
            service(f"app-{name}", chosen, 3000, acme.WORKSPACES), manager=acme.TERRAFORM
        )
    _wait(stage, pending=2)
    _show(stage, "previews[?(@.confirm)].message")
    _show(stage, "previews[?(@.confirm)].resources")
    _show(stage, "confirm.pending")
    _policies(stage)


def _confirm(stage: Stage) -> None:
    stage.narrator.scene(
        "The confirmation",
        "The hash stands for what was named, by classes: a namespace, the port of a template's "
        "Services. It stays the same while single workspaces come and go. The status shows what to type.",
    )
    _type(stage, _show(stage, "confirm.command"))
    _wait(stage, confirmed=2)
    _policies(stage)
    _show(stage, "restrictions[*].since")
    stage.narrator.result("In force; for ten minutes the operator tells what becomes not ready")


def _ask_again(stage: Stage) -> None:
    stage.narrator.scene(
        "Something new comes, and is left alone",
        "A Service to another port was in no preview, so its port stays open, and what was confirmed "
        "stays closed, until somebody confirms the new hash.",
    )
    database = service("db", {"com.coder.resource": "true"}, 5432, acme.WORKSPACES)
    stage.kube.apply(database, manager=acme.TERRAFORM)
    _wait(stage, pending=1)
    _policies(stage)
    _show(stage, "notices[*].message")


def _take_back(stage: Stage) -> None:
    stage.narrator.scene(
        "One edit takes it back",
        "The field is taken out, and the policies go at once.",
    )
    back = json.dumps({"spec": {"network": {"confirm": None}}}, separators=(",", ":"))
    stage.kubectl.show("-n", acme.NAMESPACE, "patch", "cdep", "coder", "--type=merge", "-p", back)
    _wait(stage, confirmed=0, pending=3)
    _policies(stage)


def _show(stage: Stage, path: str) -> str:
    """A part of the status, as kubectl prints it."""
    return stage.kubectl.show(
        "get", "cdep", "coder", "-n", acme.NAMESPACE, "-o", f"jsonpath={{.status.{path}}}"
    )


def _type(stage: Stage, command: str) -> None:
    program, *words = shlex.split(command)
    assert program == "kubectl"
    stage.kubectl.show(*words)


def _policies(stage: Stage) -> None:
    stage.kubectl.show("get", "networkpolicies", "-n", acme.WORKSPACES)


def _wait(stage: Stage, **wanted: int) -> None:
    """Wait until the status has so many of each in ``confirm``."""

    def is_so(it: dict[str, Any]) -> bool:
        found = it["status"].get("confirm", {})
        return all(len(found.get(key, ())) == count for key, count in wanted.items())

    stage.kube.wait_until(stage.coder(acme.NAMESPACE), is_so, timeout=SECONDS)
