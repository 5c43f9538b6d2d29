"""The types of managed databases that the architecture names, and which of them for how many users."""

from functools import cache
from importlib import resources
from typing import Any

import yaml
from pydantic import TypeAdapter

from coder_cva.catalogue.model import DatabaseByUsers, Size


@cache
def database_types() -> dict[str, Size]:
    """What a machine of each type has, by the type's name; read once."""
    return TypeAdapter(dict[str, Size]).validate_python(_data()["types"])


def database_for(users: int) -> DatabaseByUsers:
    """The row of the architecture's list of managed types that so many users lead to."""
    return next(one for one in _rows() if one.most is None or users <= one.most)


@cache
def _rows() -> tuple[DatabaseByUsers, ...]:
    """The list, the fewest users first; the last row has no end."""
    return TypeAdapter(tuple[DatabaseByUsers, ...]).validate_python(_data()["by_users"])


@cache
def _data() -> Any:
    file = resources.files("coder_cva.catalogue") / "data" / "database_types.yaml"
    return yaml.safe_load(file.read_text(encoding="utf-8"))
