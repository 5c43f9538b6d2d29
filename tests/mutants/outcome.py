"""What became of the changes: lines of `cosmic-ray dump` in, counts and survivors out."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mutants.tree import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

EQUIVALENT = Path(__file__).parent / "equivalent.yaml"


@dataclass(frozen=True, order=True)
class Survivor:
    """A change that no test noticed: where it is, and which kind of change."""

    module: str
    line: int
    change: str
    source: str
    """The line as it is, without its indent."""

    @property
    def known_as(self) -> tuple[str, str, str]:
        """What it is recognised by in equivalent.yaml: lines move."""
        return self.module, self.change, self.source

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.change}\n    {self.source}"


@dataclass(frozen=True)
class Outcome:
    """The changes of an area."""

    tried: int
    survivors: tuple[Survivor, ...]
    explained: int
    """Survivors that mean the same as the code, with the reason in equivalent.yaml."""

    @property
    def score(self) -> float:
        """Per cent of the changes that mean something else and were noticed."""
        meant = self.tried - self.explained
        return 100.0 * (meant - len(self.survivors)) / meant if meant else 100.0


def outcome(lines: Iterable[str], folder: Path) -> Outcome:
    """Counts what was tried in this tree; the known equivalents are no survivors.

    Raises:
        ValueError: a change was not tried to its end.
    """
    survivors, tried = [], 0
    for line in lines:
        item, result = json.loads(line)
        if not result or result["worker_outcome"] != "normal":
            raise ValueError(f"not tried: {item}: {result}")
        tried += 1
        if result["test_outcome"] == "survived":
            survivors.append(_survivor(item["mutations"][0], folder))
    known = {
        key for one in yaml.safe_load(EQUIVALENT.read_text("utf-8")) or () for key in _keys(one)
    }
    left = [one for one in survivors if not {one.known_as, ("*", *one.known_as[1:])} & known]
    return Outcome(tried, tuple(sorted(left)), len(survivors) - len(left))


def _keys(entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """An entry may be about several kinds of changes of several lines."""
    parts = (entry[part] for part in ("module", "change", "source"))
    module, changes, sources = ([one] if isinstance(one, str) else one for one in parts)
    yield from itertools.product(module, changes, sources)


def _survivor(mutation: Mapping[str, Any], folder: Path) -> Survivor:
    path, line = mutation["module_path"], mutation["start_pos"][0]
    text = (folder / path).read_text("utf-8").splitlines()[line - 1]
    module = path.removeprefix(f"{PACKAGE}/")
    return Survivor(module, line, mutation["operator_name"].removeprefix("core/"), text.strip())
