"""The status of a CoderDeployment whose stored spec cannot be understood."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from coder_cva.status.conditions import Condition, render
from coder_cva.status.reasons import Reason


def invalid_spec(body: Mapping[str, Any], error: Exception, now: datetime) -> dict[str, Any]:
    """Stalled until the generation changes: everything else of the status stays as it was."""
    generation = int(body["metadata"].get("generation", 0))
    before = body.get("status") or {}
    message = str(error)
    wanted = (
        Condition("Ready", "False", Reason.INVALID_SPEC, message),
        Condition("Stalled", "True", Reason.INVALID_SPEC, message),
        Condition(
            "Conformant",
            "Unknown",
            Reason.INVALID_SPEC,
            "nothing is judged by a spec that is not understood",
        ),
    )
    rendered = render(wanted, before.get("conditions") or (), generation, now)
    return {**before, "observedGeneration": generation, "conditions": rendered}
