"""The versions of coderd that were seen, and the last change to a later one (CVA-DB-008, CVA-DB-009).

No object of a cluster remembers them: the status does. It holds the highest version that was seen and, of
the last upgrade, when it was seen and when the backup before it had succeeded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coder_cva.rules import database_backups
from coder_cva.snapshot.world import World
from coder_cva.values import version
from coder_cva.values.manifest import dig
from coder_cva.values.moment import parsed, timestamp
from coder_cva.values.version import Version


@dataclass(frozen=True, slots=True)
class Upgrade:
    """From which version to which, when it was seen, and the last backup before it; None where none was seen."""

    before: str
    after: str
    seen: datetime
    backup: datetime | None


def present(world: World) -> Version | None:
    """The version that coderd has now, by its image's tag; None where that says none."""
    live = world.coderd.deployment if world.coderd is not None else None
    return version.in_image(live.shape.image) if live is not None and live.shape.role else None


def highest_before(world: World) -> Version | None:
    """The highest version that was seen before this look."""
    known = (_version(world, "highestVersion"), _version(world, "version"))
    return max((one for one in known if one is not None), default=None)


def latest(world: World) -> Upgrade | None:
    """The last upgrade: one that this look shows, else the one that the status remembers."""
    # An image with a digest behind its tag has none of these for its version.
    now, before = present(world), _version(world, "version") or _version(world, "highestVersion")
    if now is not None and before is not None and now > before:
        return Upgrade(
            str(before), str(now), world.now, database_backups.last_before(world, world.now)
        )
    kept = dig(world.previous, "controlPlane", "upgrade")
    seen = parsed(str(dig(kept, "seenAt", default="")))
    if seen is None:
        return None
    backup = parsed(str(dig(kept, "backupAt", default="")))
    return Upgrade(
        str(dig(kept, "fromVersion", default="")),
        str(dig(kept, "toVersion", default="")),
        seen,
        backup or database_backups.last_before(world, seen),
    )


def told(world: World) -> Mapping[str, Any]:
    """What the status is to remember of it."""
    known = [one for one in (present(world), highest_before(world)) if one is not None]
    upgrade = latest(world)
    return {
        "highestVersion": str(max(known)) if known else None,
        "upgrade": _told(upgrade) if upgrade is not None else None,
    }


def _told(upgrade: Upgrade) -> Mapping[str, Any]:
    return {
        "fromVersion": upgrade.before,
        "toVersion": upgrade.after,
        "seenAt": timestamp(upgrade.seen),
        "backupAt": timestamp(upgrade.backup) if upgrade.backup is not None else None,
    }


def _version(world: World, field: str) -> Version | None:
    return version.in_image(f":{dig(world.previous, 'controlPlane', field, default='')}")
