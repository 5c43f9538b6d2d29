"""Which addresses the client that speaks with strangers may reach."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.web.addresses import is_public


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "8.8.8.8"])  # fmt: skip
def test_addresses_of_the_internet(address: str) -> None:
    """They may be asked."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.96.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "127.0.0.1",
        "0.0.0.0",
        "169.254.169.254",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "2130706433",
        "127.1",
        "0x7f.1",
        "example",
        "",
    ],
)
def test_everything_else_is_refused(address: str) -> None:
    """Private, local, metadata, many at once, IPv4 inside IPv6, and what is no address."""
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_counts_as_itself(address: ipaddress.IPv4Address) -> None:
    """However it is wrapped, it leads to the same place."""
    number = int(address)
    wrapped = (
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x0064_FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80)),
    )
    assert {is_public(str(one)) for one in wrapped} == {is_public(str(address))}


@given(st.text(max_size=40) | st.ip_addresses().map(str))
def test_no_text_raises(text: str) -> None:
    """Whatever a redirect leads to."""
    assert is_public(text) in (True, False)
