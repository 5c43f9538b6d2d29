from __future__ import annotations

from typing import Any

import pytest

from coder_cva.cel.operations import EvaluationError
from coder_cva.cel.policy import Policy, Review, Verdict


def review(**spec: Any) -> Review:
    return Review({"metadata": {"name": "x"}, "spec": spec}, "Pod", "dev", {"limit": 2})


def test_conditions_come_first_and_variables_when_they_are_asked_for() -> None:
    """Nothing is worked out for an object that the policy is not about."""
    policy = Policy(
        {
            "matchConditions": [{"name": "a", "expression": "has(object.spec.size)"}],
            "variables": [
                {"name": "broken", "expression": "object.none"},
                {"name": "twice", "expression": "object.spec.size + object.spec.size"},
            ],
            "mutations": [
                {
                    "patchType": "JSONPatch",
                    "jsonPatch": {
                        "expression": "'twice' in variables ? [JSONPatch{op: 'add', path: '/spec/twice', "
                        "value: variables.twice}] : []"
                    },
                }
            ],
        }
    )
    assert policy.judge(review()) == Verdict()
    assert policy.judge(review(size=2)).patches == (
        {"op": "add", "path": "/spec/twice", "value": 4},
    )


def test_objections_are_in_the_policys_words() -> None:
    """The expression of the message where it can be worked out, else the plain one."""
    policy = Policy(
        {
            "validations": [
                {
                    "expression": "object.spec.size <= params.limit",
                    "message": "too large",
                    "messageExpression": "request.kind.kind + ' in ' + request.namespace + ' is too large'",
                },
                {
                    "expression": "object.spec.size != 3",
                    "message": "three",
                    "messageExpression": "object.spec.none",
                },
                {"expression": "object.spec.size > 0", "message": "nothing"},
            ]
        }
    )
    assert policy.judge(review(size=1)).objections == ()
    assert policy.judge(review(size=3)).objections == ("Pod in dev is too large", "three")
    assert policy.judge(review(size=0)).objections == ("nothing",)


def test_a_condition_that_is_no_condition_is_an_error() -> None:
    """The API server refuses such a policy; here it is ignored like any other error."""
    with pytest.raises(EvaluationError):
        Policy({"matchConditions": [{"name": "a", "expression": "1"}]}).judge(review())
