"""The size of the database, and what a small one carries (CVA-DB-002, CVA-DB-003, CVA-PROV-003)."""

from collections.abc import Iterator
from typing import Final, get_args

from coder_cva.api.v1alpha1.database import SizingPolicy
from coder_cva.catalogue.architectures import architectures
from coder_cva.rules import (
    coder_word,
    database_measured,
    database_remedies,
    databases,
    external_provisioners,
)
from coder_cva.rules.databases import DATABASE, Known
from coder_cva.rules.external_provisioners import Way
from coder_cva.rules.machine_types import is_burstable
from coder_cva.rules.model import Finding, Judgement, Rule, failed, not_applicable, unknown, verdict
from coder_cva.rules.subjects import NAMESPACES, are
from coder_cva.sizing.database import DatabaseSize, database_size
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World
from coder_cva.values.quantity import byte_text, cpu_millicores, cpu_text

_SIZE_NOT_SEEN: Final = "SizeNotSeen"
_DECIMAL: Final = (10**9, 2**30)
"""The pages write GB, the catalogue Gi: who has as many GB has enough."""


def the_database_has_the_size_of_its_tier(world: World) -> Judgement:
    """CVA-DB-002: CPU and memory by the tier's table, the baseline or the list of types, whichever the spec names."""
    none = database_remedies.no_database(world)
    if none is not None:
        return none
    wanted = database_size(world.deployment.spec)
    cpu, memory = databases.cpu(world), databases.memory(world)
    asked = f"{cpu_text(wanted.cpu_millicores)} CPU and {byte_text(wanted.memory_bytes)}"
    throttled = list(_burstable(world))
    if throttled:
        return failed(f"{wanted.rule} asks for {asked}, at any time", throttled)
    if cpu is None or memory is None:
        lacking = "CPU" if cpu is None else "memory"
        return unknown(
            _SIZE_NOT_SEEN,
            f"the {lacking} of the database is not seen; {wanted.rule} asks for {asked}: "
            + database_remedies.say(world, {"cpu": "8", "memory": "32Gi"}),
        )
    told = (
        f"{cpu_text(cpu.amount)} CPU and {byte_text(memory.amount)} by {cpu.source}; {wanted.rule} asks for "
        f"{asked}"
    )
    return verdict(_small(world, wanted, cpu, memory), held=told, broken=told)


def _burstable(world: World) -> Iterator[Finding]:
    kind = databases.declared(world).instance_type or ""
    if databases.cluster(world) is not None or not is_burstable(kind):
        return
    yield Finding(
        "CVA-DB-002",
        f"CoderDeployment {world.deployment.reference}",
        "spec.database.declared.instanceType",
        "a machine with its whole CPU at any time",
        f"{kind}, which is throttled to a part of its CPU after a while",
        "move the database to a general-purpose type, then "
        + database_remedies.declare(world, {"instanceType": "db.m6i.2xlarge"}),
    )


def _small(world: World, wanted: DatabaseSize, cpu: Known, memory: Known) -> Iterator[Finding]:
    is_cpu_enough = cpu.amount >= wanted.cpu_millicores
    is_memory_enough = _is_enough(memory.amount, wanted.memory_bytes)
    if is_cpu_enough and is_memory_enough:
        return
    amounts = {
        "cpu": cpu_text(max(cpu.amount, wanted.cpu_millicores)),
        "memory": byte_text(memory.amount if is_memory_enough else wanted.memory_bytes),
    }
    here = databases.cluster(world)
    if here is not None:
        resources = {"requests": amounts, "limits": dict(amounts)}
        change = database_remedies.cluster(here, {"resources": resources})
        resource, field = databases.name_of(here), "spec.resources.requests"
    else:
        change = "enlarge it where it is kept, then " + database_remedies.declare(world, amounts)
        resource, field = f"CoderDeployment {world.deployment.reference}", cpu.source
    yield Finding(
        "CVA-DB-002",
        resource,
        field,
        f"{cpu_text(wanted.cpu_millicores)} CPU and {byte_text(wanted.memory_bytes)} or more, by {wanted.rule}",
        f"{cpu_text(cpu.amount)} CPU and {byte_text(memory.amount)}",
        _other_rule(world, wanted, cpu, memory) + change,
    )


def _other_rule(world: World, wanted: DatabaseSize, cpu: Known, memory: Known) -> str:
    """The rules of which the database has what they ask for, as a way out."""
    others = (
        database_size(world.deployment.spec, one)
        for one in get_args(SizingPolicy)
        if one != wanted.policy
    )
    held = [
        one.rule
        for one in others
        if cpu.amount >= one.cpu_millicores and _is_enough(memory.amount, one.memory_bytes)
    ]
    if not held:
        return ""
    return f"it has what {' and '.join(held)} asks for: where that is the rule to follow, say so. Else "


def _is_enough(amount: int, wanted: int) -> bool:
    decimal, binary = _DECIMAL
    return amount >= wanted * decimal // binary


