"""A tree into a function of the variables: compiled once, called for each object.

An error on one side of ``||`` and ``&&`` does not count where the other side decides, as the language
has it; the same holds for ``exists`` and ``all``.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from coder_cva.cel.grammar import parse
from coder_cva.cel.operations import (
    FUNCTIONS,
    METHODS,
    NOTHING,
    OPERATORS,
    EvaluationError,
    Maybe,
    step,
)
from coder_cva.cel.tokens import UnknownExpression
from coder_cva.cel.tree import Call, Literal, Made, Name, Operation, Step, Tree

Scope: TypeAlias = Mapping[str, Any]
Function: TypeAlias = Callable[[Scope], Any]

_FAULTS: Final = (TypeError, AttributeError, KeyError, IndexError)


def compiled(expression: str) -> Function:
    """The function that an expression is; it raises EvaluationError. Raises UnknownExpression."""
    inner = _function(parse(expression))

    def evaluate(scope: Scope) -> Any:
        try:
            return inner(scope)
        except _FAULTS as error:
            raise EvaluationError(f"{type(error).__name__}: {error}") from error

    return evaluate


def _function(tree: Tree) -> Function:
    match tree:
        case Literal(value):
            return lambda _: value
        case Name(name):
            return _variable(name)
        case Made():
            return _made(tree)
        case Step(of, key, optional):
            return _step(_function(of), _function(key), optional=optional)
        case Operation(sign, operands):
            return _operation(sign, [_function(one) for one in operands])
        case Call():
            return _call(tree)


def _variable(name: str) -> Function:
    def value(scope: Scope) -> Any:
        if name not in scope:
            raise EvaluationError(f"there is no {name}")
        return scope[name]

    return value


def _made(tree: Made) -> Function:
    if tree.pairs is None:
        items = [_function(one) for one in tree.items]
        return lambda scope: [one(scope) for one in items]
    pairs = [(_function(key), _function(value)) for key, value in tree.pairs]
    return lambda scope: {key(scope): value(scope) for key, value in pairs}


def _step(of: Function, key: Function, *, optional: bool) -> Function:
    def value(scope: Scope) -> Any:
        whole = of(scope)
        if isinstance(whole, Maybe):
            # What may be missing is asked on: the answer may be missing too.
            return step(whole.value, key(scope)) if whole.there else NOTHING
        found = step(whole, key(scope))
        if optional:
            return found
        if not found.there:
            raise EvaluationError(f"there is no {key(scope)!r}")
        return found.value

    return value


def _operation(sign: str, operands: list[Function]) -> Function:
    if sign == "?:":
        condition, yes, no = operands
        return lambda scope: yes(scope) if _truth(condition(scope)) else no(scope)
    if sign in ("||", "&&"):
        decisive = sign == "||"
        return lambda scope: _decided(((one, scope) for one in operands), decisive=decisive)
    if len(operands) == 1:
        (only,) = operands
        return (lambda scope: not _truth(only(scope))) if sign == "!" else (lambda s: -only(s))
    act, (left, right) = OPERATORS[sign], operands
    return lambda scope: act(left(scope), right(scope))


def _decided(cases: Iterable[tuple[Function, Scope]], *, decisive: bool) -> bool:
    """``decisive`` if any case says so, else the error of one that failed, else the opposite."""
    failed: Exception | None = None
    for function, scope in cases:
        try:
            if _truth(function(scope)) is decisive:
                return decisive
        except (EvaluationError, *_FAULTS) as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return not decisive


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise EvaluationError(f"neither true nor false: {type(value).__name__}")
    return value


def _call(call: Call) -> Function:
    if call.of is None:
        return _plain(call)
    if call.of == Name("optional") and call.name == "of":
        (given,) = map(_function, call.arguments)
        return lambda scope: Maybe(there=True, value=given(scope))
    if call.name in _MACROS:
        return _macro(call, _function(call.of))
    act = _known(METHODS, call.name)
    every = [_function(call.of), *map(_function, call.arguments)]
    return lambda scope: act(*(one(scope) for one in every))


def _plain(call: Call) -> Function:
    if call.name == "has":
        (asked,) = call.arguments
        if not isinstance(asked, Step):
            raise UnknownExpression("has() asks for a field")
        found = _step(_function(asked.of), _function(asked.key), optional=True)
        return lambda scope: bool(found(scope).there)
    act = _known(FUNCTIONS, call.name)
    arguments = [_function(one) for one in call.arguments]
    return lambda scope: act(*(one(scope) for one in arguments))


def _known(table: Mapping[str, Callable[..., Any]], name: str) -> Callable[..., Any]:
    if name not in table:
        raise UnknownExpression(f"no function of this name is known here: {name}")
    return table[name]


def _macro(call: Call, of: Function) -> Function:
    """Something done with each item of a list (or key of a map), under the names that come first."""
    count = 2 if call.name == "transformList" else 1
    names = [one.name for one in call.arguments[:count] if isinstance(one, Name)]
    bodies = [_function(one) for one in call.arguments[count:]]
    if len(names) != count or not bodies:
        raise UnknownExpression(f"{call.name} takes {count} names and an expression")
    act = _MACROS[call.name]

    def value(scope: Scope) -> Any:
        whole = of(scope)
        if not isinstance(whole, (list, dict, Mapping)):
            raise EvaluationError(f"{call.name} of a {type(whole).__name__}")
        pairs = enumerate(whole) if isinstance(whole, list) else whole.items()
        if count == 2:
            return act(
                (({**scope, names[0]: key, names[1]: one}, one) for key, one in pairs), bodies
            )
        return act((({**scope, names[0]: one}, one) for one in whole), bodies)

    return value


_Items: TypeAlias = Iterable[tuple[Scope, Any]]


def _mapped(items: _Items, bodies: list[Function]) -> list[Any]:
    """With two expressions the first one chooses."""
    *choices, made = bodies
    return [made(scope) for scope, _ in items if all(_truth(choice(scope)) for choice in choices)]


def _filtered(items: _Items, bodies: list[Function]) -> list[Any]:
    return [one for scope, one in items if _truth(bodies[0](scope))]


_MACROS: Final[Mapping[str, Callable[[_Items, list[Function]], Any]]] = {
    "all": lambda items, bodies: _decided(
        ((bodies[0], scope) for scope, _ in items), decisive=False
    ),
    "exists": lambda items, bodies: _decided(
        ((bodies[0], scope) for scope, _ in items), decisive=True
    ),
    "filter": _filtered,
    "map": _mapped,
    "transformList": _mapped,
}
