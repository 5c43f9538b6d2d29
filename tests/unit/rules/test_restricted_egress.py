"""What the rules of the network say where the operator itself restricts egress, as the spec asks for."""

from __future__ import annotations

from coder_cva.rules.chapters import network
from coder_cva.rules.model import Verdict
from support import matrix


def test_what_workspaces_need_is_still_found_possible() -> None:
    """CVA-NET-001, 004 and 005 hold under every choice of the spec."""
    for profile in matrix.PROFILES:
        world = matrix.cluster(profile)
        assert network.workspaces_reach_the_control_plane(world).verdict is Verdict.PASSED, profile
        assert network.users_reach_the_control_plane(world).verdict is not Verdict.FAILED, profile


def test_what_is_not_listed_does_not_pass() -> None:
    """Where git is nobody has said, so that it is not known whether it is reached."""
    judgement = network.the_control_plane_reaches_repositories(matrix.cluster("Restricted"))
    assert judgement.verdict is Verdict.UNKNOWN
    assert "coder/coder-coderd-egress" in judgement.message


def test_what_is_listed_is_found_possible() -> None:
    """With the world listed, git and packages are reached; without a restriction as well."""
    for profile in ("Open", "Restricted, everything listed"):
        judgement = network.the_control_plane_reaches_repositories(matrix.cluster(profile))
        assert judgement.verdict is Verdict.PASSED, profile
