"""What is wrong with the name of a variable: nobody reads it, not yet, no longer, or under a better name."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from typing import Final

from coder_cva.catalogue.variables import Indexed, Release, Variable, variables

PREFIX: Final = "CODER_"
_NEAR: Final = 0.75
"""How much of two names must be alike, so that one may have been meant for the other."""
_ANYWAY: Final = frozenset({"CODER_CLUSTER_HOST"})
"""What Coder's chart and the operator set for every release, for the day on which it is read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a name: the state of things, what should be, and the names to write instead."""

    observed: str
    expected: str
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unheard:
    """A name that no release up to the newest known one has; this coderd is newer, and may have it."""

    name: str


def judged(name: str, version: Release | None) -> Fault | Unheard | None:
    """What is wrong with a name for a coderd of this version; None for nothing.

    Of a version that cannot be told every release counts, and the newest one says what is deprecated.
    """
    known = variables()
    if name in known.commands:
        return None
    if name in known.server:
        return _of_option(name, known.server[name], version)
    if name in known.elsewhere:
        return Fault(
            f"coderd does not read it: it is for {known.elsewhere[name]}",
            f"not set on coderd, but on {known.elsewhere[name]}",
        )
    family = known.family(name)
    if family is not None:
        return _of_family(name, family, version)
    near = nearest(name, _offered(version))
    is_newer = version is not None and version > known.newest
    if is_newer and not (near and is_slip(name, near)):
        return Unheard(name)
    return _unknown(near)


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like this one, "" where none is; of equals the last in the alphabet."""
    short = {one.removeprefix(PREFIX): one for one in known}
    found = get_close_matches(name.removeprefix(PREFIX), sorted(short), n=1, cutoff=_NEAR)
    return short[found[0]] if found else ""


def is_slip(name: str, known: str) -> bool:
    """Whether two names differ by their spelling alone: as many words, each like its counterpart."""
    words, counterparts = name.split("_"), known.split("_")
    return len(words) == len(counterparts) and all(
        SequenceMatcher(None, one, other).ratio() >= _NEAR
        for one, other in zip(words, counterparts, strict=True)
    )


def _offered(version: Release | None) -> list[str]:
    """The names that may be recommended."""
    return [
        name
        for name, one in variables().server.items()
        if one.deprecated is None and (one.is_read_by(version) if version else one.until is None)
    ]


def _unknown(near: str) -> Fault:
    if near:
        return Fault("no release of Coder reads it", f"{near}, if that is meant", (near,))
    return Fault("no release of Coder reads it", "a name of Coder's reference, or none")


def _of_option(name: str, one: Variable, version: Release | None) -> Fault | None:
    if version is not None and version < one.since and name not in _ANYWAY:
        return Fault(
            f"not known to this version: it is read from {_text(one.since)} on",
            f"not set before coderd is {_text(one.since)} or later",
        )
    if one.until is not None and (version is None or one.is_gone_in(version)):
        return Fault(f"no longer read: {_text(one.until)} was the last release that did", "not set")
    if one.deprecated is None or (version is not None and version < one.deprecated):
        return None
    since = f"deprecated since {_text(one.deprecated)}"
    better = tuple(sorted(set(one.successors).intersection(_offered(version))))
    if not better:
        return Fault(f"{since}, without a successor", "not set")
    return Fault(since, f"{' or '.join(better)} in its place", better)


def _of_family(name: str, family: Indexed, version: Release | None) -> Fault | None:
    parts = family.split(name)
    if parts is None:
        return Fault(
            f"no number and field follow {family.prefix}",
            f"{family.prefix}0_ and so on, counted from 0, with a field of Coder's reference",
        )
    begin, field = parts
    if field not in family.fields:
        return _unknown(nearest(name, [begin + one for one in family.fields]))
    if version is not None and version < family.since:
        return Fault(
            f"not known to this version: it is read from {_text(family.since)} on",
            f"not set before coderd is {_text(family.since)} or later",
        )
    if family.deprecated is None or (version is not None and version < family.deprecated):
        return None
    better = family.successor + name.removeprefix(family.prefix)
    return Fault(
        f"deprecated since {_text(family.deprecated)}", f"{better} in its place", (better,)
    )


def _text(version: Release) -> str:
    return ".".join(str(one) for one in version)
