"""A policy's spec, as it is rendered for the API server, and what it says about one object.

The same text decides in both engines: where no MutatingAdmissionPolicy is served, a webhook asks here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from coder_cva.cel.functions import Function, Scope, compiled
from coder_cva.cel.operations import EvaluationError


@dataclass(frozen=True, slots=True)
class Review:
    """What is to be admitted: the object, its kind and namespace, and the policy's parameter."""

    object: Mapping[str, Any]
    kind: str
    namespace: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a policy adds to the object (JSON patches), and its objections; both empty for none."""

    patches: tuple[Mapping[str, Any], ...] = ()
    objections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Validation:
    holds: Function
    message: Function | None
    otherwise: str


class Policy:
    """A mutating or validating policy, compiled once. ``spec`` is that of the API server's own kind."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self._conditions = [compiled(one["expression"]) for one in spec.get("matchConditions", ())]
        self._variables = {
            one["name"]: compiled(one["expression"]) for one in spec.get("variables", ())
        }
        self._mutations = [
            compiled(one["jsonPatch"]["expression"]) for one in spec.get("mutations", ())
        ]
        self._validations = [_validation(one) for one in spec.get("validations", ())]

    def judge(self, review: Review) -> Verdict:
        """What it says about an object. Raises EvaluationError, where the API server ignores the policy."""
        scope: dict[str, Any] = {
            "object": review.object,
            "params": review.params,
            "request": {"namespace": review.namespace, "kind": {"kind": review.kind}},
        }
        if not all(_holds(one, scope) for one in self._conditions):
            return Verdict()
        scope["variables"] = _Variables(self._variables, scope)
        patches = tuple(patch for one in self._mutations for patch in one(scope))
        failed = (one for one in self._validations if not _holds(one.holds, scope))
        return Verdict(patches, tuple(_words(one, scope) for one in failed))


class _Variables(Mapping[str, Any]):
    """The policy's variables, each worked out when it is first asked for."""

    def __init__(self, functions: Mapping[str, Function], scope: Scope) -> None:
        self._functions = functions
        self._scope = scope
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._functions[name](self._scope)
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._functions

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)


def _validation(raw: Mapping[str, Any]) -> _Validation:
    message = raw.get("messageExpression")
    return _Validation(
        compiled(raw["expression"]), compiled(message) if message else None, raw["message"]
    )


def _holds(function: Function, scope: Scope) -> bool:
    value = function(scope)
    if not isinstance(value, bool):
        raise EvaluationError("a condition is neither true nor false")
    return value


def _words(validation: _Validation, scope: Scope) -> str:
    if validation.message is None:
        return validation.otherwise
    try:
        return str(validation.message(scope))
    except EvaluationError:
        return validation.otherwise
