"""Laws of all rules, over all worlds of the corpus: what is not read does not count, and needs are true."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

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
    from coder_cva.rules.model import Rule
    from coder_cva.snapshot.world import World

CASES = corpus.cases()
RULES = {rule.id: rule for rule in ALL}


@cache
def worlds() -> dict[str, World]:
    """The worlds of the corpus by name."""
    return {case.name: case.world() for case in CASES}


@cache
def report(name: str) -> Report:
    """What is said about one of them; no rule raises."""
    return evaluate(worlds()[name], strict=True)


class _Recording(ClusterSnapshot):
    """A snapshot that remembers what it was asked for, by whatever way."""

    def __init__(self, snapshot: ClusterSnapshot) -> None:
        super().__init__(**{one.name: getattr(snapshot, one.name) for one in fields(snapshot)})
        self.__dict__["asked"] = set()

    @property
    def asked(self) -> set[Need]:
        """Every kind that was asked for."""
        found: set[Need] = self.__dict__["asked"]
        return found

    def __getattribute__(self, name: str) -> Any:
        """``reading``, ``items``, ``within`` and ``missing`` come by here too."""
        if name in _KINDS and "asked" in self.__dict__:
            self.asked.add(Need(name))
        return super().__getattribute__(name)


_KINDS: Final = frozenset(Need)


@cache
def looked_at(name: str, rule: str) -> frozenset[Need]:
    """The kinds that a rule asks for in one of the worlds; none where it is not asked itself."""
    world = worlds()[name]
    if RULES[rule].needs & world.snapshot.missing().keys():
        return frozenset()
    snapshot = _Recording(world.snapshot)
    # A new world: what another rule was told, and the old one remembers, is asked for again.
    RULES[rule].judge(replace(world, snapshot=snapshot))
    return frozenset(snapshot.asked)


def concerned(name: str, need: Need, changed: World) -> list[Rule]:
    """The rules that may say something else in a world of which one kind was changed.

    A rule is a pure function: where it asks for no object of that kind, and what was discovered is the
    same, it is given nothing else than before and says nothing else. So it is not asked again.
    """
    if changed.found != worlds()[name].found:
        return list(ALL)
    return [rule for rule in ALL if need in rule.needs or need in looked_at(name, rule.id)]


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
        less = without(world, need, Absence.FORBIDDEN)
        asked = concerned(name, need, less)
        for before, after in zip(
            report(name).results, evaluate(less, asked, strict=True).results, strict=True
        ):
            rule = RULES.get(before.id)
            if rule is None or (need not in rule.needs and rule in asked):
                assert after == before, name
            elif need in rule.needs and need not in world.snapshot.missing():
                assert after.verdict is Verdict.UNKNOWN, name
                assert after.findings == (), name


@pytest.mark.parametrize("need", sorted(EXTENSIONS))
def test_what_is_not_served_is_none_of(need: Need) -> None:
    """An extension that is not installed hides nothing: the answer is that of a cluster without such objects."""
    none: dict[str, Any] = {need.value: Gathered(())}
    for name, world in worlds().items():
        away = without(world, need, Absence.NOT_SERVED)
        without_any = replace(world, snapshot=replace(world.snapshot, **none))
        asked = concerned(name, need, away)

        assert evaluate(away, asked, strict=True) == evaluate(without_any, asked, strict=True), name


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_a_rule_reads_only_what_it_declares(rule: Rule) -> None:
    """From its needs follow the operator's rights, and when it is not asked; so they have to be true."""
    read = {need for name in worlds() for need in looked_at(name, rule.id)}

    assert read - rule.needs == set()


def test_the_recording_snapshot_records() -> None:
    """Else the tests above could not fail: by kind, by field, and where it is asked what is missing."""
    snapshot = _Recording(next(iter(worlds().values())).snapshot)

    assert snapshot.items(Need.NODES)
    assert snapshot.asked == {Need.NODES}
    assert isinstance(snapshot.csi_drivers, Gathered)
    snapshot.within(Need.INGRESSES, "coder")
    assert snapshot.asked == {Need.NODES, Need.CSI_DRIVERS, Need.INGRESSES}
    snapshot.missing()
    assert snapshot.asked == set(Need)


def test_a_rule_that_asks_in_another_world_is_asked_again() -> None:
    """The rules of one kind, and all of them where something else is discovered."""
    name, world = next((name, one) for name, one in worlds().items() if one.found.workspaces)

    fewer = concerned(name, Need.CSI_DRIVERS, without(world, Need.CSI_DRIVERS, Absence.FORBIDDEN))

    assert {rule.id for rule in ALL if Need.CSI_DRIVERS in rule.needs} <= {it.id for it in fewer}
    assert len(fewer) < len(ALL)
    assert concerned(name, Need.PODS, without(world, Need.PODS, Absence.FORBIDDEN)) == list(ALL)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_agents_token_is_told(case: corpus.Case) -> None:
    """What a rule quotes goes into the status, which many may read."""
    assert TOKEN not in repr(report(case.name))
