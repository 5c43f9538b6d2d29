"""Names derived from other names, never longer than Kubernetes takes."""

import hashlib
from typing import Final

LABEL_LIMIT: Final = 63
"""A label's value and a DNS label end here (RFC 1123)."""


def derived(*parts: str, limit: int = LABEL_LIMIT) -> str:
    """The parts joined by ``-``; where that is too long it is cut and ends in a digest of the whole.

    Equal parts give equal names, and different parts differ even when they are cut alike.
    """
    whole = "-".join(parts)
    if len(whole) <= limit:
        return whole
    tail = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
    return f"{whole[: limit - 9].rstrip('-.')}-{tail}"