def the_database_has_storage_enough(world: World) -> Judgement:
    """CVA-DB-003: the tier's disk, or the baseline's where the edition gives none."""
    none = database_remedies.no_database(world)
    if none is not None:
        return none
    wanted, has = database_size(world.deployment.spec), databases.storage(world)
    asked = byte_text(wanted.storage_bytes)
    if has is None:
        return unknown(
            _SIZE_NOT_SEEN,
            f"the disk of the database is not seen; {wanted.rule} asks for {asked}: "
            + database_remedies.say(world, {"storage": "512Gi"}),
        )
    told = f"{byte_text(has.amount)} by {has.source}; {wanted.rule} asks for {asked}"
    findings = [
        *_little_storage(world, wanted, has),
        *database_measured.findings_storage(world, has.amount),
    ]
    return verdict(findings, held=told, broken=told)


def _little_storage(world: World, wanted: DatabaseSize, has: Known) -> Iterator[Finding]:
    if _is_enough(has.amount, wanted.storage_bytes):
        return
    asked, here = byte_text(wanted.storage_bytes), databases.cluster(world)
    if here is not None:
        change = (
            "where its StorageClass lets volumes grow (a disk is never made smaller again), "
            + database_remedies.cluster(here, {"storage": {"size": asked}})
        )
        resource, field = databases.name_of(here), "spec.storage.size"
    else:
        change = "enlarge it where it is kept, then " + database_remedies.declare(
            world, {"storage": asked}
        )
        resource, field = f"CoderDeployment {world.deployment.reference}", has.source
    yield Finding(
        "CVA-DB-003",
        resource,
        field,
        f"{asked} or more, by {wanted.rule}",
        byte_text(has.amount) if has.amount else "not said",
        change,
    )


def the_baseline_database_serves_a_hundred_provisioners(world: World) -> Judgement:
    """CVA-PROV-003: no more external provisioners than the baseline carries, where the database is no larger."""
    none = database_remedies.no_database(world)
    if none is not None:
        return none
    spec = world.deployment.spec
    base = architectures(spec.edition).database_baseline
    wanted = database_size(spec)
    has = databases.cpu(world)
    cpu = wanted.cpu_millicores if has is None else has.amount
    size = (
        f"{wanted.rule} asks for a database of {cpu_text(cpu)} CPU"
        if has is None
        else f"the database has {cpu_text(cpu)} CPU by {has.source}"
    )
    here, all_of_them = _fleet(world)
    if cpu > base.cpu_millicores and has is None and all_of_them > base.external_provisioners:
        return unknown(
            _SIZE_NOT_SEEN,
            f"{are(all_of_them, 'external provisioner')}, more than the {base.external_provisioners} of the baseline "
            f"database, and the CPU of the database is not seen; {size}: "
            + database_remedies.say(world, {"cpu": cpu_text(cpu)}),
        )
    if cpu > base.cpu_millicores:
        return not_applicable(f"{size}, more than the baseline's {base.cpu}")
    told = f"{are(all_of_them, 'external provisioner')}; {size}, the baseline, which carries {base.external_provisioners}"
    if not all_of_them and not _is_known(world):
        return unknown(
            "ProvisionersNotSeen",
            f"no external provisioner runs in the namespaces that consent, and whether some run elsewhere is not "
            f"seen; {size}, the baseline, which carries {base.external_provisioners}{coder_word.ask(world)}",
        )
    if here <= base.external_provisioners < all_of_them:
        return unknown(
            "ConnectionNotSeen",
            f"{told}; of only {here} it is seen that they build for this coderd{coder_word.ask(world)}",
        )
    return verdict(_too_many(world, here, base.external_provisioners), held=told, broken=told)


def _fleet(world: World) -> tuple[int, int]:
    """The external provisioners that surely build for this coderd, and with those that may, of which Coder itself knows."""
    fleet = external_provisioners.external(world)
    here = sum(one.deployment.replicas for one in fleet if one.way is Way.HERE)
    known = coder_word.value(coder_word.seen(world).daemons)
    if known is not None:
        here = max(here, sum(one.is_connected and not one.is_built_in for one in known))
        return here, here
    return here, here + sum(one.deployment.replicas for one in fleet if one.way is Way.UNKNOWN)


def _is_known(world: World) -> bool:
    return coder_word.value(coder_word.seen(world).daemons) is not None


def _too_many(world: World, count: int, most: int) -> Iterator[Finding]:
    if count <= most:
        return
    spec = world.deployment.spec
    base = architectures(spec.edition).database_baseline
    table = database_size(spec, "Tier")
    cpu = max(
        table.cpu_millicores,
        base.cpu_millicores + cpu_millicores(base.cpu_per_1000_active_users),
    )
    amounts = {"cpu": cpu_text(cpu), "memory": byte_text(table.memory_bytes)}
    here = databases.cluster(world)
    larger = (
        database_remedies.cluster(
            here, {"resources": {"requests": amounts, "limits": dict(amounts)}}
        )
        if here is not None
        else database_remedies.declare(world, amounts)
    )
    yield Finding(
        "CVA-PROV-003",
        databases.name_of(here)
        if here is not None
        else f"CoderDeployment {world.deployment.reference}",
        "external provisioners",
        f"{most} at most on the baseline database",
        str(count),
        f"run fewer, or give the database more: {larger}",
    )


_FLEET: Final = NAMESPACES | {Need.SERVICES}

RULES: Final = (
    Rule("CVA-DB-002", the_database_has_the_size_of_its_tier, DATABASE),
    Rule("CVA-DB-003", the_database_has_storage_enough, DATABASE),
    Rule("CVA-PROV-003", the_baseline_database_serves_a_hundred_provisioners, DATABASE | _FLEET),
)
