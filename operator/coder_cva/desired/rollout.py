"""When coderd's Deployment may change: a rollout that we cause is one that the user asked for.

Clauses: CVA-DB-009 (no downgrade without restoring the database); Coder's upgrade advice: replicas of
two versions do not overlap (docs, install/operate/upgrade/best-practices).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from coder_cva.desired import claims
from coder_cva.desired.plan import Part, Withheld
from coder_cva.snapshot import pools, records
from coder_cva.snapshot.world import World
from coder_cva.values.canonical import digest
from coder_cva.values.manifest import Manifest, dig, ref_of
from coder_cva.values.quantity import byte_count, cpu_millicores

INPUTS: Final = "cva.coder.com/inputs"
"""Annotation on the Deployment: a digest of what the user decided."""
TEMPLATE: Final = "cva.coder.com/template"
"""Annotation on the Deployment: a digest of the Pod template that this operator rendered."""

_VERSION = re.compile(r":v?(\d+)\.(\d+)\.(\d+)")


def decide(world: World, wanted: Manifest) -> Part:
    """The Deployment to apply, or why it is not applied now and is kept as it is."""
    wanted["metadata"]["annotations"][TEMPLATE] = digest(wanted["spec"]["template"])
    live = our_deployment(world)
    missing = claims.missing_secret(world)
    if live is None:
        return Part(withheld=(missing,)) if missing else Part(objects=(wanted,))
    kept = frozenset({ref_of(wanted)})
    notices = (missing,) if missing else ()
    reason = _in_maintenance(world) or _downgrade(wanted, live) or _unasked(world, wanted, live)
    reason = reason or _fits_nowhere(world, wanted, live)
    if reason is not None:
        return Part(withheld=(reason, *notices), keep=kept)
    return Part(objects=(wanted,), withheld=notices)


def strategy(world: World) -> Mapping[str, Any]:
    """Recreate from a change of Coder's version until that rollout is over, else rolling by one.

    Both forms say everything about themselves: the API server would otherwise fill in a
    ``rollingUpdate`` that it then refuses beside ``Recreate``.
    """
    live = our_deployment(world)
    if live is not None and (_changes_version(world, live) or _is_recreating(live)):
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def our_deployment(world: World) -> records.Deployment | None:
    """The Deployment that we made and that is to be applied again."""
    for one in world.found.coderd:
        if one.ours and one.deployment.meta.name == world.deployment.name:
            return one.deployment
    return None


def version_in(image: str) -> tuple[int, int, int] | None:
    """The version in an image's tag, None where the tag is none."""
    match = _VERSION.search(image)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def maintenance_ends(world: World) -> str:
    """Until when maintenance is in force, as the user wrote it; "" where it is not."""
    maintenance = world.deployment.spec.maintenance
    if maintenance is None or maintenance.until <= world.now:
        return ""
    return maintenance.until.isoformat()


def _in_maintenance(world: World) -> Withheld | None:
    until = maintenance_ends(world)
    if not until:
        return None
    return Withheld(
        _subject(world),
        "Maintenance",
        f"spec.maintenance is in force until {until}: coderd's Deployment is not written, scale and "
        "upgrade it by hand as you need; afterwards it is brought back to the spec",
    )


def _downgrade(wanted: Manifest, live: records.Deployment) -> Withheld | None:
    ahead, now = version_in(_image(wanted)), version_in(live.shape.image)
    if ahead is None or now is None or ahead >= now:
        return None
    return Withheld(
        f"Deployment {live.meta.path}",
        "DowngradeRefused",
        f"coderd runs {_dotted(now)} and spec.controlPlane.version asks for {_dotted(ahead)}: Coder "
        "does not support a downgrade without restoring the database to the prior version first. "
        f"Set spec.controlPlane.version to {_dotted(now)} or later",
        rule="CVA-DB-009",
        blocking=True,
    )


def _unasked(world: World, wanted: Manifest, live: records.Deployment) -> Withheld | None:
    """Another template from the same decisions of the user: this operator renders it differently."""
    notes = live.meta.annotations
    asked = wanted["metadata"]["annotations"]
    if INPUTS not in notes or notes[INPUTS] != asked[INPUTS]:
        return None
    if notes.get(TEMPLATE) == asked[TEMPLATE] or maintenance_was_seen(world):
        return None
    return Withheld(
        f"Deployment {live.meta.path}",
        "TemplateWaits",
        "this version of the operator renders another Pod template from the same spec; it is rolled "
        "out when a spec.maintenance ends, or with your next change of spec.controlPlane",
    )


def maintenance_was_seen(world: World) -> bool:
    """Whether a maintenance is declared that has ended: the window for changes that nobody asked for."""
    maintenance = world.deployment.spec.maintenance
    return maintenance is not None and maintenance.until <= world.now


def _fits_nowhere(world: World, wanted: Manifest, live: records.Deployment) -> Withheld | None:
    """New resources that no node of the pool could ever hold: a rollout would leave replicas Pending."""
    amounts = dig(wanted, "spec", "template", "spec", "containers", 0, "resources", "requests")
    cpu, memory = cpu_millicores(amounts["cpu"]), byte_count(amounts["memory"])
    grows = cpu > live.shape.cpu_request_millicores or memory > live.shape.memory_request_bytes
    pool = world.deployment.spec.control_plane.node_pool
    nodes = pools.pool_nodes(dict(pool.selector), world.snapshot) if pool else ()
    if not grows or not nodes:
        return None
    if any(one.cpu_millicores >= cpu and one.memory_bytes >= memory for one in nodes):
        return None
    return Withheld(
        f"Deployment {live.meta.path}",
        "FitsNoNode",
        f"a replica of {amounts['cpu']} CPU and {amounts['memory']} fits no node of the control plane's "
        "pool: the Deployment stays as it is. Use larger nodes, or lower spec.controlPlane.resources",
        rule="CVA-CTL-002",
        blocking=True,
    )


def _changes_version(world: World, live: records.Deployment) -> bool:
    wanted = version_in(f":v{world.deployment.spec.control_plane.version}")
    return version_in(live.shape.image) != wanted


def _is_recreating(live: records.Deployment) -> bool:
    return dig(live.body, "spec", "strategy", "type") == "Recreate" and not live.is_settled


def _image(wanted: Manifest) -> str:
    image: str = dig(wanted, "spec", "template", "spec", "containers", 0, "image", default="")
    return image


def _subject(world: World) -> str:
    return f"Deployment {world.deployment.namespace}/{world.deployment.name}"


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(str(part) for part in version)
