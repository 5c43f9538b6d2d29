"""Who is exempt from what is said of volumes of the node (CVA-STO-004), by ``hostVolumeExemptions`` of the spec.

Admission says the same as CEL, of what the CoderPlacement tells it (admission_storage.py); here it is said of
Pods that run, for the rule, the previews and the confirmation.
"""

from functools import lru_cache
from typing import Any, Final, TypeAlias

from coder_cva.api.v1alpha1.host_volumes import HostVolumeExemption
from coder_cva.snapshot import marks
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.records import Labels, PodShape
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import pruned

Exemptions: TypeAlias = tuple[HostVolumeExemption, ...]

_HUB: Final = ("docker.io", "index.docker.io")
"""Docker Hub, which Kubernetes takes for meant where an image names no registry (Kubernetes, "Images")."""
_OFFICIAL: Final = "library/"


def exemptions(world: World) -> Exemptions:
    """What the spec exempts."""
    found: Exemptions = world.deployment.spec.workspaces.storage.host_volume_exemptions
    return found


def parameter(world: World) -> dict[str, Any] | None:
    """The same as admission reads it, each kind by itself; None for nothing."""
    every = exemptions(world)
    images = {spelling for one in every if one.image for spelling in spellings(one.image)}
    made: dict[str, Any] = pruned(
        {
            "namespaces": sorted({one.namespace for one in every if one.namespace}) or None,
            "images": sorted(images) or None,
            "templates": sorted({one.template for one in every if one.template}) or None,
        }
    )
    return made or None


@lru_cache(maxsize=256)
def spellings(name: str) -> tuple[str, ...]:
    """The ways in which a Pod may write a repository. Only Docker Hub's name may be left out."""
    host, slash, path = name.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        if host not in _HUB:
            return (name,)
    else:
        path = name
    paths = {path}
    official = path.removeprefix(_OFFICIAL)
    if "/" not in official:
        paths = {official, f"{_OFFICIAL}{official}"}
    return tuple(sorted(paths | {f"{hub}/{one}" for hub in _HUB for one in paths}))


def repository(image: str) -> str:
    """An image without tag and digest, which follow the last step of its path: ``ghcr.io/coder/envbox``."""
    head, slash, tail = image.rpartition("/")
    return f"{head}{slash}{tail.partition('@')[0].partition(':')[0]}"


def of_place(world: World, namespace: str) -> bool:
    """Whether all workspaces of a namespace are exempt."""
    return any(one.namespace == namespace for one in exemptions(world))


def covering(
    every: Exemptions, namespace: str, labels: Labels, shape: PodShape
) -> tuple[HostVolumeExemption, ...]:
    """The exemptions that cover a Pod with volumes of its node; () for none, and for a Pod without such."""
    if not shape.host_paths:
        return ()
    return tuple(one for one in every if _covers(one, namespace, labels, shape))


def is_exempt(every: Exemptions, workspace: Workspace) -> bool:
    """Whether a workspace may mount the volumes of its node that it mounts."""
    pod = workspace.pod
    return bool(covering(every, pod.meta.namespace, pod.meta.labels, pod.shape))


def told(one: HostVolumeExemption) -> str:
    """An exemption in words."""
    said = (("namespace", one.namespace), ("image", one.image), ("template", one.template))
    return next((f"{kind} {name}" for kind, name in said if name), "")


def _covers(one: HostVolumeExemption, namespace: str, labels: Labels, shape: PodShape) -> bool:
    if one.namespace:
        return one.namespace == namespace
    if one.template:
        return labels.get(marks.TEMPLATE) == one.template
    images = shape.host_images
    names = spellings(one.image or "")
    # A volume that nobody mounts is nobody's image's.
    return bool(images) and all(repository(image) in names for image in images)
