"""Each line of the table of connections, under every choice of spec.network, over the policies that we write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coder_cva.desired.networking import build_network_policies
from support import matrix

if TYPE_CHECKING:
    from coder_cva.catalogue.connections import Connection


@pytest.mark.parametrize("line", matrix.lines(), ids=lambda one: one.id)
def test_a_connection_is_possible_where_its_line_says(line: Connection) -> None:
    """Possible under every profile that includes it, and not possible under any that excludes it."""
    for profile in matrix.PROFILES:
        wanted = matrix.expected(line, profile)

        answers = matrix.possible(matrix.cluster(profile), line)

        assert set(answers) == {wanted}, profile


@pytest.mark.parametrize("profile", matrix.PROFILES)
def test_what_is_written_holds_back_nothing(profile: str) -> None:
    """No profile is excluded for want of an address or a name, and rendered again it is the same."""
    world = matrix.cluster(profile)

    part = build_network_policies(world)

    assert part.withheld == ()
    assert {one["metadata"]["name"] for one in part.objects} == {
        one.meta.name
        for one in world.snapshot.network_policies.items  # type: ignore[union-attr] # read
    }


def test_every_restricted_line_is_excluded_by_some_profile() -> None:
    """A membership other than always means something: some profile excludes the line, some includes it."""
    for line in matrix.lines():
        verdicts = {matrix.expected(line, profile) for profile in matrix.PROFILES}
        constant = line.membership == "always" or line.id in matrix.BEYOND
        assert verdicts == ({True} if constant else {True, False}), line.id
