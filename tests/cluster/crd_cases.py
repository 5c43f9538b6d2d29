"""The table of specs that are accepted or refused, as manifests."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "deploy" / "samples"


@dataclass(frozen=True)
class Case:
    """A claim, the manifest that it is about, and the words of the refusal; none if it is accepted."""

    claim: str
    manifest: dict[str, Any]
    refused: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.claim


def sample(name: str) -> dict[str, Any]:
    """One of the shipped samples: minimal, managed or adopted."""
    made: dict[str, Any] = yaml.safe_load((SAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))
    return made


def load() -> tuple[Case, ...]:
    """The table, in the order of the file."""
    text = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    return tuple(_case(row) for row in yaml.safe_load(text))


def _case(row: dict[str, Any]) -> Case:
    manifest = sample(row.get("base", "minimal"))
    for path in row.get("remove", ()):
        *way, last = path.split(".")
        del _at(manifest, way)[last]
    for path, value in row.get("set", {}).items():
        *way, last = path.split(".")
        _at(manifest, way)[last] = copy.deepcopy(value)
    return Case(row["claim"], manifest, tuple(row.get("refused", ())))


def _at(manifest: dict[str, Any], way: list[str]) -> dict[str, Any]:
    here = manifest
    for step in way:
        here = here[step]
    return here


CASES = load()
