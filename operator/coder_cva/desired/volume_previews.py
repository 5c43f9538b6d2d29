"""Whom the rules on volumes would refuse (CVA-STO-002, CVA-STO-004): told before they do.

Both act when something is made: a claim that exists and a workspace that runs stay as they are, and are
hit when they are made anew, which is what a new start of a workspace does to its Pod.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from coder_cva.desired import enforcement, hits, host_exemptions, volumes
from coder_cva.desired.enforcement import HOST_VOLUMES, VOLUME_BOUNDS, Mode
from coder_cva.desired.plan import Preview
from coder_cva.snapshot import marks
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import PersistentVolumeClaim
from coder_cva.snapshot.world import World
from coder_cva.values import quantity

_CLAIM_NAME: Final = "coder-pvc"
"""The name label of claims in Coder's template."""
_SHOWN: Final = 3


def previews(world: World) -> tuple[Preview, ...]:
    """What refusals of host volumes and the bounds of claims would hit."""
    return (*_host_volumes(world), *_bounds(world))


def _host_volumes(world: World) -> Iterator[Preview]:
    """The workspaces that a refusal of host volumes would keep from starting again."""
    owner = world.deployment
    mode = enforcement.mode(owner, HOST_VOLUMES)
    denies = owner.spec.workspaces.storage.host_volumes == "Deny"
    if mode is Mode.OFF or (denies and mode is Mode.ENFORCE):
        return
    every = host_exemptions.exemptions(world)
    hit = [
        one
        for one in world.found.workspaces
        if one.pod.shape.host_paths and not host_exemptions.is_exempt(every, one)
    ]
    asked: tuple[str, ...] = ()
    if denies and enforcement.waits(owner, HOST_VOLUMES):
        asked = tuple(sorted({*_denied_places(world), *map(_template, hit)}))
    if not hit and not asked:
        return
    done = frozenset(volumes.denied_in(world))
    running = f"{_these(hit)} volumes of their node{_by_template(hit)}"
    if asked and done == frozenset(volumes.host_places(world)):
        message = (
            f"{running}: spec.network.confirm says that such workspaces are refused when they start"
        )
    elif denies:
        message = (
            f"{running}: with {HOST_VOLUMES} enforced they would be refused at their next start"
        )
    else:
        message = (
            f"{running}: with spec.workspaces.storage.hostVolumes: Deny "
            f"and {HOST_VOLUMES} enforced they would be refused at their next start"
        )
    named = tuple(sorted(f"Pod {one.pod.meta.path}" for one in hit))
    yield Preview(HOST_VOLUMES, message, named, asked)


def _these(hit: list[Workspace]) -> str:
    return "these workspaces mount" if hit else "no workspace that runs mounts"


def _by_template(hit: list[Workspace]) -> str:
    """What of their templates, the first three."""
    found = sorted(set(map(_template, hit)))
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f" ({'; '.join(found[:_SHOWN])}{more})" if found else ""


def _denied_places(world: World) -> Iterator[str]:
    yield from map(volumes.host_volumes_hit, volumes.host_places(world))


def _template(workspace: Workspace) -> str:
    """What workspaces of one template have in common: the image without its version, and the folders."""
    pod = workspace.pod
    image, _, version = pod.shape.image.partition("@")[0].rpartition(":")
    name = image if image and "/" not in version else pod.shape.image.partition("@")[0]
    folders = sorted({hits.generalised(one, pod.meta.labels) for one in pod.shape.host_paths})
    return f"workspaces of image {name} with {', '.join(folders)} of their node in {pod.meta.namespace}"


def _bounds(world: World) -> Iterator[Preview]:
    """The claims that would be refused if they were made anew."""
    owner, said = world.deployment, volumes.said_bounds(world)
    mode = enforcement.mode(owner, VOLUME_BOUNDS)
    if not said or mode is Mode.OFF or not world.found.namespaces:
        return
    if Need.PERSISTENT_VOLUME_CLAIMS in world.snapshot.missing():
        yield Preview(
            VOLUME_BOUNDS,
            f"whom {_told(said)} would hit is not known: PersistentVolumeClaims cannot be read",
        )
        return
    outside = _outside(world, said)
    waits = enforcement.waits(owner, VOLUME_BOUNDS)
    asked: tuple[str, ...] = ()
    if waits:
        places = (volumes.bounds_hit(one.name, said) for one in world.found.namespaces)
        asked = tuple(sorted({*places, *outside}))
    elif not outside:
        return
    claims = tuple(
        sorted(f"PersistentVolumeClaim {one}" for found in outside.values() for one in found)
    )
    what = "these claims of workspaces are" if claims else "no claim of a workspace is"
    rest = "they stay as they are, and made anew they would be refused" if claims else ""
    everywhere = len(volumes.bounded_in(world)) == len(world.found.namespaces)
    when = "" if everywhere else f"with {VOLUME_BOUNDS} enforced: "
    message = f"{when}{what} outside {_told(said)}" + (f"; {rest}" if rest else "")
    yield Preview(VOLUME_BOUNDS, message, claims, asked)


def _told(said: dict[str, str]) -> str:
    return " and ".join(f"{name} {amount}" for name, amount in sorted(said.items(), reverse=True))


def _outside(world: World, said: dict[str, str]) -> dict[str, list[str]]:
    """By class the claims that a bound excludes, as admission tells claims of workspaces."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for one in world.found.namespaces:
        for claim in world.snapshot.within(Need.PERSISTENT_VOLUME_CLAIMS, one.name):
            if not _is_of_a_workspace(claim):
                continue
            gib = f"{claim.meta.path} ({quantity.byte_text(claim.requested_bytes)})"
            for name, amount in said.items():
                limit = quantity.byte_count(amount)
                if name == "minSize" and claim.requested_bytes < limit:
                    found[f"claims of less than {amount} in {one.name}"].append(gib)
                if name == "maxSize" and claim.requested_bytes > limit:
                    found[f"claims of more than {amount} in {one.name}"].append(gib)
    return dict(found)


def _is_of_a_workspace(claim: PersistentVolumeClaim) -> bool:
    labels = claim.meta.labels
    return (
        labels.get(marks.NAME) == _CLAIM_NAME
        or labels.get("com.coder.resource") == "true"
        or bool(labels.get("com.coder.workspace.id"))
    )
