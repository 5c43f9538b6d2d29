"""Numbered laws of our conditions, run by the tests after every reconcile.

Sources: the API conventions on conditions, kstatus, and what `kubectl wait` looks at.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

_REASON = re.compile(r"^[A-Z][A-Za-z0-9]*$")
_Status = Mapping[str, Any]


def broken(status: _Status, generation: int) -> tuple[str, ...]:
    """The laws that this status breaks, each as its number and a sentence; () where all hold."""
    return tuple(sentence for law in _LAWS for sentence in law(status, generation))


def _by_type(status: _Status) -> dict[str, Mapping[str, Any]]:
    return {one["type"]: one for one in status.get("conditions", [])}


def s001_ready_is_always_there(status: _Status, _: int) -> Iterator[str]:
    """S001: an object without a Ready condition is taken as current by kstatus."""
    if "Ready" not in _by_type(status):
        yield "S001: there is no Ready condition"


def s002_stalled_is_not_ready(status: _Status, _: int) -> Iterator[str]:
    """S002: what is stalled is not ready."""
    found = _by_type(status)
    if "Stalled" in found and found.get("Ready", {}).get("status") != "False":
        yield "S002: Stalled is True and Ready is not False"


def s003_one_of_reconciling_and_stalled(status: _Status, _: int) -> Iterator[str]:
    """S003: progress and standstill exclude each other."""
    if {"Reconciling", "Stalled"} <= _by_type(status).keys():
        yield "S003: both Reconciling and Stalled are there"


def s004_abnormal_ones_are_true(status: _Status, _: int) -> Iterator[str]:
    """S004: the abnormal-true conditions are absent when they are not True."""
    for name in ("Reconciling", "Stalled"):
        if _by_type(status).get(name, {}).get("status", "True") != "True":
            yield f"S004: {name} is there and not True"


def s005_generations_do_not_run_ahead(status: _Status, generation: int) -> Iterator[str]:
    """S005: nothing was observed that was not yet written."""
    for one in status.get("conditions", []):
        if one.get("observedGeneration", 0) > generation:
            yield f"S005: {one['type']} has observed a generation that does not exist"


def s006_types_are_unique(status: _Status, _: int) -> Iterator[str]:
    """S006: a condition type appears once."""
    types = [one["type"] for one in status.get("conditions", [])]
    if len(types) != len(set(types)):
        yield "S006: a condition type appears twice"


def s007_reasons_and_messages_speak(status: _Status, _: int) -> Iterator[str]:
    """S007: a reason is one CamelCase word, a message is there and bounded."""
    for one in status.get("conditions", []):
        if not _REASON.match(one.get("reason", "")) or not 0 < len(one.get("message", "")) <= 1024:
            yield f"S007: {one['type']} has no proper reason or message"


def s008_conformant_is_not_true_by_silence(status: _Status, _: int) -> Iterator[str]:
    """S008: whoever says that the architecture is met shows the verdicts on which that rests."""
    conformant = _by_type(status).get("Conformant", {}).get("status")
    if conformant == "True" and not status.get("verdicts"):
        yield "S008: Conformant is True without an account of the clauses"


def s009_what_is_ready_is_not_under_way(status: _Status, _: int) -> Iterator[str]:
    """S009: kstatus reads Reconciling first; `kubectl wait` on Ready must not say otherwise."""
    found = _by_type(status)
    if "Reconciling" in found and found.get("Ready", {}).get("status") == "True":
        yield "S009: Reconciling and Ready are both True"


def s010_the_summary_counts_the_clauses(status: _Status, _: int) -> Iterator[str]:
    """S010: what the summary counts is what the account lists, each clause once."""
    verdicts = [said.split(" ")[0] for said in status.get("verdicts", {}).values()]
    summary = status.get("summary", {})
    for verdict in ("passed", "failed", "unknown", "notApplicable"):
        if summary.get(verdict, 0) != verdicts.count(verdict):
            yield f"S010: the summary's {verdict} is not the number of such clauses"


_LAWS: Final[tuple[Callable[[_Status, int], Iterator[str]], ...]] = (
    s001_ready_is_always_there,
    s002_stalled_is_not_ready,
    s003_one_of_reconciling_and_stalled,
    s004_abnormal_ones_are_true,
    s005_generations_do_not_run_ahead,
    s006_types_are_unique,
    s007_reasons_and_messages_speak,
    s008_conformant_is_not_true_by_silence,
    s009_what_is_ready_is_not_under_way,
    s010_the_summary_counts_the_clauses,
)
