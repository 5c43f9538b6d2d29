"""`make uninstall` asks first, and knows when somebody still acts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from demo import run, uninstall
from harness import environment
from harness.errors import HarnessError

VIEW = {
    "current-context": "staging",
    "clusters": [{"name": "c", "cluster": {"server": "https://k.example.com"}}],
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What kubectl was asked; it answers with a Lease that was renewed a moment ago."""
    commands: list[tuple[str, ...]] = []

    def call(_kubectl: str, *arguments: str) -> str:
        commands.append(arguments)
        return json.dumps({"spec": lease(seconds=1)}) if "lease" in arguments else ""

    monkeypatch.setattr(run, "call", call)
    monkeypatch.setattr(run, "program", lambda: "kubectl")
    monkeypatch.setattr(run, "view", lambda _kubectl: VIEW)
    monkeypatch.setattr(uninstall, "PATIENCE", 0)
    monkeypatch.setattr(uninstall, "PAUSE", 0)
    return commands


def lease(seconds: float) -> dict[str, Any]:
    """A Lease's spec that somebody renewed so long ago."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    return {"holderIdentity": "laptop_1", "renewTime": moment.isoformat().replace("+00:00", "Z")}


def test_nothing_is_touched_before_somebody_has_agreed(
    asked: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal names the context, and what to set."""
    monkeypatch.delenv(environment.YES, raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)

    with pytest.raises(HarnessError, match=r"removed from context staging .*CVA_YES=staging"):
        uninstall.uninstall()
    assert asked == []


def test_while_an_operator_leads_nothing_goes(
    asked: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would make again what is deleted; its name is told."""
    monkeypatch.setenv(environment.YES, "staging")

    with pytest.raises(HarnessError, match=r"still acts here \(laptop_1\)"):
        uninstall.uninstall()
    assert [one for one in asked if one[0] == "delete"] == [
        (
            "delete",
            "deployment",
            "coder-cva-operator",
            "-n",
            "coder-cva-system",
            "--ignore-not-found",
        )
    ]


@pytest.mark.parametrize(
    ("age", "laid_over", "leads"),
    [
        (1, {}, "laptop_1"),
        (3600, {}, ""),
        (1, {"renewTime": None}, ""),
        (1, {"holderIdentity": ""}, ""),
        (None, {}, ""),
    ],
    ids=["renewed", "of one that was killed", "never renewed", "given back", "none"],
)
def test_who_leads(
    monkeypatch: pytest.MonkeyPatch, age: float | None, laid_over: dict[str, Any], leads: str
) -> None:
    """A Lease that nobody renews any more is nobody's."""
    answer = "" if age is None else json.dumps({"spec": {**lease(age), **laid_over}})
    monkeypatch.setattr(run, "call", lambda *_: answer)

    assert uninstall.Cluster("kubectl")._leader() == leads
