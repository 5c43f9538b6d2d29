"""The load on a deployment: what the spec states, the workspaces that run, and what Coder itself counts."""

from coder_cva.catalogue.architectures import architectures
from coder_cva.rules import coder_word
from coder_cva.rules.subjects import WORKSPACES
from coder_cva.sizing.load import Fitting, Load, fitting
from coder_cva.sizing.size import size
from coder_cva.snapshot.world import World

NEEDS = WORKSPACES


def running(world: World) -> int:
    """How many workspaces run."""
    return world.running_workspaces


def load(world: World) -> Load:
    """Users, workspaces and builds at once: the larger of what is stated and what is seen.

    How many users there are Coder knows better than the spec, where it is asked. The load is whole where
    users are known, or both of what users cause: those who have an account and are away cost nothing.
    """
    said = world.deployment.spec.architecture
    users = coder_word.value(coder_word.seen(world).users)
    jobs = coder_word.value(coder_word.seen(world).running_jobs)
    caused = (said.concurrent_workspaces, said.concurrent_builds)
    return Load(
        users=said.users if users is None else users,
        workspaces=max(said.concurrent_workspaces or 0, running(world)),
        builds=said.concurrent_builds if jobs is None else max(said.concurrent_builds or 0, jobs),
        is_whole=None not in caused or (said.users if users is None else users) is not None,
    )


def fit(world: World) -> Fitting:
    """How the tier fits the load; what was told last is in the status."""
    spec = world.deployment.spec
    tables = architectures(spec.edition)
    was = (world.previous.get("sizing") or {}).get("fit") or ""
    return fitting(tables.tier(size(spec).tier), tables, load(world), was)
