"""Laws of all rules, over all worlds of the corpus: what is not read does not count, and needs are true."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import Report, Verdict
from coder_cva.rules.registry import ALL
from coder_cva.snapshot.discovery import discover
from coder_cva.snapshot.model import Absence, ClusterSnapshot, Gathered, Unavailable
from coder_cva.snapshot.needs import EXTENSIONS, Need
from support import corpus
from support.workspace_manifests import TOKEN

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

CASES = corpus.cases()
RULES = {rule.id: rule for rule in ALL}
JUDGED = (Verdict.PASSED, Verdict.FAILED)


@cache
def worlds() -> dict[str, World]:
    """The worlds of the corpus by name."""
    return {case.name: case.world() for case in CASES}


@cache
def report(name: str) -> Report:
    """What is said about one of them."""
    return evaluate(worlds()[name], strict=True)


def without(world: World, need: Need, reason: Absence) -> World:
    """The same world, in which one kind could not be read."""
    unread: dict[str, Any] = {need.value: Unavailable(reason, f"{need} is {reason}")}
    snapshot = replace(world.snapshot, **unread)
    return replace(world, snapshot=snapshot, found=discover(world.deployment, snapshot))


@pytest.mark.parametrize("need", Need)
def test_a_kind_that_is_taken_away_makes_its_rules_unknown_and_no_other_different(
    need: Need,
) -> None:
    """Nothing unseen passes or fails, by nobody's word; what a rule did not declare it did not look at, by no detour."""
    for name, world in worlds().items():
        for before, after in zip(
            report(name).results,
            evaluate(without(world, need, Absence.FORBIDDEN), strict=True).results,
            strict=True,
        ):
            rule = RULES.get(before.id)
            if rule is None or need not in rule.needs:
                assert after == before, name
            elif need not in world.snapshot.missing():
                assert after.verdict is Verdict.UNKNOWN, name
                assert after.findings == (), name


@pytest.mark.parametrize("need", sorted(EXTENSIONS))
def test_what_is_not_served_is_none_of(need: Need) -> None:
    """An extension that is not installed hides nothing: the answer is that of a cluster without such objects."""
    for name, world in worlds().items():
        expected = report(name)
        if world.snapshot.reading(need) != Gathered(()):
            none: dict[str, Any] = {need.value: Gathered(())}
            without_any = replace(world, snapshot=replace(world.snapshot, **none))
            expected = evaluate(without_any, strict=True)

        assert evaluate(without(world, need, Absence.NOT_SERVED), strict=True) == expected, name


class _Recording(ClusterSnapshot):
    """A snapshot that remembers what it was asked for."""

    def __init__(self, snapshot: ClusterSnapshot) -> None:
        super().__init__(**{one.name: getattr(snapshot, one.name) for one in fields(snapshot)})
        self.__dict__["asked"] = set()

    @property
    def asked(self) -> set[Need]:
        """Every kind that was asked for."""
        found: set[Need] = self.__dict__["asked"]
        return found

    def reading(self, need: Need) -> Any:
        """The reading, and the memory of it; ``items`` comes by here too."""
        self.asked.add(need)
        return super().reading(need)


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_a_rule_reads_only_what_it_declares(rule: Any) -> None:
    """From its needs follow the operator's rights, and when it is not asked; so they have to be true."""
    read: set[Need] = set()
    for world in worlds().values():
        if rule.needs & world.snapshot.missing().keys():
            continue
        snapshot = _Recording(world.snapshot)
        rule.judge(replace(world, snapshot=snapshot))
        read |= snapshot.asked

    assert read - rule.needs == set()


def test_the_recording_snapshot_records() -> None:
    """Else the test above could not fail."""
    snapshot = _Recording(next(iter(worlds().values())).snapshot)

    assert snapshot.items(Need.NODES)
    assert snapshot.asked == {Need.NODES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_agents_token_is_told(case: corpus.Case) -> None:
    """What a rule quotes goes into the status, which many may read."""
    assert TOKEN not in repr(report(case.name))
