"""The ids that a spec may name are those of the catalogue."""

from __future__ import annotations

from coder_cva.api.v1alpha1 import clause_ids
from coder_cva.catalogue.clauses import clauses


def test_the_ids_are_those_of_the_catalogue() -> None:
    """A clause that is added to the catalogue can be waived, and none that does not exist."""
    assert set(clause_ids.CLAUSE_IDS) == {one.id for one in clauses()}


def test_what_can_be_attested_is_what_the_catalogue_lets_people_attest() -> None:
    """The user's word counts for these clauses and for no other."""
    assert tuple(one.id for one in clauses() if one.is_attestable) == clause_ids.ATTESTABLE
