"""What the user has confirmed, as the status remembers it: a hash, and the classes that it stood for.

The spec holds a hash and nothing else, so once it has been understood the status keeps what it meant:
what was confirmed stays in force when something new comes beside it, and the new is asked for again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coder_cva.snapshot.shapes import mapping, mappings, text, texts
from coder_cva.values.canonical import digest

LENGTH: Final = 12
"""Hexadecimal digits of a hash: few enough to be typed, too many to be met by chance."""
_LETTERS: Final = "abcdef"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One confirmation: the hash in the spec, since when it is known (RFC 3339), the classes by their digests."""

    hash: str
    since: str
    classes: frozenset[str]


def class_digest(rule: str, hit: str) -> str:
    """The digest of one class of what a rule hits."""
    return digest([rule, hit])[:LENGTH]


def hash_of(classes: Iterable[str]) -> str:
    """The hash over classes by their digests, in whatever order and however often they come; "" for none.

    It begins with a letter: digits alone, pasted into YAML without quotes, would be a number.
    """
    found = sorted(set(classes))
    if not found:
        return ""
    made = digest(["confirm", *found])[:LENGTH]
    return _LETTERS[int(made[0], 16) % len(_LETTERS)] + made[1:]


def remembered(previous: Mapping[str, Any], asked: str | None) -> tuple[Confirmation, ...]:
    """What a status remembers, the one in force first; nothing where the spec confirms nothing.

    A hash that is not known takes nothing into force and nothing back: the last one stays.
    """
    if asked is None:
        return ()
    accepted = mappings(mapping(previous.get("confirm")).get("accepted"))
    found = tuple(
        Confirmation(text(one.get("hash")), text(one.get("since")), frozenset(texts(one.get("classes"))))
        for one in accepted
    )  # fmt: skip
    return tuple(sorted(found, key=lambda one: one.hash != asked))
