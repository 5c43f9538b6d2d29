"""Workspaces that mount folders of their node: those that may, and what to do about the others (CVA-STO-004)."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from coder_cva.desired import host_exemptions
from coder_cva.desired.host_exemptions import Exemptions
from coder_cva.rules import remedies
from coder_cva.rules.model import Finding, Notice, NoticeKind, RuleResult, Verdict
from coder_cva.rules.subjects import named, workload
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.world import World

RULE: Final = "CVA-STO-004"
FIELD: Final = "spec.workspaces.storage.hostVolumeExemptions"
VOLUME_NOT_SEEN: Final = "VolumeNotSeen"
"""The reason of a verdict where nobody can tell what stands behind a claim."""
_SHOWN: Final = 3
_ENVBOX: Final = "/envbox"
"""How the image of Coder's envbox template ends, wherever it is mirrored."""

Reasons: TypeAlias = tuple[tuple[str, ...], ...]
"""For each workspace that is exempt the entries that exempt it, in words."""


def findings(world: World) -> tuple[Finding, ...]:
    """One for each workspace that mounts such folders and is not exempt."""
    owner = world.deployment.reference
    every = host_exemptions.exemptions(world)
    return world.memo.flat(_findings, world.found.workspaces, every, owner)


def _findings(
    workspaces: tuple[Workspace, ...], every: Exemptions, owner: str
) -> tuple[Finding, ...]:
    return tuple(
        _finding(one, every, owner)
        for one in workspaces
        if one.pod.shape.host_paths and not host_exemptions.is_exempt(every, one)
    )


def _finding(workspace: Workspace, every: Exemptions, owner: str) -> Finding:
    return Finding(
        RULE,
        workload(workspace),
        "spec.volumes[].hostPath",
        "no volume of the node: it is a way around the walls of the workspace",
        ", ".join(workspace.pod.shape.host_paths),
        f"in the template of {remedies.workspace_name(workspace)}: persistent_volume_claim instead of "
        f"host_path. {_exempting(workspace, every, owner)}",
    )


def _exempting(workspace: Workspace, every: Exemptions, owner: str) -> str:
    """The other way out: ready to paste for Coder's own template, which has no choice."""
    images = {host_exemptions.repository(one) for one in workspace.pod.shape.host_images}
    if len(images) != 1 or not (image := images.pop()).endswith(_ENVBOX):
        return f"A template that cannot do without is exempted, with a reason, in {FIELD}"
    said = [*(one.dump() for one in every), {"image": image, "reason": "envbox needs them"}]
    spec = {"workspaces": {"storage": {"hostVolumeExemptions": said}}}
    return (
        "Coder's envbox template needs such volumes: exempt its image, in CoderDeployment "
        f"{owner}:\n{remedies.as_yaml({'spec': spec})}"
    )


def told(world: World) -> str:
    """How many more are exempt, and by what; "" for none."""
    found = _exempt(world)
    if not found:
        return ""
    counts = Counter(entry for entries in found for entry in entries)
    usual = sorted(counts, key=lambda one: (-counts[one], one))
    by = [f"{counts[one]:,} by {one}" for one in usual[:_SHOWN]]
    if len(usual) > _SHOWN:
        by.append(f"by {len(usual) - _SHOWN} more entries")
    return f" ({len(found):,} more {'is' if len(found) == 1 else 'are'} exempt: {', '.join(by)})"


def _exempt(world: World) -> Reasons:
    return world.memo.flat(_reasons, world.found.workspaces, host_exemptions.exemptions(world))


def _reasons(workspaces: tuple[Workspace, ...], every: Exemptions) -> Reasons:
    pods = (one.pod for one in workspaces)
    found = (
        host_exemptions.covering(every, pod.meta.namespace, pod.meta.labels, pod.shape)
        for pod in pods
    )
    return tuple(tuple(map(host_exemptions.told, entries)) for entries in found if entries)


def notices(world: World, result: RuleResult | None) -> Iterator[Notice]:
    """Exemptions that exempt nobody, once there is somebody to look at."""
    every = host_exemptions.exemptions(world)
    if not every or result is None or not _is_seen(result):
        return
    used = {entry for entries in _exempt(world) for entry in entries}
    unused = sorted({host_exemptions.told(one) for one in every} - used)
    if unused:
        yield Notice(
            RULE,
            NoticeKind.EXEMPTION_UNUSED,
            f"{FIELD} exempts nobody by {named(unused)}: no workspace that runs mounts volumes of its node "
            f"under that name{_strange(world)}. Write names as Pods have them, or take them out",
        )


def _is_seen(result: RuleResult) -> bool:
    """Whether there were workspaces to look at; where a volume was not seen, they were."""
    judged = result.verdict in (Verdict.PASSED, Verdict.FAILED)
    return judged or result.reason == VOLUME_NOT_SEEN


def _strange(world: World) -> str:
    known = {one.name for one in world.found.namespaces}
    said: Iterable[str | None] = (one.namespace for one in host_exemptions.exemptions(world))
    strange = sorted({one for one in said if one} - known)
    return f", and no workspaces of this Coder are in {named(strange)}" if strange else ""
