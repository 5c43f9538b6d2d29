"""The scheduler's message about a Pod without a node in, what it names as reasons out.

Source: Kubernetes, the errors of the scheduler's plugins; some were worded otherwise in older versions, so
both wordings are known. ``0/6 nodes are available: 3 Insufficient cpu, 3 node(s) had untolerated taint {a: b}.``
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """What keeps a Pod from a node, as far as it matters for what is to be done."""

    CLAIM = "claim"
    """Its claim is not there, has no volume yet, or will get none."""
    VOLUME = "volume"
    """Its volume cannot be attached there."""
    ATTACHMENTS = "attachments"
    """The node has as many volumes as it can attach."""
    PODS = "pods"
    """The node has as many Pods as it takes."""
    ROOM = "room"
    """Too little CPU, memory, disk or devices are left."""
    TAINT = "taint"
    CHOICE = "choice"
    """Its own node selector or affinity."""
    OTHER = "other"


_WORDS: Final = (
    (Reason.CLAIM, re.compile(r"persistentvolumeclaim|storageclass\b|persistent volumes to bind|enough free storage", re.IGNORECASE)),
    (Reason.VOLUME, re.compile(r"volume node affinity conflict|PersistentVolume's node affinity|available volume zone")),
    (Reason.ATTACHMENTS, re.compile(r"max volume count")),
    (Reason.PODS, re.compile(r"Too many pods")),
    (Reason.ROOM, re.compile(r"Insufficient |cannot allocate all claims")),
    (Reason.TAINT, re.compile(r"\btaint\b|taint\(s\)")),
    (Reason.CHOICE, re.compile(r"node affinity/selector|match node selector|match Pod's node affinity")),
)  # fmt: skip
"""The first that fits counts."""
_HEAD: Final = re.compile(r"^\d+/\d+ nodes are available:?\s*")
_END: Final = re.compile(r"\.(\s|$)")
"""What follows the first sentence is about preemption, which is no reason of its own."""
_BETWEEN: Final = re.compile(r",\s+(?=\d+ )")
_COUNT: Final = re.compile(r"^\d+ ")
_QUOTED: Final = re.compile(r'"[^"]*"')


@dataclass(frozen=True, slots=True)
class Words:
    """What a message says: the sentence itself, its reasons, and what messages of one kind have in common."""

    text: str
    reasons: frozenset[Reason]
    kind: tuple[str, ...]


def read(message: str) -> Words:
    """The reasons of a message; one that is not understood has the reason ``other``."""
    text = _HEAD.sub("", _END.split(message.strip(), maxsplit=1)[0])
    parts = [_COUNT.sub("", one) for one in _BETWEEN.split(text)]
    kind = {_QUOTED.sub("…", one) for one in parts}
    return Words(text, frozenset(map(_reason, parts)), tuple(sorted(kind)))


def _reason(part: str) -> Reason:
    return next((reason for reason, words in _WORDS if words.search(part)), Reason.OTHER)
