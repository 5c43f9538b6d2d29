"""Types of machines whose CPU is throttled, of nodes and of databases alike (CVA-NODE-007, CVA-DB-002)."""

import re
from typing import Final

_BURSTABLE: Final = (
    re.compile(r"(db\.)?t\d[a-z]*\.[a-z0-9]+"),
    re.compile(r"(B_)?Standard_B\d.*", re.IGNORECASE),
    re.compile(r"(e2-(micro|small|medium)|f1-micro|g1-small|db-f1-micro|db-g1-small)"),
)
"""AWS T family and Azure B series, which Coder's page names; Google's shared-core machines, by its own word."""


def is_burstable(kind: str) -> bool:
    """Whether machines of this type are throttled to a part of their CPU after a while."""
    return any(one.fullmatch(kind) for one in _BURSTABLE)
