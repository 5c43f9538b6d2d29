"""What rules talk about: the answers where there is nothing to look at, and the names of things."""

from collections.abc import Iterable
from heapq import nsmallest
from typing import Final

from coder_cva.rules.model import Judgement, not_applicable, unknown
from coder_cva.snapshot import consent
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Pod
from coder_cva.snapshot.workspaces import FINISHED
from coder_cva.snapshot.world import World

CODERD: Final = frozenset({Need.DEPLOYMENTS})
"""What finding coderd's Deployment takes."""
NAMESPACES: Final = consent.NEEDS | {Need.DEPLOYMENTS}
"""What knowing the namespaces that consent takes."""
WORKSPACES: Final = NAMESPACES | {Need.PODS, Need.REPLICA_SETS}
"""What recognising workspaces takes."""

_NAMED: Final = 3


def no_coderd(world: World) -> Judgement:
    """Where there is no single coderd to judge."""
    if world.deployment.spec.control_plane.management == "None":
        return not_applicable("a region has no coderd of its own")
    found = [one.deployment.meta.name for one in world.found.coderd]
    what = f"there are {len(found)} ({', '.join(found)})" if found else "there is none"
    return unknown(
        "CoderdNotFound",
        f"one coderd is expected in namespace {world.deployment.namespace}, {what}",
    )


def no_coderd_pod(world: World) -> Judgement:
    """Where coderd's Deployment is there, and no Pod of it that could be looked at."""
    if world.coderd is None:
        return no_coderd(world)
    return unknown(
        "NoPodSeen", f"Deployment {world.coderd.deployment.meta.path} has no Pod to look at now"
    )


def no_workspaces() -> Judgement:
    """Where no workspace runs, nothing is known about workspaces."""
    return not_applicable("no workspace runs in the namespaces that consent")


def live(pods: Iterable[Pod]) -> list[Pod]:
    """Without those that have ended or are on their way out."""
    return [one for one in pods if one.phase not in FINISHED and not one.meta.deleting]


def workload(workspace: Workspace) -> str:
    """A workspace as the object that lasts: its Deployment, else its Pod.

    Pods of a Deployment get another name at each start; findings and waivers should not.
    """
    meta = workspace.pod.meta
    kind, _, name = workspace.controller.partition(" ")
    return f"{kind} {meta.namespace}/{name}" if name else f"Pod {meta.path}"


def named(names: list[str]) -> str:
    """Some names for a sentence: the first three, and how many more."""
    known = set(names)
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return ", ".join(nsmallest(_NAMED, known)) + more


def are(count: int, one: str) -> str:
    """A number with its noun: ``1 workspace``, ``3 workspaces``."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"
