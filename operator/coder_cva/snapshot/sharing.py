"""Equal pieces of ten thousand objects are kept once: values in, the first equal value out.

The caches are bounded and hold only values that nobody edits, so a caller cannot tell whether it
got its own value or an equal one; all that changes is the memory.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from coder_cva.snapshot.records import NodeTerm, Scheduling

_LONGEST = 256
_write = json.JSONEncoder(default=str).encode


@lru_cache(maxsize=16_384)
def _one(value: str) -> str:
    return value


def text(value: str) -> str:
    """The same text; short ones (label keys and values, images, phases) are one object."""
    return _one(value) if len(value) <= _LONGEST else value


def labels(value: dict[str, str]) -> Mapping[str, str]:
    """The same labels; equal sets, as replicas of one template have them, are one object."""
    return _labels(tuple(value.items()))


@lru_cache(maxsize=4_096)
def _labels(items: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return dict(items)


def scheduling(
    node_selector: Mapping[str, str],
    affinity: Mapping[str, Any],
    tolerations: tuple[Mapping[str, Any], ...],
    spread: tuple[Mapping[str, Any], ...],
) -> Scheduling:
    """What a Pod asks of the scheduler; Pods of one template share one value."""
    if not (node_selector or affinity or tolerations or spread):
        return _NOTHING
    return _scheduling(_write((node_selector, affinity, tolerations, spread)))


@lru_cache(maxsize=4_096)
def node_terms(value: tuple[NodeTerm, ...]) -> tuple[NodeTerm, ...]:
    """The same terms; the volumes of one zone share one value."""
    return value


_NOTHING = Scheduling()


@lru_cache(maxsize=2_048)
def _scheduling(written: str) -> Scheduling:
    node_selector, affinity, tolerations, spread = json.loads(written)
    return Scheduling(node_selector, affinity, tuple(tolerations), tuple(spread))
