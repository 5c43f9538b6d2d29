"""The demo from start to end: the ground, a managed Coder, an adopted one, a confirmation, what one look tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo import (
    ground,
    scene_adopted,
    scene_confirming,
    scene_ground,
    scene_managed,
    scene_telling,
)
from demo.kubectl import Kubectl
from demo.narrator import Narrator
from demo.operator_process import OperatorProcess
from demo.stage import Stage
from harness import binaries
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable

SCENES: tuple[Callable[[Stage], None], ...] = (
    scene_ground.play,
    scene_managed.play,
    scene_adopted.play,
    scene_confirming.play,
    scene_telling.play,
)


def up() -> None:
    """Play every scene on a fresh cluster, which stays up.

    Raises:
        HarnessError: something did not go as told; the message says where to look.
    """
    narrator = Narrator()
    narrator.title("A cluster is brought to the Coder Validated Architecture, and kept there")
    cluster = ground.up()
    narrator.say(f"\nKubernetes {cluster.world} is up: {cluster.kubeconfig}")
    program = binaries.kubectl()
    kubectl = Kubectl(program, cluster.kubeconfig, narrator)
    operator = OperatorProcess.of(cluster.folder)
    stage = Stage(cluster, narrator, kubectl, operator)
    for play in SCENES:
        try:
            play(stage)
        except HarnessError as error:
            raise HarnessError(f"{error}\n\n{_where_to_look(stage)}") from error


def _where_to_look(stage: Stage) -> str:
    return (
        f"The cluster stays up for a look: export KUBECONFIG={stage.cluster.kubeconfig}\n"
        f"The operator's log: {stage.operator.log}\n"
        f"It ends with:\n{stage.operator.tail()}\n"
        "Once you have seen enough: make demo-down"
    )
