"""The arithmetic of a static pool: equal replicas, nodes with room for some, one node less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.rules.replica_room import Amount, Place, Question, everywhere

GIB = 1024**3
REPLICA = Amount(2000, 8 * GIB, 1)
ROOMS = st.lists(st.integers(0, 5), max_size=8)


def place(cpu: int, gib: int, pods: int = 110, others: Amount | None = None) -> Place:
    """A node of this size."""
    return Place("n", Amount(cpu, gib * GIB, pods), others or Amount())


@pytest.mark.parametrize(
    ("node", "room"),
    [
        (place(4000, 16), 2),
        (place(4000, 15), 1),
        (place(3999, 64), 1),
        (place(64000, 256, pods=3), 3),
        (place(1999, 64), 0),
        (place(4000, 16, others=Amount(1, 0, 1)), 1),
        (place(4000, 16, others=Amount(9000, 0, 1)), 0),
    ],
)
def test_the_scarcest_decides(node: Place, room: int) -> None:
    """CPU, memory or Pods; never less than none."""
    assert Question(3, REPLICA).room(node) == room


def test_a_node_of_its_own_is_room_for_one() -> None:
    """However large it is."""
    assert Question(3, REPLICA, apart=True).room(place(64000, 256)) == 1


def test_a_resource_that_nobody_asks_for_is_no_limit() -> None:
    """A Pod without requests is one Pod."""
    assert Question(3, Amount(0, 0, 1)).room(place(1, 0, pods=7)) == 7


def test_what_runs_on_every_node_is_the_least_of_each() -> None:
    """Of CPU, memory and Pods by themselves."""
    one = place(1, 1, others=Amount(100, 5, 3))
    two = place(1, 1, others=Amount(200, 4, 9))

    assert everywhere([one, two]) == Amount(100, 4, 3)


def test_amounts_in_words() -> None:
    """What no unit divides is told to the mebibyte below."""
    assert Amount(1930, 7 * GIB + 123).text == "1930m CPU and 7Gi"


@given(ROOMS)
def test_a_spare_node_never_makes_more_room(rooms: list[int]) -> None:
    """It is the worst one that is lost."""
    assert Question(1, REPLICA, spare=True).held(rooms) <= Question(1, REPLICA).held(rooms)
    for lost in range(len(rooms)):
        left = rooms[:lost] + rooms[lost + 1 :]
        assert Question(1, REPLICA, spare=True).held(rooms) <= sum(left)


@given(ROOMS, st.integers(1, 5), st.integers(1, 12), st.booleans())
def test_as_many_nodes_are_lacking_as_it_takes_and_no_more(
    rooms: list[int], one_more: int, replicas: int, spare: bool
) -> None:
    """With them there is room; with one of them less there is none."""
    asked = Question(replicas, REPLICA, spare=spare)

    count = asked.lacking(rooms, one_more)

    assert asked.held([*rooms, *[one_more] * count]) >= replicas
    if count:
        assert asked.held([*rooms, *[one_more] * (count - 1)]) < replicas
