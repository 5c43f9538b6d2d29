"""The first scene: the nodes, and the operator with the rights that it is shipped with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from demo import ground
from support.installation import NAMESPACE, SERVICE_ACCOUNT, SHIPPED, install

if TYPE_CHECKING:
    from demo.stage import Stage

ACCOUNT = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"


def play(stage: Stage) -> None:
    """Show the nodes, apply what is shipped, start the operator."""
    narrator, kubectl = stage.narrator, stage.kubectl
    narrator.scene(
        "The ground, and the operator",
        "A real API server, scheduler and controller manager; the nodes and what runs on them are "
        "played by KWOK, so no container starts. Two node pools are kept apart by a label and a "
        "taint, as the architecture asks, and one stray node belongs to neither.",
    )
    ground.furnish(stage.cluster)
    kubectl.show("get", "nodes", "-L", ground.POOL)
    narrator.say(
        "The operator runs as its own ServiceAccount, with the RBAC that is shipped and nothing "
        "more: it cannot grant rights, and it reads no Secret."
    )
    paths = (argument for path in SHIPPED for argument in ("-f", path))
    kubectl.show("apply", "--server-side", *paths)
    install(stage.kube)
    began = time.monotonic()
    stage.operator.start(stage.kube)
    took = time.monotonic() - began
    narrator.result(
        f"the operator has read the cluster {took:.1f} s after its start; "
        f"its log is {stage.operator.log}"
    )
    for verb, kind in (("create", "roles"), ("get", "secrets")):
        kubectl.show("auth", "can-i", verb, kind, f"--as={ACCOUNT}", "-n", "default", refusal=True)
