"""The environment variables that coder reads, as data: which releases know a name, and what follows it."""

import re
from functools import cache
from importlib import resources
from typing import Annotated, Literal, TypeAlias

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict

Release: TypeAlias = tuple[int, int, int]
"""Major, minor and patch of a release of Coder."""


def _numbers(text: object) -> tuple[int, ...]:
    return tuple(int(one) for one in str(text).split("."))


_Release = Annotated[Release, BeforeValidator(_numbers)]

Kind = Literal[
    "address",
    "bool",
    "duration",
    "file",
    "int",
    "list",
    "regexp",
    "string",
    "structure",
    "url",
]


class _Dated(BaseModel):
    """Something that coderd reads from one release on, and perhaps not for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: _Release = (0, 0, 0)
    until: _Release | None = None
    """The last release that read it; None while it is read."""
    deprecated: _Release | None = None
    """The first release that told of something better; None for none."""

    def is_read_by(self, version: Release) -> bool:
        """Whether a release reads it."""
        return self.since <= version and not self.is_gone_in(version)

    def is_gone_in(self, version: Release) -> bool:
        """Whether a release reads it no longer."""
        return self.until is not None and version > self.until


class Variable(_Dated):
    """A variable of ``coder server``. An empty ``default`` stands for none, or one that is worked out."""

    kind: Kind
    flag: str = ""
    """The argument that says the same, without its dashes; "" where it follows from the name."""
    default: str = ""
    secret: bool = False
    successors: tuple[str, ...] = ()
    """What is read in its place where it is deprecated; () where nothing is."""


class Indexed(_Dated):
    """Variables by number, ``prefix`` and number and field: ``CODER_EXTERNAL_AUTH_0_ID``."""

    prefix: str
    fields: frozenset[str]
    successor: str = ""
    """The prefix that took its place."""

    def split(self, name: str) -> tuple[str, str] | None:
        """The name up to its field, and the field; None for a name of another form."""
        found = re.fullmatch(rf"({re.escape(self.prefix)}[0-9]+_)(\w+)", name, re.ASCII)
        return (found[1], found[2]) if found else None


class Variables(BaseModel):
    """Every name that is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    newest: _Release
    """The newest release whose names are known; a later one may have more."""
    server: dict[str, Variable]
    indexed: tuple[Indexed, ...]
    elsewhere: dict[str, str]
    """Names that other processes read and coderd does not: who does."""
    commands: frozenset[str]
    """Names that commands inside coderd's container read, or coderd past its options."""

    def family(self, name: str) -> Indexed | None:
        """The variables by number of which a name is one, by its beginning."""
        return next((one for one in self.indexed if name.startswith(one.prefix)), None)


@cache
def variables() -> Variables:
    """The names, read once."""
    file = resources.files("coder_cva.catalogue") / "data" / "server_variables.yaml"
    return Variables.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
