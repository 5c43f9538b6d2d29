"""The parts of an expression once it is understood."""

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, a whole number, true, false or null."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    """A variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Made:
    """A list of these items, or a map (or message) of these pairs."""

    items: "tuple[Tree, ...]" = ()
    pairs: "tuple[tuple[Tree, Tree], ...] | None" = None


@dataclass(frozen=True, slots=True)
class Step:
    """A field or an index of something; ``optional`` ones (``.?``, ``[?]``) may be missing."""

    of: "Tree"
    key: "Tree"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function, or a method of ``of``."""

    name: str
    of: "Tree | None"
    arguments: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator between two, or before one."""

    sign: str
    operands: "tuple[Tree, ...]"


Tree: TypeAlias = Literal | Name | Made | Step | Call | Operation
