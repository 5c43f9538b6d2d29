"""A rule looks at nothing that it did not declare: else a refusal would be taken for an empty cluster."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

import pytest

from coder_cva.rules.registry import ALL
from coder_cva.snapshot.discovered import Discovered
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World
from support.corpus import cases

if TYPE_CHECKING:
    from coder_cva.rules.model import Rule
    from coder_cva.snapshot.model import ClusterSnapshot
    from support.corpus import Case

_CONSENT: Final = {
    Need.DEPLOYMENTS,
    Need.NAMESPACES,
    Need.ROLE_BINDINGS,
    Need.ROLES,
    Need.CLUSTER_ROLES,
}
DISCOVERED: Final = {
    "coderd": {Need.DEPLOYMENTS},
    "proxies": _CONSENT,
    "provisioners": _CONSENT,
    "workspaces": _CONSENT | {Need.PODS, Need.REPLICA_SETS},
    "namespaces": _CONSENT,
    "refused_namespaces": _CONSENT,
    "taken": _CONSENT,
    "rival": _CONSENT,
}
"""What went into each part of what was discovered."""
CASES = cases()
BY_RULE = [(rule, case) for rule in ALL for case in CASES if case.clause == rule.id]


class Recorder:
    """Stands for an object and notes which of its attributes were read."""

    def __init__(self, behind: Any, read: set[Need], needs: dict[str, set[Need]]) -> None:
        self._behind = behind
        self._read = read
        self._needs = needs

    def __getattr__(self, name: str) -> Any:
        self._read |= self._needs.get(name, set())
        return getattr(self._behind, name)

    def items(self, need: Need) -> tuple[Any, ...]:
        """As the snapshot's, noted."""
        self._read.add(need)
        found: tuple[Any, ...] = self._behind.items(need)
        return found

    def within(self, need: Need, namespace: str) -> tuple[Any, ...]:
        """As the snapshot's, noted."""
        self._read.add(need)
        found: tuple[Any, ...] = self._behind.within(need, namespace)
        return found

    def reading(self, need: Need) -> Any:
        """As the snapshot's, noted."""
        self._read.add(need)
        return self._behind.reading(need)


def recorded(world: World, read: set[Need]) -> World:
    """The same world, whose snapshot and discoveries note in ``read`` what is looked at."""
    by_field = {need.value: {need} for need in Need}
    snapshot: Any = Recorder(world.snapshot, read, by_field)
    found: Any = Recorder(world.found, read, DISCOVERED)
    return World(
        deployment=world.deployment,
        snapshot=snapshot,
        now=world.now,
        found=found,
        others=world.others,
        observed=world.observed,
        previous=world.previous,
    )


def test_the_recorder_knows_every_part_of_what_is_discovered() -> None:
    """A part that it did not know would be read unseen."""
    assert set(DISCOVERED) == {one.name for one in fields(Discovered)}


def test_the_recorder_sees_what_is_read() -> None:
    """By kind, by field, and through what was discovered."""
    world = CASES[0].world()
    read: set[Need] = set()
    watched = recorded(world, read)

    snapshot: ClusterSnapshot = watched.snapshot
    snapshot.items(Need.NODES)
    assert read == {Need.NODES}
    _ = snapshot.csi_drivers
    snapshot.reading(Need.SERVICES)
    assert read == {Need.NODES, Need.CSI_DRIVERS, Need.SERVICES}
    snapshot.within(Need.INGRESSES, "coder")
    assert Need.INGRESSES in read
    _ = watched.found.workspaces
    assert read >= DISCOVERED["workspaces"]


@pytest.mark.parametrize(
    ("rule", "case"), BY_RULE, ids=lambda it: getattr(it, "id", getattr(it, "name", ""))
)
def test_a_rule_reads_what_it_declared_and_nothing_else(rule: Rule, case: Case) -> None:
    """In every world of its corpus."""
    read: set[Need] = set()

    rule.judge(recorded(case.world(), read))

    assert read - rule.needs == set()


@pytest.mark.parametrize("rule", ALL, ids=lambda it: it.id)
def test_a_rule_declares_what_it_reads_and_nothing_else(rule: Rule) -> None:
    """A kind too many would make the verdict Unknown for a right that nobody needs."""
    read: set[Need] = set()
    for case in CASES:
        if case.clause == rule.id:
            rule.judge(recorded(case.world(), read))

    assert rule.needs - read == set()
