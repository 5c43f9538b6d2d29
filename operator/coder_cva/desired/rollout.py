"""When coderd's Deployment may change: a rollout that we cause is one that the user asked for.

Clauses: CVA-DB-009 (no downgrade without restoring the database); Coder's upgrade advice: replicas of
two versions do not overlap (docs, install/operate/upgrade/best-practices).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from coder_cva.desired import claims
from coder_cva.desired.plan import Part, Withheld
from coder_cva.snapshot import records
from coder_cva.snapshot.world import World
from coder_cva.values import version
from coder_cva.values.canonical import digest
from coder_cva.values.manifest import Manifest, dig, ref_of
from coder_cva.values.moment import timestamp
from coder_cva.values.quantity import byte_count, cpu_millicores

INPUTS: Final = "cva.coder.com/inputs"
"""Annotation on the Deployment: a digest of what the user decided."""
TEMPLATE: Final = "cva.coder.com/template"
"""Annotation on the Deployment: a digest of the Pod template that this operator rendered."""
MAINTENANCE: Final = "Maintenance"
"""Why the Deployment is not written while ``spec.maintenance`` is in force."""


def decide(world: World, wanted: Manifest) -> Part:
    """The Deployment to apply, or why it is not applied now and is kept as it is.

    It is kept in any case: what we made and cannot make sense of just now is still no thing to sweep.
    """
    wanted["metadata"]["annotations"][TEMPLATE] = digest(wanted["spec"]["template"])
    live = our_deployment(world)
    pending = _pending(world, wanted, live)
    missing = claims.missing_secret(world)
    if live is None:
        reason = _deleted_by_hand(world) or missing
    else:
        reason = (
            _in_maintenance(world) or _downgrade(wanted, live) or _unasked(world, live, pending)
        )
        reason = reason or _fits_nowhere(world, wanted, live)
    told = [one for one in (reason, missing) if one is not None]
    return Part(
        objects=() if reason else (wanted,),
        withheld=tuple(dict.fromkeys(told)),
        keep=frozenset({ref_of(wanted)}),
        pending=pending,
    )


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
    """The Deployment that we made and that is to be applied again, whatever somebody made of it."""
    for one in world.found.coderd:
        if one.ours and one.deployment.meta.name == world.deployment.name:
            return one.deployment
    return None


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
        MAINTENANCE,
        f"spec.maintenance is in force until {until}: coderd's Deployment is not written, scale and "
        "upgrade it by hand as you need; afterwards it is brought back to the spec",
    )


def _deleted_by_hand(world: World) -> Withheld | None:
    """Why coderd is not made again: the one that was there was deleted within a maintenance."""
    known = dig(world.previous, "controlPlane", "name") == world.deployment.name
    held = {"subject": _subject(world), "reason": MAINTENANCE}
    held_before = any(
        held.items() <= one.items() for one in dig(world.previous, "withheld", default=())
    )
    return _in_maintenance(world) if known or held_before else None


def _downgrade(wanted: Manifest, live: records.Deployment) -> Withheld | None:
    ahead, now = version.in_image(_image(wanted)), version.in_image(live.shape.image)
    # The tag of an image that is not Coder's says nothing about the database.
    if ahead is None or now is None or ahead >= now or not _is_coders(live, wanted):
        return None
    return Withheld(
        f"Deployment {live.meta.path}",
        "DowngradeRefused",
        f"coderd runs {now} and spec.controlPlane.version asks for {ahead}: Coder does not support a "
        "downgrade without restoring the database to the prior version first. "
        f"Set spec.controlPlane.version to {now} or later",
        rule="CVA-DB-009",
        blocking=True,
    )


def _pending(
    world: World, wanted: Manifest, live: records.Deployment | None
) -> Mapping[str, str] | None:
    """Another template from the same decisions of the user: its digest, and since when it is known.

    The moment is the previous status's where that knows this very template, so that a maintenance
    which was over before does not count.
    """
    notes = live.meta.annotations if live is not None else {}
    asked = wanted["metadata"]["annotations"]
    if INPUTS not in notes or notes[INPUTS] != asked[INPUTS]:
        return None
    if notes.get(TEMPLATE) == asked[TEMPLATE]:
        return None
    before = dig(world.previous, "pendingTemplate", default={})
    is_known = before.get("digest") == asked[TEMPLATE]
    since = before["since"] if is_known else timestamp(world.now)
    return {"digest": asked[TEMPLATE], "since": since}


def _unasked(
    world: World, live: records.Deployment, pending: Mapping[str, str] | None
) -> Withheld | None:
    """This operator renders the template differently, and nobody has asked for a rollout yet."""
    if pending is None or _maintenance_ended_after(world, pending["since"]):
        return None
    return Withheld(
        f"Deployment {live.meta.path}",
        "TemplateWaits",
        "this version of the operator renders another Pod template from the same spec; it is rolled "
        f"out when a spec.maintenance ends that lasts beyond {pending['since']}, or with your next "
        "change of spec.controlPlane",
    )


def _maintenance_ended_after(world: World, since: str) -> bool:
    """Whether the window for changes that nobody asked for has ended, and not before this moment."""
    maintenance = world.deployment.spec.maintenance
    if maintenance is None:
        return False
    return datetime.fromisoformat(since) < maintenance.until <= world.now


def _fits_nowhere(world: World, wanted: Manifest, live: records.Deployment) -> Withheld | None:
    """New resources that no node of the pool could ever hold: a rollout would leave replicas Pending."""
    amounts = dig(wanted, "spec", "template", "spec", "containers", 0, "resources", "requests")
    cpu, memory = cpu_millicores(amounts["cpu"]), byte_count(amounts["memory"])
    grows = cpu > live.shape.cpu_request_millicores or memory > live.shape.memory_request_bytes
    pool = world.deployment.spec.control_plane.node_pool
    nodes = world.pool(dict(pool.selector)) if pool else ()
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
    wanted = version.in_image(f":v{world.deployment.spec.control_plane.version}")
    return version.in_image(live.shape.image) != wanted


def _is_recreating(live: records.Deployment) -> bool:
    return dig(live.body, "spec", "strategy", "type") == "Recreate" and not live.is_settled


def _image(wanted: Manifest) -> str:
    image: str = dig(wanted, "spec", "template", "spec", "containers", 0, "image", default="")
    return image


def _is_coders(live: records.Deployment, wanted: Manifest) -> bool:
    """Whether the live image is Coder's: it plays coderd, or comes from where ours comes from."""
    return bool(live.shape.role) or _repository(live.shape.image) == _repository(_image(wanted))


def _repository(image: str) -> str:
    name = image.partition("@")[0]
    repository, _, tag = name.rpartition(":")
    return repository if repository and "/" not in tag else name


def _subject(world: World) -> str:
    return f"Deployment {world.deployment.namespace}/{world.deployment.name}"
