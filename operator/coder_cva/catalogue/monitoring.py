"""By what programs of monitoring are recognised, as data: the parts of Coder's bundle, and what others use instead."""

from collections.abc import Collection
from functools import cache, lru_cache
from importlib import resources
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict

PARTS: Final = ("Prometheus", "Grafana", "Loki", "Alertmanager")
"""The parts of Coder's observability bundle."""
BUNDLE: Final = "coder-observability"
"""The bundle's namespace and release, as Coder's documentation calls them."""


class Program(BaseModel):
    """A program's names, and the repositories of its images without their registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: frozenset[str]
    images: frozenset[str]

    def is_it(self, names: Collection[str], image: str) -> bool:
        """Whether a Pod of these names and this image is one; the image may come from a mirror."""
        if not self.names.isdisjoint(names):
            return True
        repository = f"/{image.partition('@')[0]}/".replace(":", "/")
        return any(f"/{one}/" in repository for one in self.images)


class Programs(BaseModel):
    """All programs by what they are called."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parts: dict[str, Program]
    logs: dict[str, Program]
    also_logs: frozenset[str]
    collectors: dict[str, Program]
    others: dict[str, Program]
    system: dict[str, Program]


@cache
def programs() -> Programs:
    """The programs, read once."""
    file = resources.files("coder_cva.catalogue") / "data" / "monitoring.yaml"
    return Programs.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


@lru_cache(maxsize=4_096)
def program_of(names: tuple[str, ...], image: str) -> str:
    """What a Pod's program is called, "" for any other. The narrower ones come first: some share an image's name."""
    known = programs()
    for kind in (known.system, known.others, known.logs, known.collectors, known.parts):
        for name, program in kind.items():
            if program.is_it(names, image):
                return name
    return ""
