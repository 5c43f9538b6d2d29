"""What is decided about the volumes of workspaces: class, bounds, volumes of the host.

Clauses: CVA-STO-002 (dynamic provisioning: the class of a claim that names none, bounds on its size),
CVA-STO-004 (no volumes of the host). A claim that exists is never touched.
"""

from coder_cva.desired import enforcement
from coder_cva.desired.enforcement import HOST_VOLUMES, VOLUME_BOUNDS, Mode
from coder_cva.desired.plan import Preview, Withheld
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World


def default_class(world: World) -> str | None:
    """The StorageClass for claims that name none; None where claims are left as they are.

    Setting it restricts nothing, so an adopted Coder gets it too, unless the rule is Audit or Off by
    the user's own word. A class that is not there would leave every new claim pending, so it is not
    handed out; where the classes cannot be read, what was decided before stays.
    """
    wanted = _wanted_class(world)
    if wanted is None:
        return None
    if Need.STORAGE_CLASSES in world.snapshot.missing():
        before = world.previous.get("placement") or {}
        known = (before.get("workspaces") or {}).get("storageClassName")
        return wanted if known == wanted else None
    return wanted if wanted in _classes(world) else None


def class_withheld(world: World) -> tuple[Withheld, ...]:
    """Why claims do not get the class that the spec names: it is not there, or another one comes first."""
    wanted = _wanted_class(world)
    if wanted is None or Need.STORAGE_CLASSES in world.snapshot.missing():
        return ()
    if wanted not in _classes(world):
        there = ", ".join(sorted(_classes(world))) or "none"
        return (
            Withheld(
                f"StorageClass {wanted}",
                "StorageClassMissing",
                f"spec.workspaces.storage.storageClassName is {wanted}, and there is no StorageClass of "
                f"that name (there is: {there}): claims are left as they are. Create it, or name another",
                rule=VOLUME_BOUNDS,
            ),
        )
    defaults = sorted(
        one.meta.name for one in world.snapshot.items(Need.STORAGE_CLASSES) if one.default
    )
    others = [name for name in defaults if name != wanted]
    if not others:
        return ()
    return (
        Withheld(
            f"StorageClass {wanted}",
            "DefaultClassComesFirst",
            f"the cluster's default StorageClass is {others[0]}: the API server writes it into a claim "
            "that names none before any policy sees it, and a class that is written is never changed. "
            f"Name {wanted} in the templates (storage_class_name), or make it the default: kubectl "
            f"annotate storageclass {wanted} storageclass.kubernetes.io/is-default-class=true, and "
            f"kubectl annotate storageclass {others[0]} storageclass.kubernetes.io/is-default-class-",
            rule=VOLUME_BOUNDS,
        ),
    )


def bounds(world: World) -> dict[str, str]:
    """``minSize`` and ``maxSize`` as far as they are enforced, as Kubernetes quantities."""
    storage = world.deployment.spec.workspaces.storage
    if enforcement.mode(world.deployment, VOLUME_BOUNDS) is not Mode.ENFORCE:
        return {}
    said = {"minSize": storage.min_size, "maxSize": storage.max_size}
    return {name: amount for name, amount in said.items() if amount is not None}


def host_volumes(world: World) -> str:
    """``Off``, ``Warn`` or ``Deny``: the spec's word, while the rule is enforced."""
    if enforcement.mode(world.deployment, HOST_VOLUMES) is not Mode.ENFORCE:
        return "Off"
    word: str = world.deployment.spec.workspaces.storage.host_volumes
    return word


def host_volume_previews(world: World) -> tuple[Preview, ...]:
    """The workspaces that a refusal of host volumes would keep from starting again."""
    if (
        host_volumes(world) == "Deny"
        or enforcement.mode(world.deployment, HOST_VOLUMES) is Mode.OFF
    ):
        return ()
    hit = sorted(
        f"Pod {one.pod.meta.path}" for one in world.found.workspaces if one.pod.shape.host_paths
    )
    if not hit:
        return ()
    return (
        Preview(
            HOST_VOLUMES,
            "these workspaces mount volumes of their node: with spec.workspaces.storage.hostVolumes: Deny "
            f"and {HOST_VOLUMES} enforced they would be refused at their next start",
            tuple(hit),
        ),
    )


def _wanted_class(world: World) -> str | None:
    spec = world.deployment.spec
    if spec.enforcement.rules.get(VOLUME_BOUNDS, "Enforce") != "Enforce":
        return None
    name: str | None = spec.workspaces.storage.storage_class_name
    return name


def _classes(world: World) -> frozenset[str]:
    return frozenset(one.meta.name for one in world.snapshot.items(Need.STORAGE_CLASSES))
