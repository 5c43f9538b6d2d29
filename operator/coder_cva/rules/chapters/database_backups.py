"""Backups of the database: that there are some, and regularly (CVA-DB-007)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from coder_cva.rules import database_backups, database_remedies, databases
from coder_cva.rules.database_backups import BACKUPS, Backup
from coder_cva.rules.model import Finding, Judgement, Rule, failed, passed, unknown
from coder_cva.rules.subjects import named
from coder_cva.snapshot.world import World
from coder_cva.values.moment import timestamp

_SELDOM: Final = timedelta(days=7)
"""Inferred: the document says regular and gives no figure; a week of lost work is what we take for the most."""
_SOON: Final = timedelta(days=1)
"""Inferred: who backs up every hour has time for a slow one; a day without a backup is told."""
_RUNS: Final = 2
"""A backup may fail once: after two runs without a success it is overdue."""
_KINDS: Final = {
    "CronJob": ("cronjob", "0 2 * * *"),
    "ScheduledBackup": ("scheduledbackups.postgresql.cnpg.io", "0 0 2 * * *"),
}
"""By kind how kubectl calls it, and a schedule for every night."""


def the_database_is_backed_up_regularly(world: World) -> Judgement:
    """CVA-DB-007: something backs it up at least weekly, and has succeeded within its last two runs, or a day."""
    none = database_remedies.no_database(world)
    if none is not None:
        return none
    found = database_backups.backups(world)
    if not found:
        return unknown("BackupNotSeen", _none_seen(world))
    findings = [finding for one in found for finding in _lacking(one, world.now)]
    sound = [one for one in found if not any(it.resource == one.resource for it in findings)]
    done = [one for one in sound if one.succeeded]
    if done:
        return passed("; ".join(_told(one) for one in done))
    if sound:
        return unknown(
            "NoBackupYet",
            f"{sound[0].resource} has not succeeded yet; by its schedule {sound[0].schedule!r} it has time until "
            f"{timestamp(_due(sound[0]))}",
        )
    return failed("; ".join(_told(one) for one in found), findings)


def _none_seen(world: World) -> str:
    here = databases.cluster(world)
    make = (
        f"make one: a ScheduledBackup in {here.meta.namespace} with spec.cluster.name {here.meta.name} and "
        f"spec.schedule {_KINDS['ScheduledBackup'][1]!r}. Where"
        if here is not None
        else "where"
    )
    return (
        "no ScheduledBackup of CloudNativePG and no CronJob with pg_dump is seen in "
        f"{named(list(database_backups.spaces(world)))}; {make} the database is backed up elsewhere, by its "
        "provider for instance, state that with evidence and a date in spec.attestations"
    )


def _told(backup: Backup) -> str:
    last = (
        f"last succeeded at {timestamp(backup.succeeded[-1])}"
        if backup.succeeded
        else "has not succeeded"
    )
    return f"{backup.resource}, scheduled {backup.schedule!r}, {last}"


def _allowed(backup: Backup) -> timedelta:
    """How old the last success may be."""
    return max(min(backup.gap or _SELDOM, _SELDOM) * _RUNS, _SOON)


def _due(backup: Backup) -> datetime:
    """When the next success is overdue; one that nobody saw made is overdue at once."""
    last = backup.succeeded[-1] if backup.succeeded else backup.made
    return last + _allowed(backup) if last is not None else datetime.min.replace(tzinfo=UTC)


def _lacking(backup: Backup, now: datetime) -> Iterator[Finding]:
    call, nightly = _KINDS[backup.kind]
    patch = f"kubectl -n {backup.namespace} patch {call} {backup.name} --type=merge -p"
    if backup.suspended:
        yield _finding(
            backup, "spec.suspend", "false", "true", f'{patch} \'{{"spec":{{"suspend":false}}}}\''
        )
    if backup.gap is not None and backup.gap > _SELDOM:
        yield _finding(
            backup,
            "spec.schedule",
            "once a week or more often",
            f"{backup.schedule}, up to {_words(backup.gap)} apart",
            f'{patch} \'{{"spec":{{"schedule":"{nightly}"}}}}\'',
        )
    if now > _due(backup):
        last = timestamp(backup.succeeded[-1]) if backup.succeeded else "none"
        yield _finding(
            backup,
            "last success",
            f"within {_words(_allowed(backup))}: two runs of {backup.schedule!r}, a day at least",
            last,
            _look(backup),
        )


def _finding(backup: Backup, field: str, expected: str, observed: str, remedy: str) -> Finding:
    return Finding("CVA-DB-007", backup.resource, field, expected, observed, remedy)


def _look(backup: Backup) -> str:
    space, name = backup.namespace, backup.name
    if backup.kind == "CronJob":
        return (
            f"see why it fails: kubectl -n {space} describe cronjob {name}; then run it at once: "
            f"kubectl -n {space} create job {name}-now --from=cronjob/{name}"
        )
    return (
        f"see why it fails: kubectl -n {space} get backups.postgresql.cnpg.io; "
        f"kubectl -n {space} describe scheduledbackups.postgresql.cnpg.io {name}"
    )


def _words(span: timedelta) -> str:
    hours = span // timedelta(hours=1)
    return f"{hours} hours" if hours < 48 else f"{hours // 24} days"


RULES: Final = (Rule("CVA-DB-007", the_database_is_backed_up_regularly, BACKUPS),)
