"""The table of hostile CoderDeployments (tests/cluster/hostile_specs.yaml) as manifests."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from support.deployments import adopted, managed, region
from support.installation import NAMESPACE as OPERATOR

TABLE = Path(__file__).resolve().parents[1] / "cluster" / "hostile_specs.yaml"
CASES: list[dict[str, Any]] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
MADE_WITH = {"Managed": managed, "Adopted": adopted, "None": region}


def manifest_of(case: dict[str, Any], own: str, victim: dict[str, Any]) -> dict[str, Any]:
    """The case's CoderDeployment in the tenant's namespace; ``victim`` is somebody else's."""
    made = MADE_WITH[str(case.get("management", "Adopted"))](own)
    made["metadata"] |= case.get("metadata", {})
    for path, value in case.get("set", {}).items():
        *way, last = path.split(".")
        here = made["spec"]
        for step in way:
            here = here.setdefault(step, {})
        here[last] = copy.deepcopy(value)
    there = victim["metadata"]
    words = {"VICTIM-UID": there["uid"], "VICTIM": there["namespace"], "OWN": own}
    filled: dict[str, Any] = _filled(made, {**words, "OPERATOR": OPERATOR, "LONG": "x" * 4096})
    return filled


def _filled(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {_filled(key, words): _filled(one, words) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, words) for one in value]
    if isinstance(value, str):
        for word, said in words.items():
            value = value.replace(word, said)
    return value
