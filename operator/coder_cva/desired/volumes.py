"""What is decided about the volumes of workspaces: class, bounds, volumes of the host.

Clauses: CVA-STO-002 (dynamic provisioning: the class of a claim that names none, bounds on its size),
CVA-STO-004 (no volumes of the host). A claim that exists is never touched.
"""

from collections.abc import Callable, Mapping

from coder_cva.desired import confirming, enforcement, host_exemptions
from coder_cva.desired.enforcement import HOST_VOLUMES, VOLUME_BOUNDS, Mode
from coder_cva.desired.plan import Withheld
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


def said_bounds(world: World) -> dict[str, str]:
    """``minSize`` and ``maxSize`` as far as the spec says them, as Kubernetes quantities."""
    storage = world.deployment.spec.workspaces.storage
    said = {"minSize": storage.min_size, "maxSize": storage.max_size}
    return {name: amount for name, amount in said.items() if amount is not None}


def bounds(world: World) -> dict[str, str]:
    """The same as far as they are enforced anywhere."""
    return said_bounds(world) if bounded_in(world) else {}


def bounded_in(world: World) -> tuple[str, ...]:
    """The namespaces in which new claims have bounds, sorted."""
    said = said_bounds(world)
    if not said:
        return ()
    return _in_force(world, VOLUME_BOUNDS, lambda namespace: bounds_hit(namespace, said))


def bounds_hit(namespace: str, said: Mapping[str, str]) -> str:
    """The class of all new claims in a namespace; other bounds are another class."""
    words = {"minSize": "less than", "maxSize": "more than"}
    limits = " or ".join(f"{words[name]} {amount}" for name, amount in sorted(said.items()))
    return f"new claims of {limits} in {namespace}"


def host_volumes(world: World) -> str:
    """``Off``, ``Warn`` or ``Deny``: the spec's word, while the rule is enforced anywhere."""
    word: str = world.deployment.spec.workspaces.storage.host_volumes
    if enforcement.mode(world.deployment, HOST_VOLUMES) is Mode.ENFORCE:
        return word
    return word if word == "Deny" and denied_in(world) else "Off"


def denied_in(world: World) -> tuple[str, ...]:
    """The namespaces in which workspaces with volumes of their node are refused, sorted."""
    if world.deployment.spec.workspaces.storage.host_volumes != "Deny":
        return ()
    asked = set(host_places(world))
    return tuple(one for one in _in_force(world, HOST_VOLUMES, host_volumes_hit) if one in asked)


def host_places(world: World) -> tuple[str, ...]:
    """The namespaces of workspaces in which volumes of the node are anybody's business, sorted."""
    return tuple(
        sorted(
            one.name
            for one in world.found.namespaces
            if not host_exemptions.of_place(world, one.name)
        )
    )


def host_volumes_hit(namespace: str) -> str:
    """The class of all workspaces of a namespace that mount volumes of their node."""
    return f"volumes of the node in {namespace}"


def _in_force(world: World, rule: str, hit: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(
        sorted(
            one.name
            for one in world.found.namespaces
            if confirming.mode_of(world, rule, hit(one.name)) is Mode.ENFORCE
        )
    )


def _wanted_class(world: World) -> str | None:
    spec = world.deployment.spec
    if spec.enforcement.rules.get(VOLUME_BOUNDS, "Enforce") != "Enforce":
        return None
    name: str | None = spec.workspaces.storage.storage_class_name
    return name


def _classes(world: World) -> frozenset[str]:
    return frozenset(one.meta.name for one in world.snapshot.items(Need.STORAGE_CLASSES))
