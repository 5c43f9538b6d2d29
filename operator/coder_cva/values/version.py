"""Versions of Coder: a text or an image in, a value that compares as semantic versions do out.

Source of the order: Semantic Versioning 2.0.0, paragraph 11. Build metadata cannot stand in a tag.
"""

import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

_NUMBERS: Final = r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?"
_TAG: Final = re.compile(f":v?{_NUMBERS}")

_Identifier: TypeAlias = tuple[bool, int, str]
"""Of a prerelease: whether it is a word, its number, the word. Numbers come before words."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version; a prerelease (``2.30.0-rc.1``) comes before what it leads to."""

    numbers: tuple[int, int, int]
    is_final: bool
    prerelease: tuple[_Identifier, ...] = ()
    text: str = field(default="", compare=False)
    """As it was written, without a leading v."""

    def __str__(self) -> str:
        """As it was written."""
        return self.text


def in_image(image: str) -> Version | None:
    """The version in an image's tag, None where the tag is none (``latest``, a digest alone)."""
    match = _TAG.search(image)
    if match is None:
        return None
    major, minor, patch, words = match.groups()
    parts = tuple(_identifier(one) for one in words.split(".")) if words else ()
    return Version(
        (int(major), int(minor), int(patch)), not parts, parts, match[0].lstrip(":").lstrip("v")
    )


def _identifier(text: str) -> _Identifier:
    is_number = text.isascii() and text.isdigit()
    return (not is_number, int(text) if is_number else 0, "" if is_number else text)
