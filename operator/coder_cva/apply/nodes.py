"""Annotations on nodes: the one thing that is written on what somebody else owns.

Server-side apply of a few annotations and nothing else, never forced: what another manager holds stays
as it is. An apply without them takes exactly ours off again. The node's UID goes along, so that a node
that went is not made anew.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from coder_cva import ports
from coder_cva.apply.engine import Engine
from coder_cva.apply.memory import LEFT_AT
from coder_cva.desired.changes import Action, Change
from coder_cva.desired.plan import NodeEdit
from coder_cva.desired.protected_nodes import OVERLAY
from coder_cva.values.manifest import Ref

_FIELD: Final = ".metadata.annotations"
_PAUSE: Final = 600.0
"""Seconds until it is looked whether an hour is over in which somebody took them off again and again."""


async def annotate(engine: Engine, edits: Iterable[NodeEdit], now: datetime) -> list[Change]:
    """What became of each node, to the first one of which the operator has no right to write."""
    done: list[Change] = []
    for one in edits:
        done.append(await _annotated(engine, one, now))
        if done[-1].reason == ports.Forbidden.reason:
            break
    return done


async def _annotated(engine: Engine, edit: NodeEdit, now: datetime) -> Change:
    ref = Ref("v1", "Node", "", edit.name)
    owner = ports.FieldOwner(_FIELD, "")
    if edit.annotations and engine.memory.taken_back(ref, _FIELD, now) >= LEFT_AT:
        return _held(ref, "AnnotationRemoved", _removed(edit), _PAUSE)
    engine.check()
    try:
        await engine.port.apply(_manifest(edit))
    except ports.Forbidden as error:
        why = f"{error.message}. Grant it: kubectl apply -f {OVERLAY}"
        return _held(ref, error.reason, why, error.retry_after)
    except ports.FieldConflict as error:
        managers = ", ".join(sorted({one.manager for one in error.owners})) or "somebody else"
        why = (
            f"{managers} holds {' and '.join(sorted(edit.annotations))} on it, so it is left alone"
        )
        return _held(ref, error.reason, why, error.retry_after)
    except ports.WriteError as error:
        return _held(ref, error.reason, error.message, error.retry_after)
    if edit.annotations:
        engine.memory.retaken(ref, (owner,), now)
    return Change(ref, Action.CONFIGURED, message=_told(edit))


def _manifest(edit: NodeEdit) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": edit.name, "uid": edit.uid}
    if edit.annotations:
        metadata["annotations"] = dict(edit.annotations)
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata}


def _held(ref: Ref, reason: str, message: str, retry_after: float | None) -> Change:
    return Change(ref, Action.WITHHELD, reason, message, retry_after)


def _removed(edit: NodeEdit) -> str:
    return (
        f"{' and '.join(sorted(edit.annotations))} was put on {LEFT_AT} times within an hour and did not stay, so "
        "it is left off until that is over. Where nobody switched it, this says who takes it off: kubectl get "
        f"node {edit.name} -o yaml --show-managed-fields"
    )


def _told(edit: NodeEdit) -> str:
    return "protected from scale-down" if edit.annotations else "protected no longer"
