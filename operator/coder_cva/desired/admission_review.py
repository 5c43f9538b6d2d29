"""What a webhook of ours answers: the same specs that the API server gets as policies, evaluated here.

As there, an error in an expression is no reason to keep anybody from starting: nothing is done then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from coder_cva.cel.operations import EvaluationError
from coder_cva.cel.policy import Policy, Review
from coder_cva.desired.admission_names import HOST_VOLUMES, SPECS
from coder_cva.values.manifest import dig


@dataclass(frozen=True, slots=True)
class Answer:
    """What is added to the object, what its maker is warned of, why it is refused; all empty for nothing."""

    patches: tuple[Mapping[str, Any], ...] = ()
    warning: str = ""
    denial: str = ""
    fault: str = ""
    """Why nothing was done, where an expression could not be evaluated."""


def answer(name: str, review: Review) -> Answer:
    """The answer of the policy of this name about one object."""
    try:
        verdict = _policy(name).judge(review)
    except EvaluationError as error:
        return Answer(fault=str(error))
    if not verdict.objections:
        return Answer(patches=verdict.patches)
    objection = verdict.objections[0]
    if name == HOST_VOLUMES and _host_volumes(review) == "Warn":
        return Answer(warning=objection)
    return Answer(denial=objection)


def prepare() -> None:
    """Compiles all policies, so that the first workspace does not wait for it."""
    for name in SPECS:
        _policy(name)


@cache
def _policy(name: str) -> Policy:
    return Policy(SPECS[name]())


def _host_volumes(review: Review) -> Any:
    return dig(review.params, "spec", "workspaces", "hostVolumes")
