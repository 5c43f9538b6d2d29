"""The types of managed databases that the architecture names, as frozen values."""

from functools import cache
from importlib import resources

import yaml
from pydantic import TypeAdapter

from coder_cva.catalogue.model import Size


@cache
def database_types() -> dict[str, Size]:
    """What a machine of each type has, by the type's name; read once."""
    file = resources.files("coder_cva.catalogue") / "data" / "database_types.yaml"
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))["types"]
    return TypeAdapter(dict[str, Size]).validate_python(entries)
