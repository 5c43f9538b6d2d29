"""From policies to the webhook and back: what acted goes once what takes its place acts.

Both may act at the same time without harm, for neither adds what is there already. In between nobody
would place a Pod, so nothing goes while its successor is not written, or so new that the API server may
not know it yet. What only tries whether the webhook is reached does nothing to anybody, and takes no part in it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from coder_cva.apply import arming
from coder_cva.apply.memory import Memory
from coder_cva.desired import webhook_probe
from coder_cva.desired.changes import Action, Change
from coder_cva.values.manifest import Ref

_SUCCESSORS: Final[Mapping[str, str]] = {
    "MutatingWebhookConfiguration": "MutatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicyBinding": "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration": "ValidatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicyBinding": "ValidatingWebhookConfiguration",
}
_STANDS: Final = frozenset({Action.CREATED, Action.CONFIGURED, Action.UNCHANGED})


def kept(ref: Ref, changes: Iterable[Change], memory: Memory, now: datetime) -> Change | None:
    """Why an object that is to go stays for now; None where it may go."""
    if webhook_probe.is_probe(ref):
        return None
    successors = [
        one
        for one in changes
        if one.ref.kind == _SUCCESSORS.get(ref.kind) and not webhook_probe.is_probe(one.ref)
    ]
    if not successors:
        return None
    if all(one.action in _STANDS for one in successors):
        left = arming.takes_effect_in(memory, now)
        if left is None:
            return None
    else:
        left = arming.TAKES_EFFECT_AFTER.total_seconds()
    message = f"{ref} goes as soon as {successors[0].ref} acts in its place"
    return Change(ref, Action.WAITING, message=message, retry_after=left)
