"""Which addresses are the internet's: an address in, whether a stranger's link may lead there out."""

import ipaddress
from typing import Final

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 addresses as a translator of the network writes them (RFC 6052)."""


def is_public(text: str) -> bool:
    """Whether it is an address of the internet: no private, local, reserved or metadata address.

    An IPv4 address inside an IPv6 address counts as itself, because that is where it leads.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    inner = _inner(address)
    if inner is not None:
        return _is_public(inner)
    return _is_public(address)


def _is_public(address: _Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inner(address: _Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour
