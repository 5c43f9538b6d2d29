"""Whoever judges with the memory of earlier passes says exactly what whoever judges anew says."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired import render
from coder_cva.rules.engine import evaluate
from coder_cva.snapshot.discovery import discover
from coder_cva.snapshot.model import ClusterSnapshot, Gathered, Served
from coder_cva.snapshot.needs import Need
from coder_cva.status import conclude
from coder_cva.values import memo as module
from coder_cva.values.memo import Memo
from support import corpus

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

WALKS, STEPS = 5, 25
Key = tuple[str, str]


@cache
def shelf() -> dict[Need, dict[Key, tuple[Any, ...]]]:
    """Every object of every world of the corpus, by kind and name in each of its shapes."""
    found: defaultdict[Need, defaultdict[Key, dict[Any, None]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for case in corpus.cases():
        snapshot = case.world().snapshot
        for need in Need:
            for one in snapshot.items(need):
                found[need][one.meta.namespace, one.meta.name].setdefault(repr(one), one)
    return {
        need: {key: tuple(shapes.values()) for key, shapes in sorted(names.items())}
        for need, names in found.items()
    }


class Walk:
    """A cluster in which things come, change and go, by chance."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._now: dict[Need, dict[Key, Any]] = {
            need: {key: self._chance.choice(shapes) for key, shapes in names.items()}
            for need, names in shelf().items()
        }
        self._seen: dict[Need, Gathered[Any]] = {}
        self.world = self._chance.choice(corpus.cases()).world()

    def step(self) -> None:
        """One to three objects are other than before, of which most are Pods."""
        for _ in range(self._chance.randint(1, 3)):
            need = Need.PODS if self._chance.random() < 0.5 else self._chance.choice([*shelf()])
            key = self._chance.choice([*shelf()[need]])
            if self._chance.random() < 0.3:
                self._now[need].pop(key, None)
            else:
                self._now[need][key] = self._chance.choice(shelf()[need][key])
            self._seen.pop(need, None)

    def snapshot(self) -> ClusterSnapshot:
        """What is there; a kind in which nothing changed is the same object as before."""
        for need in Need:
            if need not in self._seen:
                here = self._now.get(need, {})
                self._seen[need] = Gathered(tuple(here[key] for key in sorted(here)))
        readings: dict[str, Any] = {need.value: one for need, one in self._seen.items()}
        return ClusterSnapshot(**readings, served=Served(("v1",), ("v1",)))


def decided(world: World, snapshot: ClusterSnapshot, memo: Memo) -> tuple[Any, ...]:
    """Plan, report and status."""
    found = discover(world.deployment, snapshot, memo=memo)
    here = replace(world, snapshot=snapshot, found=found, memo=memo)
    plan, report = render.plan(here), evaluate(here, strict=True)
    return found, plan, report, conclude.conclude(here, plan, report, ())


@pytest.mark.parametrize("seed", range(WALKS))
def test_a_memory_changes_no_answer(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a walk through clusters of everything that the corpus knows, at every step."""
    for name, value in (("_FEW", 2), ("_SOME", 4), ("_MOST", 8)):
        monkeypatch.setattr(module, name, value)
    walk, memo = Walk(seed), Memo()
    for step in range(STEPS):
        snapshot = walk.snapshot()
        memo.turn()
        anew = decided(walk.world, snapshot, Memo())
        for mine, theirs in zip(decided(walk.world, snapshot, memo), anew, strict=True):
            assert mine == theirs, step
        walk.step()
