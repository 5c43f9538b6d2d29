"""What the API server answered, as one of the errors that ports.py knows."""

import re
from typing import Final

from coder_cva import ports
from coder_cva.kube import paths
from coder_cva.kube.connection import Answer, NoAnswer
from coder_cva.values.manifest import Ref, dig

_OWNER: Final = re.compile(r'^conflict with "(?P<manager>[^"]*)"')
_ADMISSION: Final = ("admission webhook ", "violates PodSecurity", "exceeded quota", "ValidatingAdmissionPolicy ")  # fmt: skip
"""How a 403 speaks that is no matter of the operator's own rights."""

_OURS: Final = ": its CRD is missing, apply it: kubectl apply --server-side -k deploy/base"

_UNTYPED: Final = "failed to create typed patch object"
"""What a field that the kind does not have is answered with on apply, under status 500."""


def unreachable(ref: Ref, error: NoAnswer) -> ports.Unreachable:
    """The error for a request without an answer."""
    return ports.Unreachable(ref, str(error))


def refusal(ref: Ref, answer: Answer) -> ports.WriteError:  # noqa: PLR0911 - a table of statuses
    """The error for an answer that is no success."""
    message = answer.message
    match answer.status:
        case 401:
            return ports.Forbidden(ref, message)
        case 403:
            return _forbidden(ref, answer)
        case 404 | 405:
            return ports.NotServed(ref, f"{message}{_OURS if _is_ours(ref, message) else ''}")
        case 409:
            owners = field_owners(answer)
            return (
                ports.FieldConflict(ref, message, owners) if owners else ports.Stale(ref, message)
            )
        case 410 | 412:
            return ports.Stale(ref, message)
        case 408 | 429:
            return ports.Unreachable(ref, message)
        case status if 400 <= status < 500:
            return ports.Invalid(ref, message)
        case 500 if message.startswith(_UNTYPED):
            return ports.Invalid(ref, message)
        case _:
            return ports.Unreachable(ref, message)


def _is_ours(ref: Ref, message: str) -> bool:
    """Whether a kind of our own is not served: an update of the operator without its CRDs."""
    return ref.group == paths.CODER_PLACEMENTS.group and "namespaces " not in message


def field_owners(answer: Answer) -> tuple[ports.FieldOwner, ...]:
    """Who holds the fields, sorted, from the causes of a conflict of server-side apply."""
    causes = dig(answer.body, "details", "causes", default=[])
    owners = {
        ports.FieldOwner(field=str(dig(cause, "field", default="")), manager=match["manager"])
        for cause in causes
        if dig(cause, "reason") == "FieldManagerConflict"
        and (match := _OWNER.match(str(dig(cause, "message", default=""))))
    }
    return tuple(sorted(owners, key=lambda owner: (owner.field, owner.manager)))


def _forbidden(ref: Ref, answer: Answer) -> ports.WriteError:
    causes = dig(answer.body, "details", "causes", default=[])
    if any(dig(cause, "reason") == "NamespaceTerminating" for cause in causes):
        return ports.NotServed(ref, answer.message)
    if any(words in answer.message for words in _ADMISSION):
        return ports.Invalid(ref, answer.message)
    return ports.Forbidden(ref, answer.message)
