"""Address arithmetic, held against plain sets of addresses."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot import address_ranges
from coder_cva.snapshot.address_ranges import ANY_ADDRESS, INTERNET, covers, networks, of_block
from support.strategies import JSON

SPACE = ipaddress.ip_network("10.0.0.0/27")
BLOCKS = st.builds(
    lambda at, length: str(ipaddress.ip_network((int(SPACE[at]), length), strict=False)),
    st.integers(0, 31),
    st.integers(27, 32),
)


def addresses(found: Any) -> set[int]:
    return {int(one) for network in found for one in network}


@given(BLOCKS, st.lists(BLOCKS, max_size=4))
def test_a_block_is_its_range_without_the_exceptions(cidr: str, excepted: list[str]) -> None:
    """Address by address."""
    expected = addresses(networks([cidr])) - addresses(networks(excepted))

    assert addresses(of_block({"cidr": cidr, "except": excepted})) == expected


@given(st.lists(BLOCKS, max_size=6), st.lists(BLOCKS, min_size=1, max_size=4))
def test_all_some_or_none_of_what_is_wanted(allowed: list[str], wanted: list[str]) -> None:
    """Several ranges together may hold what none of them holds alone."""
    have, want = addresses(networks(allowed)), addresses(networks(wanted))
    expected = True if want <= have else None if want & have else False

    assert covers(networks(allowed), networks(wanted)) is expected


@given(JSON)
def test_what_is_no_block_holds_nobody(raw: Any) -> None:
    """Whatever stands there: no exception, and no address of its own making."""
    assert of_block(raw) == ()


@pytest.mark.parametrize(
    "written", ["", "10.0.0.0/33", "localhost", "10.0.0", "::/129", "10.0.0.0/8/8"]
)
def test_what_is_no_address_is_none(written: str) -> None:
    assert address_ranges.network(written) is None


@pytest.mark.parametrize(
    ("cidr", "crowd"),
    [
        ("10.0.0.0/16", True),
        ("10.0.0.0/17", True),
        ("10.0.0.0/18", None),
        ("10.0.0.0/31", None),
        ("10.0.0.0/32", False),
        ("fd00::/63", True),
        ("fd00::/64", None),
        ("fd00::1/128", False),
        ("nobody", False),
    ],
)
def test_how_many_addresses_are_a_crowd(cidr: str, crowd: bool | None) -> None:
    """As many as the Pods of a cluster, or more than one subnet of IPv6; one address is somebody's."""
    assert address_ranges.is_crowd({"cidr": cidr}) is crowd


def test_an_exception_outside_takes_nothing_away() -> None:
    """Nor one of the other family."""
    block = {"cidr": "10.0.0.0/8", "except": ["192.168.0.0/16", "fd00::/8"]}

    assert of_block(block) == networks(["10.0.0.0/8"])


def test_an_exception_of_everything_leaves_nobody() -> None:
    assert of_block({"cidr": "10.1.0.0/16", "except": ["10.0.0.0/8"]}) == ()
    assert of_block({"cidr": "fd00:1::/32", "except": ["fd00::/8"]}) == ()


def test_an_exception_inside_ipv6() -> None:
    """Cut out as exactly as in IPv4."""
    left = of_block({"cidr": "fd00::/126", "except": ["fd00::1/128"]})

    assert addresses(left) == addresses(networks(["fd00::/128", "fd00::2/127"]))


def test_families_do_not_mix() -> None:
    """All of IPv6 is nothing of IPv4."""
    assert covers(networks(["::/0"]), networks(["10.0.0.0/8"])) is False
    assert covers(networks(["::/0"]), networks(["fd00::/8"])) is True


@pytest.mark.parametrize(
    ("excepted", "verdict"),
    [
        ([], True),
        (["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"], True),
        (["169.254.169.254/32"], True),
        (["140.82.112.0/20"], None),
    ],
)
def test_the_internet_is_the_public_addresses(excepted: list[str], verdict: bool | None) -> None:
    """Private ranges and the metadata address are none of it; a git host is."""
    assert covers(of_block({"cidr": "0.0.0.0/0", "except": excepted}), INTERNET[0]) is verdict


def test_users_may_have_private_addresses() -> None:
    """They arrive as nodes, from companies, from the world; never as this host."""
    v4, v6 = ANY_ADDRESS

    assert covers(of_block({"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}), v4) is None
    assert covers(of_block({"cidr": "0.0.0.0/0", "except": ["127.0.0.0/8"]}), v4) is True
    assert covers(networks(["::/0"]), v6) is True


@pytest.mark.parametrize(
    ("cidr", "may"),
    [("0.0.0.0/0", True), ("10.3.0.0/16", True), ("8.8.8.0/24", False), ("fd12::/16", True)],
)
def test_pods_have_private_addresses(cidr: str, may: bool) -> None:
    assert address_ranges.may_hold_pods({"cidr": cidr}) is may
