"""Which addresses another machine may have."""

from __future__ import annotations

import pytest

from coder_cva.values.addresses import anywhere, is_remote


@pytest.mark.parametrize(
    "address",
    [
        "10.96.0.10",
        "172.16.3.4",
        "192.168.1.1",
        "100.64.0.7",
        "203.0.113.5",
        "fd12:3456::1",
        "2001:db8::1",
    ],
)
def test_what_a_database_or_a_service_may_have(address: str) -> None:
    """Private addresses are where most of them are."""
    assert is_remote(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "::1",
        "0.0.0.0",
        "::",
        "169.254.169.254",
        "169.254.170.2",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "192.0.0.192",
        "100.100.100.200",
        "224.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "localhost",
        "2130706433",
        "",
    ],
)
def test_what_is_the_own_machine_or_a_clouds_metadata(address: str) -> None:
    """In whatever form it is written; and what is no address at all."""
    assert not is_remote(address)
    assert anywhere(address)
