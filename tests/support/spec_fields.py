"""What a rule looks at beside watched objects: fields of the spec, looks. Seen while it judges its corpus."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from coder_cva.api.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coder_cva.rules.model import Rule
    from coder_cva.snapshot.observations import Observations
    from support.corpus import Case


class Recorder:
    """Stands for a part of the spec and notes the paths of what is read, by the names that users write."""

    def __init__(self, behind: Part, path: str, read: set[str]) -> None:
        self._behind = behind
        self._path = path
        self._read = read

    @property  # type: ignore[misc] # mypy knows no class that is told
    def __class__(self) -> Any:
        """What it stands for: a rule may ask whether it is given a part of this kind."""
        return type(self._behind)

    def __eq__(self, other: object) -> bool:
        return bool(self._behind == (other._behind if type(other) is Recorder else other))

    def __hash__(self) -> int:
        return hash(self._behind)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._behind, name)
        field = type(self._behind).model_fields.get(name)
        if field is None:
            return value
        path = f"{self._path}.{field.alias or name}".lstrip(".")
        if isinstance(value, Part):
            return Recorder(value, path, self._read)
        if path.startswith("spec."):
            self._read.add(path)
        return value


def read_by(rule: Rule, cases: Iterable[Case]) -> list[str]:
    """The fields, sorted; what the corpus does not reach is not seen."""
    read: set[str] = set()
    for case in cases:
        world = case.world()
        stand_in: Any = Recorder(world.deployment, "", read)
        rule.judge(replace(world, deployment=stand_in))
    return sorted(one for one in read if not any(it.startswith(f"{one}.") for it in read))


class Looks:
    """Stands for what was seen beside the cluster's API and notes which parts of it are asked for."""

    def __init__(self, behind: Observations, read: set[str]) -> None:
        self._behind = behind
        self._read = read

    def __getattr__(self, name: str) -> Any:
        self._read.add(name)
        return getattr(self._behind, name)


def looked_at_by(rule: Rule, cases: Iterable[Case]) -> set[str]:
    """The parts of Observations that a rule asks for; what the corpus does not reach is not seen."""
    read: set[str] = set()
    for case in cases:
        world = case.world()
        stand_in: Any = Looks(world.observed, read)
        rule.judge(replace(world, observed=stand_in))
    return read
