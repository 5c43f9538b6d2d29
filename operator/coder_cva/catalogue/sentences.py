"""The document's sentences in their order: what each asks for, or why it asks for nothing."""

from functools import cache
from importlib import resources
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator


class Sentence(BaseModel):
    """One sentence. What asks is quoted whole (``says``), what does not is named by its first words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    says: str = ""
    asks: tuple[str, ...] = ()
    """The ids of the clauses that it asks for."""
    begins: str = ""
    nothing: str = ""
    """Why it asks for nothing."""

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        asks, tells = bool(self.says and self.asks), bool(self.begins and self.nothing)
        mixed = (self.says or self.asks) and (self.begins or self.nothing)
        if asks == tells or mixed:
            raise ValueError("a sentence either says and asks, or begins and asks for nothing")
        return self


class Section(BaseModel):
    """The sentences under one heading of the document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heading: Annotated[str, Field(min_length=1)]
    sentences: Annotated[tuple[Sentence, ...], Field(min_length=1)]


@cache
def sections() -> tuple[Section, ...]:
    """The whole document in its order, read once."""
    file = resources.files("coder_cva.catalogue") / "data" / "sentences.yaml"
    found = yaml.safe_load(file.read_text(encoding="utf-8"))["sections"]
    return tuple(Section.model_validate(one) for one in found)


def asking(identity: str) -> tuple[str, ...]:
    """The sentences that ask for a clause, whole, in their order."""
    return tuple(
        sentence.says
        for section in sections()
        for sentence in section.sentences
        if identity in sentence.asks
    )
