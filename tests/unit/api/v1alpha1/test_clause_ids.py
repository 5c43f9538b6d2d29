"""The ids that a spec may name are those of the catalogue."""

from __future__ import annotations

import re

from coder_cva.api.v1alpha1 import clause_ids
from coder_cva.api.v1alpha1.governance import Attestation
from coder_cva.catalogue.clauses import clauses


def test_the_ids_are_those_of_the_catalogue() -> None:
    """A clause that is added to the catalogue can be waived, and none that does not exist."""
    assert set(clause_ids.CLAUSE_IDS) == {one.id for one in clauses()}


def test_the_description_names_what_can_be_attested() -> None:
    """`kubectl explain` tells for which clauses the user's word counts."""
    said = Attestation.model_fields["clause"].description or ""
    written = re.sub(r"CVA-OPS-003 to\s+005", "CVA-OPS-003, CVA-OPS-004, CVA-OPS-005", said)
    named = set(re.findall(r"CVA-[A-Z]+-[0-9]{3}", written.partition("Only")[2]))

    assert named == {one.id for one in clauses() if one.is_attestable}
