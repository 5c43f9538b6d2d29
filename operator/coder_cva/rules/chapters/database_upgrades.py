"""Upgrades of coderd and its database: a backup before each, and no way back without it (CVA-DB-008, CVA-DB-009)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from coder_cva.rules import database_backups, remedies, upgrades
from coder_cva.rules.database_backups import BACKUPS
from coder_cva.rules.model import Finding, Judgement, Rule, unknown, verdict
from coder_cva.rules.subjects import CODERD, no_coderd
from coder_cva.rules.upgrades import Upgrade
from coder_cva.snapshot.world import World
from coder_cva.values.moment import timestamp
from coder_cva.values.version import Version

_BEFORE: Final = timedelta(hours=24)
"""Inferred: a nightly backup is one before an upgrade by day; what is older loses a day of work."""
_YEAR: Final = timedelta(days=365)
_ATTEST: Final = (
    "state how a backup precedes each upgrade, with evidence and a date, in spec.attestations"
)


def a_backup_precedes_every_upgrade(world: World) -> Judgement:
    """CVA-DB-008: within a day before the last upgrade that was seen a backup had succeeded."""
    if world.coderd is None:
        return no_coderd(world)
    upgrade = upgrades.latest(world)
    if upgrade is None:
        now = upgrades.present(world)
        return unknown(
            "NoUpgradeSeen",
            f"no upgrade of coderd was seen yet (it has version {now or 'of its own naming'}): {_ATTEST}",
        )
    told = (
        f"coderd went from {upgrade.before} to {upgrade.after}, seen at {timestamp(upgrade.seen)}"
    )
    if upgrade.backup is None and _is_open(world, upgrade):
        return unknown("BackupNotSeen", f"{told}; no backup before that is seen: {_ATTEST}")
    last = timestamp(upgrade.backup) if upgrade.backup is not None else "none"
    told = f"{told}; the last backup before that: {last}"
    return verdict(_too_old(world, upgrade, last), held=told, broken=told)


def _is_open(world: World, upgrade: Upgrade) -> bool:
    """Whether there may have been one all the same: nothing is seen, or a CronJob that knows its last success alone."""
    found = database_backups.backups(world)
    return not found or any(
        one.kind == "CronJob" and one.succeeded and one.succeeded[-1] > upgrade.seen
        for one in found
    )


def _too_old(world: World, upgrade: Upgrade, last: str) -> Iterator[Finding]:
    if upgrade.backup is not None and upgrade.seen - upgrade.backup <= _BEFORE:
        return
    yield Finding(
        "CVA-DB-008",
        _resource(world),
        "last backup before the upgrade",
        f"within 24 hours before {timestamp(upgrade.seen)}",
        last,
        f"{_back_up(world)}; before the next upgrade do so first. That this one is over and went well is accepted "
        + remedies.resource(
            world, {"waivers": [_waiver(world, "CVA-DB-008", "the upgrade went well")]}
        ),
    )


def _back_up(world: World) -> str:
    """A backup now, by what backs the database up already."""
    for one in database_backups.backups(world):
        if one.kind == "CronJob":
            return f"back up now: kubectl -n {one.namespace} create job {one.name}-now --from=cronjob/{one.name}"
    return "back up now, by kubectl cnpg backup or the database's own tool"


def no_downgrade_without_restoring(world: World) -> Judgement:
    """CVA-DB-009: coderd's version is none below the highest that was seen on this database."""
    if world.coderd is None:
        return no_coderd(world)
    image = world.coderd.deployment.shape.image
    now, before = upgrades.present(world), upgrades.highest_before(world)
    if now is None:
        return unknown(
            "VersionNotSeen", f"the image {image} names no version: give it a tag that is one"
        )
    if before is None:
        return unknown(
            "NoVersionSeenBefore",
            f"{now} is the first version of coderd that is seen here; from now on the highest one is kept in "
            "status.controlPlane.highestVersion",
        )
    told = f"coderd has version {now}; the highest that was seen is {before}"
    return verdict(_below(world, now, before), held=told, broken=told)


def _below(world: World, now: Version, before: Version) -> Iterator[Finding]:
    if now >= before:
        return
    yield Finding(
        "CVA-DB-009",
        _resource(world),
        "spec.template.spec.containers[coder].image",
        f"{before} or later: an older coderd does not know the newer schema",
        str(now),
        f"go back to {before}, or restore the database from a backup of {now}'s time; that it was restored is said "
        + remedies.resource(
            world,
            {
                "waivers": [
                    _waiver(world, "CVA-DB-009", f"the database was restored to that of {now}")
                ]
            },
        ),
    )


def _resource(world: World) -> str:
    return f"Deployment {world.coderd.deployment.meta.path}" if world.coderd is not None else ""


def _waiver(world: World, rule: str, reason: str) -> dict[str, object]:
    until = (world.now + _YEAR).date().isoformat()
    return {"rule": rule, "reason": reason, "until": until}


RULES: Final = (
    Rule("CVA-DB-008", a_backup_precedes_every_upgrade, BACKUPS),
    Rule("CVA-DB-009", no_downgrade_without_restoring, CODERD),
)
