"""IP addresses by where they lead: an address in as text, whether it is this machine's own out.

Sources of the metadata services: the manuals of AWS (IMDS), Oracle Cloud and Alibaba Cloud; everybody else's
is link-local.
"""

import ipaddress
from collections.abc import Callable
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Permit: TypeAlias = Callable[[str], bool]
"""Whether an address may be connected to."""

_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 addresses as a translator of the network writes them (RFC 6052)."""
_METADATA: Final = frozenset(
    ipaddress.ip_address(one) for one in ("fd00:ec2::254", "192.0.0.192", "100.100.100.200")
)


def read(text: str) -> Address | None:
    """The address to which a text leads; None where it is none.

    An IPv4 address inside an IPv6 address is itself, because that is where it leads.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return _inner(address) or address


def is_remote(text: str) -> bool:
    """Whether another machine of a network may have it: not the own loopback, nor what a cloud tells a node alone.

    Private addresses are remote: databases and Services of a cluster have such.
    """
    address = read(text)
    if address is None or address in _METADATA:
        return False
    return not (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
    )


def anywhere(text: str) -> bool:  # noqa: ARG001 - a Permit
    """Every address is permitted: for a process whose own machine is its user's."""
    return True


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour
