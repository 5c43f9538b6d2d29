"""Under which addresses Coder is reached: URLs, hosts, ranges of IP addresses."""

import ipaddress
import re
from typing import Annotated, Final

from pydantic import Field

from coder_cva.api.validation import Validation, matching

AccessUrl = Annotated[
    str,
    Field(max_length=2048),
    matching(
        r"https?://[^/?#@\s]+(/[^?#\s]*)?",
        "is no URL under which users and agents could reach Coder: "
        "write for example https://coder.example.com",
    ),
]
"""The URL of Coder, without user, query and fragment."""

WildcardHost = Annotated[
    str,
    Field(max_length=253),
    matching(
        r"[*][-.A-Za-z0-9]+(:[0-9]{1,5})?",
        "is no host with a leading asterisk and without scheme: write for example *.coder.example.com",
    ),
]
"""The host of workspace applications, as CODER_WILDCARD_ACCESS_URL takes it."""


_PREFIX_LENGTH: Final = re.compile("0|[1-9][0-9]{0,2}")


def _is_cidr(value: str) -> bool:
    """What the API server's isCIDR takes: no netmasks, no IPv4 inside IPv6."""
    address, _, length = value.partition("/")
    if not _PREFIX_LENGTH.fullmatch(length):
        return False
    try:
        found = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return not (found.version == 6 and "." in address) and "%" not in address


Cidr = Annotated[
    str,
    Field(max_length=64),
    Validation(
        cel="isCIDR(self)",
        message="is no address range: write for example 203.0.113.0/24 or 2001:db8::/32",
        holds=_is_cidr,
    ),
]
"""A range of IP addresses."""
