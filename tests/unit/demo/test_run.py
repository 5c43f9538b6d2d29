"""`make run` names the cluster, asks, and hands the operator nothing of the user's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from demo import run
from harness import binaries, environment
from harness.errors import HarnessError

VIEW: dict[str, Any] = {
    "current-context": "staging",
    "clusters": [{"name": "c", "cluster": {"server": "https://k.example.com"}}],
    "users": [{"name": "u", "user": {"token": "the-user's-own"}}],
}
WORDS = ("it will be done in", "and nowhere else.")


def test_the_operators_kubeconfig_holds_its_own_token_only() -> None:
    """Whatever the user may do, the operator may not."""
    made = json.dumps(run.Target.read(VIEW).kubeconfig("its-own"))
    assert "its-own" in made
    assert "https://k.example.com" in made
    assert "the-user's-own" not in made


def test_without_a_context_it_says_what_to_set() -> None:
    """An empty kubeconfig is told, not crashed on."""
    with pytest.raises(HarnessError, match="set KUBECONFIG"):
        run.Target.read({"current-context": "", "clusters": None})


def test_the_context_named_in_the_environment_is_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    """CVA_YES names the context; another name is refused."""
    target = run.Target.read(VIEW)
    monkeypatch.setenv(environment.YES, "staging")
    run.confirm(target, *WORDS)
    monkeypatch.setenv(environment.YES, "production")
    with pytest.raises(HarnessError, match="is not the current context, staging"):
        run.confirm(target, *WORDS)


def test_without_kubectl_nothing_but_kubectl_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no kubectl waits for one program, not for a whole control plane."""
    asked: list[tuple[str, ...]] = []

    def ensure(_world: str, *, only: tuple[str, ...] = ()) -> dict[str, Path]:
        asked.append(only)
        return {"kubectl": Path("/built/kubectl")}

    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(binaries, "ensure", ensure)
    assert run.program() == "/built/kubectl"
    assert asked == [("kubectl",)]


def test_without_a_terminal_nobody_has_agreed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a pipeline the message says what to set; on a terminal the name has to be typed."""
    target = run.Target.read(VIEW)
    monkeypatch.delenv(environment.YES, raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(HarnessError, match="CVA_YES=staging"):
        run.confirm(target, *WORDS)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    with pytest.raises(HarnessError, match="nothing was done"):
        run.confirm(target, *WORDS)
    monkeypatch.setattr("builtins.input", lambda _: "staging")
    run.confirm(target, *WORDS)
    assert "https://k.example.com" in capsys.readouterr().out
