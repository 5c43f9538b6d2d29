"""What is done to new Pods and claims at admission in this cluster now, for remedies that rely on it."""

from coder_cva.desired import enforcement, placement
from coder_cva.desired.enforcement import Mode
from coder_cva.snapshot.world import World


def is_at_work(world: World) -> bool:
    """Whether anything of ours can change an object when it is created."""
    return placement.engine(world)[0] != placement.NO_ENGINE and not world.deployment.spec.suspend


def idle_for(world: World, rule: str) -> str:
    """Why nothing is done at admission for a rule, in words; "" where it is."""
    if world.deployment.spec.suspend:
        return "spec.suspend is true, so nothing is done at admission"
    acts, why = placement.engine(world)
    if acts == placement.NO_ENGINE:
        return why
    mode = enforcement.mode(world.deployment, rule)
    if mode is not Mode.ENFORCE:
        return f"spec.enforcement.rules has {rule}: {mode}, so nothing is done at admission"
    return ""
