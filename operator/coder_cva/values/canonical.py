"""One text for equal values, and short digests of it."""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spare space: equal values, equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)


def digest(value: Any) -> str:
    """Sixteen hexadecimal digits that change when the value does (no secret is kept by it)."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:16]
