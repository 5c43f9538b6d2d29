"""The answers that many rules share where there is nothing to look at."""

from coder_cva.rules.model import Judgement, not_applicable, unknown
from coder_cva.snapshot.world import World


def no_coderd(world: World) -> Judgement:
    """Where there is no single coderd to judge."""
    if world.deployment.spec.control_plane.management == "None":
        return not_applicable("a region has no coderd of its own")
    found = len(world.found.coderd)
    what = "none" if not found else f"{found} of them"
    return unknown(
        "CoderdNotFound",
        f"one coderd is expected in namespace {world.deployment.namespace}, there is {what}",
    )


def no_workspaces() -> Judgement:
    """Where no workspace runs, nothing is known about workspaces."""
    return not_applicable("no workspace runs in the namespaces that consent")
