"""What a cluster needs to run at all, as data: by namespace, and by the names that workloads give themselves."""

from functools import cache
from importlib import resources

import yaml
from pydantic import BaseModel, ConfigDict


class Addons(BaseModel):
    """Names of add-ons. A name that is missing makes a finding of severity advisory, which a waiver answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespaces: frozenset[str]
    prefixes: tuple[str, ...]
    workloads: frozenset[str]

    def has_namespace(self, name: str) -> bool:
        """Whether a namespace of this name is that of an add-on, or the cluster's own."""
        return name in self.namespaces or name.startswith(self.prefixes)


@cache
def addons() -> Addons:
    """The names, read once."""
    file = resources.files("coder_cva.catalogue") / "data" / "addons.yaml"
    return Addons.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
