"""What findings and messages quote of a cluster's objects, fit for a status: free text may be long, or steer a terminal."""

from typing import Final

LONGEST: Final = 2_000
"""Characters of a sentence; fifty findings, all of this length, still fit into one object."""
_LONGEST_REMEDY: Final = 12_000
_CUT: Final = "; what follows is too long to be shown"


def line(said: str) -> str:
    """On one line, without control characters, and cut where it is too long."""
    cut = said if len(said) <= LONGEST else f"{said[:LONGEST]}…"
    return cut if cut.isprintable() else _printable(cut)


def block(said: str) -> str:
    """The same of a remedy, which has lines; half a document would be pasted as a whole one, so none is left then."""
    if len(said) > _LONGEST_REMEDY:
        return line(said.partition("\n")[0]) + _CUT
    if said.isprintable():
        return said
    return "\n".join(_printable(one) for one in said.split("\n"))


def _printable(said: str) -> str:
    return "".join(one if one.isprintable() else " " for one in said)
