"""What a pass leaves in the logs and in the metrics."""

import logging
from collections.abc import Mapping

from coder_cva.desired.changes import Action
from coder_cva.reconcile import Outcome
from coder_cva.runtime.queue import Key
from coder_cva.telemetry import metrics

log = logging.getLogger(__name__)


def told(key: Key, outcome: Outcome, readable: Mapping[str, bool], *, leads: bool) -> None:
    """Logs what was written or refused, and sets the gauges, which only who leads may show."""
    if leads:
        metrics.readable(readable)
    for change in outcome.changes:
        if change.action is Action.UNCHANGED:
            continue
        metrics.wrote(change.ref.kind, change.action.value)
        level = logging.WARNING if change.reason else logging.INFO
        words = (change.action.value, change.reason, change.message)
        log.log(level, "%s/%s: %s %s", *key, change.ref, " ".join(one for one in words if one))
    if outcome.word == "gone":
        metrics.forget(*key)
    elif outcome.status and leads:
        metrics.show_status(*key, outcome.status)
