"""What became of changes: the score counts what means something else, and says which of it nobody noticed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mutants import areas, outcome, tree
from support.installation import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def line(outcome: str, at: int = 1, operator: str = "core/NumberReplacer") -> str:
    """A line of the dump, as cosmic-ray 8.7 writes it."""
    mutation: dict[str, Any] = {
        "module_path": "operator/coder_cva/sizing/load.py",
        "operator_name": operator,
        "start_pos": [at, 0],
    }
    result = {"worker_outcome": "normal", "test_outcome": outcome}
    return json.dumps([{"job_id": "1", "mutations": [mutation]}, result])


def test_the_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equivalent changes count neither way."""
    source = (ROOT / "operator/coder_cva/sizing/load.py").read_text("utf-8").splitlines()[2]
    known = [
        {"module": "*", "change": ["AddNot", "Other"], "source": ["x", source], "why": "so"},
        {"module": "sizing/load.py", "change": "NumberReplacer", "source": "y", "why": "so"},
    ]
    listed = tmp_path / "equivalent.yaml"
    listed.write_text(json.dumps(known))
    monkeypatch.setattr(outcome, "EQUIVALENT", listed)

    found = outcome.outcome(
        [line("killed"), line("killed"), line("survived"), line("survived", 3, "core/AddNot")],
        ROOT,
    )

    assert (found.tried, found.explained) == (4, 1)
    assert [(one.line, one.change) for one in found.survivors] == [(1, "NumberReplacer")]
    assert round(found.score, 1) == 66.7


def test_a_change_that_was_not_tried_is_no_success() -> None:
    """An interrupted run gives no score."""
    with pytest.raises(ValueError, match="not tried"):
        outcome.outcome([json.dumps([{"job_id": "1", "mutations": []}, None])], ROOT)


@pytest.mark.parametrize("area", areas.ALL, ids=lambda area: area.name)
def test_every_area_is_there(area: areas.Area) -> None:
    """Modules and tests that moved are noticed here, and not after an hour."""
    assert all((ROOT / tree.PACKAGE / one).is_file() for one in area.modules)
    assert all((ROOT / one).exists() for one in area.tests)
    assert set(area.tests) < set(tree.words(area))
    assert str(tree.socket_of(area)) in tree.command(area)
