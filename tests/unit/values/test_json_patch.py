from __future__ import annotations

from typing import Any

import pytest

from coder_cva.values.json_patch import patched


def add(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


def test_values_are_added_and_the_original_stays() -> None:
    """In maps, at a place of a list, at its end, and under an escaped key."""
    whole: dict[str, Any] = {"a": [1, 3], "m": {}}
    made = patched(
        whole, [add("/a/1", 2), add("/a/-", 4), add("/m/x~1y~0", {"z": 1}), add("/m/w", [])]
    )
    assert made == {"a": [1, 2, 3, 4], "m": {"x/y~": {"z": 1}, "w": []}}
    assert whole == {"a": [1, 3], "m": {}}


@pytest.mark.parametrize(
    "patch",
    [add("/none/x", 1), add("/a/9/x", 1), add("/a/0/x", 1), add("/s/x", 1),
     {"op": "remove", "path": "/a"}],
)  # fmt: skip
def test_what_leads_nowhere_is_refused(patch: dict[str, Any]) -> None:
    """Nothing is half done."""
    with pytest.raises(ValueError, match=r"nowhere|nothing can|not an addition"):
        patched({"a": [1], "s": "text"}, [patch])
