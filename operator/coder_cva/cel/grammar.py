"""Words into a tree, by the precedence of the language: ``?:``, ``||``, ``&&``, relations, ``+``, ``!``, steps.

Source of the grammar: the CEL specification's language definition, of which this is a part.
"""

from typing import Final

from coder_cva.cel.tokens import END, Token, UnknownExpression, tokens
from coder_cva.cel.tree import Call, Literal, Made, Name, Operation, Step, Tree

_LEVELS: Final[tuple[frozenset[str], ...]] = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"==", "!=", "<", "<=", ">", ">=", "in"}),
    frozenset({"+", "-"}),
)
_WORDS: Final = {"true": True, "false": False, "null": None}
_MESSAGES: Final = frozenset({"JSONPatch"})
"""Messages that are made like a map, whose keys are names."""


def parse(expression: str) -> Tree:
    """The tree of an expression. Raises UnknownExpression."""
    reading = _Reading(tokens(expression))
    tree = reading.whole()
    reading.expect(END)
    return tree


class _Reading:
    """The words, and how far they have been read."""

    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._at = 0

    def whole(self) -> Tree:
        condition = self._level(0)
        if not self._takes("?"):
            return condition
        yes = self.whole()
        self.expect(":")
        return Operation("?:", (condition, yes, self.whole()))

    def expect(self, text: str) -> None:
        if text == END and self._next.kind == END:
            return
        if not self._takes(text):
            raise UnknownExpression(f"{text!r} was expected before {self._next.text!r}")

    @property
    def _next(self) -> Token:
        return self._words[self._at]

    def _takes(self, text: str) -> bool:
        found = self._next.text == text and self._next.kind in ("sign", "name")
        self._at += found
        return found

    def _take(self) -> Token:
        token = self._next
        self._at += 1
        return token

    def _level(self, depth: int) -> Tree:
        if depth == len(_LEVELS):
            return self._unary()
        left = self._level(depth + 1)
        while self._next.kind in ("sign", "name") and self._next.text in _LEVELS[depth]:
            sign = self._take().text
            left = Operation(sign, (left, self._level(depth + 1)))
        return left

    def _unary(self) -> Tree:
        for sign in ("!", "-"):
            if self._takes(sign):
                return Operation(sign, (self._unary(),))
        return self._steps(self._primary())

    def _steps(self, tree: Tree) -> Tree:
        while True:
            sign = self._next.text if self._next.kind == "sign" else ""
            if sign in (".", ".?"):
                self._at += 1
                tree = self._member(tree, optional=sign == ".?")
            elif sign in ("[", "[?"):
                self._at += 1
                key = self.whole()
                self.expect("]")
                tree = Step(tree, key, optional=sign == "[?")
            else:
                return tree

    def _member(self, tree: Tree, *, optional: bool) -> Tree:
        token = self._take()
        if token.kind != "name":
            raise UnknownExpression(f"no name of a field: {token.text!r}")
        if not optional and self._takes("("):
            return Call(token.text, tree, self._until(")"))
        return Step(tree, Literal(token.text), optional=optional)

    def _primary(self) -> Tree:
        token = self._take()
        if token.kind == "string":
            return Literal(token.text)
        if token.kind == "int":
            return Literal(int(token.text))
        if token.kind == "name":
            return self._named(token.text)
        if token.text == "(":
            inner = self.whole()
            self.expect(")")
            return inner
        if token.text == "[":
            return Made(items=self._until("]"))
        if token.text == "{":
            return self._map(keys_are_names=False)
        raise UnknownExpression(f"nothing begins with {token.text!r}")

    def _named(self, name: str) -> Tree:
        if name in _WORDS:
            return Literal(_WORDS[name])
        if name in _MESSAGES and self._takes("{"):
            return self._map(keys_are_names=True)
        if self._takes("("):
            return Call(name, None, self._until(")"))
        return Name(name)

    def _until(self, end: str) -> tuple[Tree, ...]:
        found: list[Tree] = []
        while not self._takes(end):
            if found:
                self.expect(",")
            found.append(self.whole())
        return tuple(found)

    def _map(self, *, keys_are_names: bool) -> Tree:
        pairs: list[tuple[Tree, Tree]] = []
        while not self._takes("}"):
            if pairs:
                self.expect(",")
            key = Literal(self._take().text) if keys_are_names else self.whole()
            self.expect(":")
            pairs.append((key, self.whole()))
        return Made(pairs=tuple(pairs))
