"""Ranges of addresses: which part of what is wanted is allowed by the ipBlocks of NetworkPolicies.

Source of the special ranges: the registries of special-purpose addresses (RFC 6890).
"""

import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

from coder_cva.snapshot import three_valued
from coder_cva.snapshot.shapes import text, texts
from coder_cva.values.manifest import dig

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Ranges: TypeAlias = tuple[Network, ...]
Truth: TypeAlias = three_valued.Truth


@lru_cache(maxsize=4_096)
def network(written: str) -> Network | None:
    """A CIDR or an address as a network; None for what is neither."""
    try:
        return ipaddress.ip_network(written, strict=False)
    except ValueError:
        return None


def networks(written: Iterable[str]) -> Ranges:
    """CIDRs as networks, without what is none."""
    return tuple(one for one in map(network, written) if one is not None)


def without(block: Network, excepted: Iterable[Network]) -> Ranges:
    """What is left of a block."""
    left: list[Network] = [block]
    for one in excepted:
        left = [piece for here in left for piece in _cut(here, one)]
    return tuple(left)


def of_block(block: Any) -> Ranges:
    """The addresses of an ipBlock: its CIDR without its exceptions; () for what is none."""
    return _pieces(text(dig(block, "cidr")), texts(dig(block, "except")))


@lru_cache(maxsize=4_096)
def _pieces(cidr: str, excepted: tuple[str, ...]) -> Ranges:
    whole = network(cidr)
    return without(whole, networks(excepted)) if whole is not None else ()


def is_crowd(block: Any) -> Truth:
    """Whether an ipBlock means no one in particular: True for a crowd, False for one address or none.

    None for what lies between: whose addresses those are, its author knows.
    """
    pieces = of_block(block)
    count = sum(one.num_addresses for one in pieces)
    if count <= 1:
        return False
    return True if count >= _CROWD[pieces[0].version] else None


def covers(allowed: Iterable[Network], wanted: Ranges) -> Truth:
    """Whether the allowed addresses hold all of the wanted ones (True), none (False), or some (None)."""
    if len(wanted) == 1 and wanted[0].num_addresses == 1:
        return any(_within(wanted[0], one) for one in allowed)
    found = [piece for version in (4, 6) for piece in _collapsed(allowed, version)]
    if not any(_overlap(one, here) for one in wanted for here in found):
        return False
    return True if all(any(_within(one, here) for here in found) for one in wanted) else None


def _collapsed(found: Iterable[Network], version: int) -> Ranges:
    """Adjoining ranges as one: what is wholly covered lies within one of them then."""
    if version == 4:
        return tuple(
            ipaddress.collapse_addresses(
                one for one in found if isinstance(one, ipaddress.IPv4Network)
            )
        )
    return tuple(
        ipaddress.collapse_addresses(one for one in found if isinstance(one, ipaddress.IPv6Network))
    )


def _cut(here: Network, gone: Network) -> Ranges:
    if not _overlap(here, gone):
        return (here,)
    if _within(here, gone):
        return ()
    return tuple(here.address_exclude(gone))  # type: ignore[arg-type] # what overlaps is of one family


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _within(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type] # as above


def _space(whole: str, gone: Iterable[str]) -> Ranges:
    block = network(whole)
    return without(block, networks(gone)) if block is not None else ()


_NOBODY: Final = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")
"""Nobody in a network has such an address: this host, loopback, link-local, multicast, reserved."""
_INSIDE: Final = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
_NOWHERE: Final = (
    "192.0.0.0/24",
    "192.0.2.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
)

_CROWD: Final = {4: 2**15, 6: 2**64 + 1}
"""Half of the /16 that clusters commonly give to their Pods, so that exceptions hide nothing; of IPv6
more than one subnet."""
USUAL: Final[Ranges] = networks((*_INSIDE, "fc00::/7", "2000::/3"))
"""Where Pods usually have their addresses; of IPv6 some clouds give them public ones."""
EVERY: Final[Ranges] = networks(("0.0.0.0/0", "::/0"))
ANY_ADDRESS: Final[tuple[Ranges, ...]] = (
    _space("0.0.0.0/0", _NOBODY),
    networks(("2000::/3", "fc00::/7")),
)
"""Every address that a user may arrive with, by family: nodes of the cluster, companies, the world."""
INTERNET: Final[tuple[Ranges, ...]] = (
    _space("0.0.0.0/0", (*_NOBODY, *_INSIDE, *_NOWHERE)),
    networks(("2000::/3",)),
)
"""The public addresses, by family: git hosts and package repositories are among them."""


def may_hold_pods(block: Mapping[str, Any]) -> bool:
    """Whether Pods may have addresses of this ipBlock: whether it counts for them, plugins decide."""
    return any(_overlap(one, usual) for one in of_block(block) for usual in USUAL)
