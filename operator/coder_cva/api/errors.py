"""A CoderDeployment that cannot be understood: what is wrong, where, and what to write instead."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

BROKEN_RULES: Final = "cva_broken_rules"
"""The error type under which part.py reports all broken rules of one model at once."""
_ROOT_MARKERS: Final = frozenset({"int", "str", "function-before", "function-after"})


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to correct: the path of the field, and a sentence that says what to write."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class InvalidSpec(ValueError):
    """The resource cannot be understood. No retry helps: the user has to change it.

    ``reason`` goes into the condition; ``problems`` are sorted by path.
    """

    reason = "InvalidSpec"
    retry_after: float | None = None

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(set(problems)))
        super().__init__("; ".join(str(one) for one in self.problems))


def explain(error: ValidationError) -> InvalidSpec:
    """The same refusal in words of the resource: paths as users write them, remedies as sentences."""
    return InvalidSpec(problem for one in error.errors() for problem in _problems(one))


def _problems(error: Mapping[str, Any]) -> tuple[Problem, ...]:
    path = path_of(error["loc"])
    if error["type"] == BROKEN_RULES:
        return tuple(
            Problem(f"{path}{field_path}", message)
            for field_path, message in error["ctx"]["broken"]
        )
    return (Problem(path, _sentence(error)),)


def path_of(steps: Sequence[str | int]) -> str:
    """``("spec", "waivers", 0, "until")`` as ``spec.waivers[0].until``."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step not in _ROOT_MARKERS:
            text += f".{step}" if text else step
    return text


_ADVICE: Final = {
    "model_type": "write a mapping of fields",
    "dict_type": "write a mapping of fields",
    "tuple_type": "write a list",
    "string_type": "write a string, in quotes where YAML would read it as something else",
    "timezone_aware": "add the time zone, for example 2027-01-31T18:00:00Z",
}
"""The remedy for a refused value, by pydantic's type of error, where its own words say less."""


def _sentence(error: Mapping[str, Any]) -> str:
    """Pydantic's finding in the words of a Kubernetes user."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return "is required: add it"
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        advice = f"write one of {context['expected']}"
    else:
        advice = _ADVICE.get(kind, f"{error['msg'][:1].lower()}{error['msg'][1:]}")
    return f"is {_shown(error['input'])}: {advice}"


def _shown(value: Any) -> str:
    """The refused value, short enough for a condition's message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
