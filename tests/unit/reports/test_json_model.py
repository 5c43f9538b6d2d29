"""The published schema says what the report holds, and nothing that it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from coder_cva.reports.json_model import VERSION, ReportShape, schema

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = json.loads((ROOT / "tests" / "golden" / "reports" / "audit.json").read_text("utf-8"))


def objects(kind: dict[str, Any]) -> list[dict[str, Any]]:
    """The schema itself and what it refers to, as far as they are objects."""
    return [one for one in (kind, *kind["$defs"].values()) if one.get("type") == "object"]


def test_a_report_is_as_the_schema_says() -> None:
    """No field is lost on the way through it, and none is there that it does not know."""
    read = ReportShape.model_validate(GOLDEN)

    assert read.model_dump(mode="json", by_alias=True) == GOLDEN


def test_every_field_is_promised() -> None:
    """A program may rely on each; a newer report with more of them is still one of this version."""
    for one in objects(schema()):
        assert set(one["required"]) == set(one["properties"])
        assert "additionalProperties" not in one
    assert schema()["properties"]["report"]["const"] == VERSION


def test_nothing_internal_is_told() -> None:
    """Descriptions are for whoever reads the file: no Python, no class names."""
    text = json.dumps(schema())

    assert "coder_cva." not in text
    assert "``" not in text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("report", "cva.coder.com/audit/v2"),
        ("conformant", "Perhaps"),
        ("summary", {"passed": -1}),
        ("clauses", [{"id": "NET-1"}]),
    ],
)
def test_what_is_no_report_is_refused(field: str, value: Any) -> None:
    """The schema is not one that allows everything."""
    with pytest.raises(ValidationError):
        ReportShape.model_validate({**GOLDEN, field: value})
