"""The corpus of rules: one YAML file is one world and what a rule says about it.

``tests/rules/<rule>/<verdict>.<why>.yaml``; the verdict is the file's name. In the file:

- ``deployment``: laid over an adopted Coder of tier 1k; null takes an entry away.
- ``objects``: raw objects as the API server gives them, or calls of the builders in ``BUILDERS``
  (``chart_coderd: {replicas: 3}``), alone or inside ``running``, ``pending``, ``laid_over``, ``times``.
- ``unavailable``: kinds that could not be read, with the reason; ``now``: the clock.
- ``expect``: ``reason``, a ``message`` fragment, ``findings`` in their order, each with ``resource``
  and fragments of its other fields.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from coder_cva.rules.model import Verdict
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from support import builders, coder_manifests, workspace_manifests
from support.deployments import adopted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from coder_cva.rules.model import Finding, RuleResult
    from coder_cva.snapshot.world import World

Manifest = dict[str, Any]

ROOT = Path(__file__).resolve().parents[1] / "rules"
VERDICTS = {
    "passed": Verdict.PASSED,
    "failed": Verdict.FAILED,
    "unknown": Verdict.UNKNOWN,
    "not_applicable": Verdict.NOT_APPLICABLE,
}
BUILDERS: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        builders.deployment,
        builders.namespace,
        builders.node,
        builders.pod,
        builders.pools,
        coder_manifests.chart_coderd,
        coder_manifests.chart_provisioner,
        coder_manifests.chart_proxy,
        coder_manifests.coder_k8s_coderd,
        coder_manifests.workspace_binding,
        workspace_manifests.devcontainer_deployment,
        workspace_manifests.envbox_pod,
        workspace_manifests.home_claim,
        workspace_manifests.seed_pod,
        workspace_manifests.workspace_deployment,
        workspace_manifests.workspace_pod,
    )
}
_KEYS = frozenset({"deployment", "objects", "unavailable", "now", "expect"})
_EXPECTED = frozenset({"reason", "message", "findings"})


@dataclass(frozen=True)
class Case:
    """One file of the corpus."""

    rule: str
    verdict: Verdict
    name: str
    text: Mapping[str, Any]

    def world(self) -> World:
        """The world of the file; refused where no cluster could show it."""
        now = self.text.get("now", builders.NOW)
        return builders.world(
            laid_over(adopted("coder"), self.text.get("deployment") or {}),
            objects(self.text.get("objects") or []),
            unavailable={
                Need(need): Absence(reason)
                for need, reason in (self.text.get("unavailable") or {}).items()
            },
            now=now,
        )

    def differences(self, result: RuleResult) -> list[str]:
        """What in a result is not as the file says, in words."""
        wanted = self.text["expect"]
        found = []
        if result.verdict is not self.verdict:
            found.append(f"the verdict is {result.verdict}: {result.message} {result.findings}")
        if wanted.get("reason", "") != result.reason:
            found.append(f"the reason is {result.reason!r}")
        if wanted["message"] not in result.message:
            found.append(f"the message is {result.message!r}")
        return [*found, *_different(wanted.get("findings", []), result.findings)]


def cases(root: Path = ROOT) -> list[Case]:
    """All files of the corpus, sorted."""
    return [_case(path) for path in sorted(root.glob("*/*.yaml"))]


def _case(path: Path) -> Case:
    verdict = path.name.split(".", maxsplit=1)[0]
    text = yaml.safe_load(path.read_text(encoding="utf-8"))
    strange = (text.keys() - _KEYS) | (text["expect"].keys() - _EXPECTED)
    if strange or verdict not in VERDICTS:
        raise ValueError(f"{path}: nobody reads {sorted(strange) or verdict}")
    return Case(path.parent.name, VERDICTS[verdict], f"{path.parent.name}/{path.stem}", text)


def _different(wanted: list[Mapping[str, str]], found: tuple[Finding, ...]) -> list[str]:
    if len(wanted) != len(found):
        return [f"{len(found)} findings instead of {len(wanted)}: {found}"]
    return [
        f"{field} of a finding is {getattr(one, field)!r} and not {value!r}"
        for expected, one in zip(wanted, found, strict=True)
        for field, value in expected.items()
        if not _says(field, value, getattr(one, field))
    ]


def _says(field: str, wanted: str, found: str) -> bool:
    return found == wanted if field == "resource" else wanted in found


def objects(entries: list[Any]) -> list[Manifest]:
    """The objects of a file: raw ones as they stand, calls of builders carried out."""
    return builders.flat([_made(entry) for entry in entries])


def _made(entry: Mapping[str, Any]) -> Any:
    if "kind" in entry:
        return entry
    ((name, said),) = entry.items()
    arguments = dict(said or {})
    if name in BUILDERS:
        return BUILDERS[name](**arguments)
    inner = objects(arguments.pop("objects"))
    match name:
        case "running":
            return builders.all_running(inner, arguments["on"])
        case "pending":
            return [builders.pending(one) if one["kind"] == "Pod" else one for one in inner]
        case "laid_over":
            return [_over(one, arguments["kind"], arguments["part"]) for one in inner]
        case "times":
            return [_numbered(one, number) for number in range(arguments["count"]) for one in inner]
        case _:
            raise ValueError(f"there is no builder {name}")


def _over(manifest: Manifest, kind: str, part: Mapping[str, Any]) -> Manifest:
    return laid_over(manifest, part) if manifest["kind"] == kind else manifest


def _numbered(manifest: Manifest, number: int) -> Manifest:
    """The manifest with ``NUMBER`` replaced wherever it stands."""
    made: Manifest = json.loads(json.dumps(manifest).replace("NUMBER", str(number)))
    return made


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings merged at any depth; null takes an entry away, everything else replaces it.

    A list is laid over by a mapping of positions: ``{0: {image: …}}``.
    """
    made = copy.deepcopy(dict(below))
    for key, value in above.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, dict) and isinstance(made.get(key), dict):
            made[key] = laid_over(made[key], value)
        elif isinstance(value, dict) and isinstance(made.get(key), list):
            made[key] = [laid_over(one, value.get(at, {})) for at, one in enumerate(made[key])]
        else:
            made[key] = copy.deepcopy(value)
    return made
