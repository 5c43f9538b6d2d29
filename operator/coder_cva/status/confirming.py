"""What can be confirmed and what is: ``status.confirm``, and the notices about the hash in the spec."""

from collections.abc import Iterator
from typing import Any, Final

from coder_cva.api.v1alpha1.status import MOST_CLASSES, PREVIEW_LIMIT
from coder_cva.desired import confirming
from coder_cva.desired.confirming import Classes
from coder_cva.desired.enforcement import ISOLATION
from coder_cva.desired.plan import Plan, Preview
from coder_cva.rules import remedies, texts
from coder_cva.rules.model import Notice, NoticeKind
from coder_cva.snapshot.world import World

_NAMED: Final = 3
_WIDTH: Final = 256
"""Characters of a class that are shown: folders may have any name."""


def told(world: World, plan: Plan) -> dict[str, Any] | None:
    """The part of the status; what was confirmed is remembered also while not everything can be read."""
    made: dict[str, Any] = {"accepted": confirming.written(plan.confirmations) or None}
    found = classes(world, plan)
    if found is not None:
        made |= {
            "hash": found.hash or None,
            "command": command(world, found) or None,
            "pending": _shown(found.pending) or None,
            "pendingTotal": len(found.pending) or None,
            "confirmed": _shown(found.confirmed) or None,
        }
    return made if any(made.values()) else None


def classes(world: World, plan: Plan) -> Classes | None:
    """What there is to confirm; None where that is not known, or where nothing acts at all."""
    if plan.writes_nothing or not plan.is_whole:
        return None
    return confirming.classes(understood(world, plan), plan.previews)


def understood(world: World, plan: Plan) -> World:
    """The world with what the plan has understood of the hash in the spec."""
    return confirming.with_confirmations(world, plan.confirmations)


def command(world: World, found: Classes) -> str:
    """What to type to confirm; "" where nothing is left."""
    if not found.pending or not found.hash:
        return ""
    return remedies.merge_patch(world, {"network": {"confirm": found.hash}})


def take_back(world: World) -> str:
    """What to type so that nothing is confirmed any more."""
    return remedies.merge_patch(world, {"network": {"confirm": None}})


def hash_for(found: Classes | None, preview: Preview) -> str:
    """The hash that takes a preview into force; "" where nothing of it waits for that."""
    if found is None or not preview.hits:
        return ""
    waits = any(f"{preview.rule}: {hit}" in found.pending for hit in preview.hits)
    return found.hash if waits else ""


def notices(world: World, plan: Plan) -> Iterator[Notice]:
    """That the hash in the spec is that of no preview, or that something came that it does not cover."""
    asked, found = world.deployment.spec.network.confirm, classes(world, plan)
    if asked is None or found is None:
        return
    if all(one.hash != asked for one in plan.confirmations):
        yield Notice(ISOLATION, NoticeKind.CONFIRM_UNKNOWN, _unknown(world, plan, found))
    elif found.pending:
        rule = found.pending[0].partition(":")[0]
        count = len(found.pending)
        yield Notice(
            rule,
            NoticeKind.CONFIRM_AGAIN,
            f"not covered by spec.network.confirm {asked}, and left alone until it is confirmed: "
            f"{'; '.join(_shown(found.pending[:_NAMED]))}{f' and {count - _NAMED} more' if count > _NAMED else ''}. What "
            f"was confirmed stays in force. {_how(world, found)}",
        )


def _shown(classes: tuple[str, ...]) -> list[str]:
    told = map(texts.line, classes[:PREVIEW_LIMIT])
    return [one if len(one) <= _WIDTH else f"{one[: _WIDTH - 1]}…" for one in told]


def _how(world: World, found: Classes) -> str:
    if found.hash:
        return f"Look at status.previews, then: {command(world, found)}"
    return f"More than {MOST_CLASSES} classes have no hash: Enforce in spec.enforcement.rules takes all of a rule"


def _unknown(world: World, plan: Plan, found: Classes) -> str:
    asked = world.deployment.spec.network.confirm
    before = plan.confirmations
    kept = f", and what {before[0].hash} confirmed stays in force" if before else ""
    said = (
        f"spec.network.confirm {asked} is the hash of no preview: nothing new is restricted{kept}. "
    )
    if found.pending:
        return f"{said}{_how(world, found)}"
    if found.hash:
        return f"{said}The hash of what is confirmed and there now is {found.hash}"
    return f"{said}There is nothing to confirm now; take it out: {take_back(world)}"
