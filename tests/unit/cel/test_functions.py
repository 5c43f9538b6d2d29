from __future__ import annotations

from typing import Any

import pytest

from coder_cva.cel.functions import compiled
from coder_cva.cel.operations import EvaluationError, Maybe
from coder_cva.cel.tokens import UnknownExpression

SCOPE: dict[str, Any] = {
    "object": {
        "spec": {
            "containers": [{"name": "dev", "env": [{"name": "A"}]}, {"name": "side"}],
            "nodeSelector": {"pool": "ws"},
            "flag": True,
        }
    }
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 - 1 == 2", True),
        ("'a' + \"b\" == 'ab'", True),
        ("[1] + [2, 3]", [1, 2, 3]),
        ("true ? 1 : false ? 2 : 3", 1),
        ("false || true && !false", True),
        ("1 == true", False),
        ("[1, {'a': true}] == [1, {'a': 1}]", False),
        ("{'a': [1]} == {'a': [1]}", True),
        ("'b' in ['a', 'b'] && !('c' in {'a': 1}) && 1 <= 1 && 2 > 1 && 0 >= -1 && 0 < 1", True),
        ("object.spec.?containers.orValue([]).size()", 2),
        ("object.spec.?missing.?deeper.orValue('none')", "none"),
        ("object.spec.?missing.deeper[0].orValue('none')", "none"),
        ("object.spec.nodeSelector[?'pool'].orValue('')", "ws"),
        ("object.spec.nodeSelector[?'pool'] == optional.of('ws')", True),
        ("object.spec.nodeSelector[?'other'] == optional.of('ws')", False),
        ("object.spec.?nodeSelector.hasValue()", True),
        ("has(object.spec.flag) && !has(object.spec.other)", True),
        ("object.spec.containers[1].name", "side"),
        ("object.spec.containers.map(c, c.name)", ["dev", "side"]),
        ("object.spec.containers.map(c, has(c.env), c.name).join(', ')", "dev"),
        ("object.spec.containers.filter(c, !has(c.env)).size()", 1),
        ("object.spec.containers.transformList(i, c, i > 0, string(i) + c.name)", ["1side"]),
        ("object.spec.nodeSelector.all(k, object.spec.nodeSelector[k] == 'ws')", True),
        ("object.spec.containers.exists(c, c.env.exists(e, e.name == 'A'))", True),
        ("JSONPatch{op: 'add', path: '/x', value: {'k': dyn(1)}}", {"op": "add", "path": "/x", "value": {"k": 1}}),
        ("quantity('1Gi').compareTo(quantity('1024Mi'))", 0),
        ("quantity('2G').compareTo(quantity('1Gi')) >= 0", True),
        ("'nvidia.com/gpu'.contains('/')", True),
        ("'a/b/c'.split('/')", ["a", "b", "c"]),
        ("''.split('/')", [""]),
        ("'a/b/c'.lastIndexOf('/') + 'abc'.lastIndexOf('/')", 2),
        ("'abc'.substring(1) + 'abc'.substring(0, 1) + 'abc'.substring(3)", "bca"),
        ("string(true) + string(1) + 'it\\'s'", "true1it's"),
        ("null == null", True),
    ],
)  # fmt: skip
def test_an_expression_means_what_the_language_says(expression: str, value: Any) -> None:
    """By hand from the specification of CEL; the API server's own word is in the parity suite."""
    assert compiled(expression)(SCOPE) == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("object.none == 1 || true", True),
        ("true || object.none == 1", True),
        ("object.none == 1 && false", False),
        ("[1, 2].exists(x, x == 1 ? object.none : x == 2)", True),
        ("[1, 2].all(x, x == 1 ? object.none : x != 2)", False),
    ],
)
def test_an_error_does_not_count_where_the_other_side_decides(expression: str, value: bool) -> None:
    """The logical operators of CEL know no order."""
    assert compiled(expression)(SCOPE) is value


@pytest.mark.parametrize(
    "expression",
    [
        "object.none",
        "object.none || false",
        "object.spec.containers[9]",
        "missing",
        "1 && true",
        "'a' + 1",
        "1 in 2",
        "object.spec.flag.size()",
        "object.spec.flag.map(x, x)",
        "object.spec.flag.deeper",
        "object.spec.nodeSelector.orValue({})",
        "object.spec.hasValue()",
        "quantity('many').compareTo(quantity('1'))",
        "1 < 'a'",
        "1.contains('a')",
        "1.split('a')",
        "'abc'.substring(4)",
        "'abc'.substring(-1)",
        "'abc'.substring(2, 1)",
        "1.lastIndexOf('a')",
    ],
)
def test_what_cannot_be_evaluated_is_an_error(expression: str) -> None:
    """And never an answer: a policy with an error is ignored, as the API server does."""
    with pytest.raises(EvaluationError):
        compiled(expression)(SCOPE)


@pytest.mark.parametrize(
    "expression",
    ["", "1 +", "a.", "a ? b", "[1", "{'a' 1}", "f(", "#", "unheard('of')", "x.unheard()",
     "has(x)", "[1].map(x)", "[1].map(1, 2)", "a.1", ")"],
)  # fmt: skip
def test_what_is_no_expression_is_refused_before_any_object_is_seen(expression: str) -> None:
    """All expressions are compiled when the process starts, so that a fault of ours shows at once."""
    with pytest.raises(UnknownExpression):
        compiled(expression)


def test_an_optional_value_is_seen_as_one() -> None:
    """What may be missing stays so until somebody says what then."""
    assert compiled("object.?spec.?flag")(SCOPE) == Maybe(there=True, value=True)
