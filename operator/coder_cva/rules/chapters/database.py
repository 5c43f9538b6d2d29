"""The database: that it is external, that a standby is there, and where it is (CVA-DB-001, CVA-DB-004, CVA-DB-005)."""

from collections.abc import Iterator
from typing import Final

from coder_cva.rules import (
    database_measured,
    database_places,
    database_remedies,
    databases,
    remedies,
)
from coder_cva.rules.databases import DATABASE, URL
from coder_cva.rules.model import (
    Finding,
    Judgement,
    Rule,
    failed,
    not_applicable,
    passed,
    unknown,
    verdict,
)
from coder_cva.rules.subjects import CODERD, no_coderd
from coder_cva.sizing.database import is_large
from coder_cva.sizing.size import size
from coder_cva.snapshot import environment
from coder_cva.snapshot.masking import HIDDEN
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.world import World

_FILE: Final = "CODER_PG_CONNECTION_URL_FILE"
"""One page of Coder's reference has it, for one command; coderd's own reference does not."""
_REDUNDANT: Final = 2


def the_database_is_an_external_postgresql(world: World) -> Judgement:
    """CVA-DB-001: its URL is set, what is secret in it comes from a Secret, and the server is one that serves.

    Without a URL coderd runs a PostgreSQL of its own inside its Pod, and loses it with the Pod. What the
    server is, a probe tells, where the spec asks for one.
    """
    by_settings = _by_settings(world)
    measured = database_measured.findings_server(world)
    if not measured:
        return by_settings
    told = f"{by_settings.message}; the server itself is not one for coderd"
    return failed(told, [*by_settings.findings, *measured])


def _by_settings(world: World) -> Judgement:
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    secret = databases.url_secret(live)
    if secret:
        return passed(f"{URL} of {live.meta.path} comes from Secret {live.meta.namespace}/{secret}")
    if environment.is_elsewhere(live, URL):
        return unknown(
            "ValueNotSeen",
            f"{URL} of {live.meta.path} may come from a ConfigMap, a file, a Secret as a whole, or what starts "
            "coderd, which are not read here: name the Secret and its key by valueFrom.secretKeyRef",
        )
    said = environment.literal(live, URL) or ""
    if not said and environment.is_set(live, _FILE):
        return unknown(
            "ValueNotSeen", f"{_FILE} of {live.meta.path} names a file, which is not read here"
        )
    return _literal(world, live, said)


def _literal(world: World, live: Deployment, said: str) -> Judgement:
    told = f"{URL} of {live.meta.path}"
    if not said:
        finding = _finding(world, "not set: coderd starts a PostgreSQL of its own, in its Pod")
        return verdict([finding], held="", broken=f"{told} is not set")
    if said == HIDDEN:
        finding = _finding(
            world, "the URL with its password in clear, for whoever may read Deployments"
        )
        return verdict([finding], held="", broken=f"{told} is written in clear")
    if said.startswith("$("):
        return unknown("ValueNotSeen", f"{told} is {said}, and whence that comes is not seen")
    return passed(f"{told} is {said}, and no password is in it in clear")


def _finding(world: World, observed: str) -> Finding:
    live = world.coderd.deployment if world.coderd is not None else None
    meta = live.meta if live is not None else world.deployment.metadata
    ref = {"secretKeyRef": {"name": "coder-db-url", "key": "url"}}
    create = (
        f"kubectl -n {meta.namespace} create secret generic coder-db-url "
        "--from-literal=url='postgres://USER:PASSWORD@HOST:5432/coder?sslmode=verify-full'; then "
    )
    flag = environment.flag(live, URL) if live is not None else ""
    change = remedies.coderd(world, {"coder": {"env": [{"name": URL, "valueFrom": ref}]}})
    without = f"take {flag} out of the arguments, which win over variables; " if flag else ""
    return Finding(
        "CVA-DB-001",
        f"Deployment {meta.namespace}/{meta.name}",
        remedies.setting_field(world, URL),
        "the URL of an external PostgreSQL, from a Secret",
        observed,
        change if remedies.is_ours(world) else create + without + change,
    )


def a_large_deployments_database_is_highly_available(world: World) -> Judgement:
    """CVA-DB-004: from the first large tier on a second instance stands by."""
    none = database_remedies.no_database(world)
    if none is not None:
        return none
    spec = world.deployment.spec
    tier = f"tier {size(spec).tier} of edition {spec.edition}"
    if not is_large(spec):
        return not_applicable(f"{tier} is no large deployment")
    here = databases.cluster(world)
    if here is not None:
        told = f"{databases.name_of(here)} has instances: {here.instances}, and {tier} is large"
        return verdict(_alone(world), held=told, broken=told)
    said = databases.declared(world).high_availability
    if said is None and database_measured.is_replicated(world):
        return passed(f"a second server was seen to follow, and {tier} is large")
    if said is None:
        return unknown(
            "AvailabilityNotSeen",
            f"{tier} is large, and whether a standby of the database is there is not seen: "
            + database_remedies.say(world, {"highAvailability": True}),
        )
    told = f"spec.database.declared.highAvailability is {str(said).lower()}, and {tier} is large"
    return verdict([] if said else _alone(world), held=told, broken=told)


def _alone(world: World) -> Iterator[Finding]:
    here = databases.cluster(world)
    if here is not None and here.instances >= _REDUNDANT:
        return
    if here is not None:
        resource, field, observed = databases.name_of(here), "spec.instances", str(here.instances)
        change = database_remedies.cluster(here, {"instances": 3})
    else:
        resource, field, observed = (
            f"CoderDeployment {world.deployment.reference}",
            "spec.database.declared.highAvailability",
            "false",
        )
        change = "switch it on where the database is kept, then " + database_remedies.declare(
            world, {"highAvailability": True}
        )
    yield Finding(
        "CVA-DB-004", resource, field, "a standby that takes over by itself", observed, change
    )


def the_database_is_in_coderds_region(world: World) -> Judgement:
    """CVA-DB-005: in the region of coderd's nodes, and in a zone of theirs if that can be."""
    none = database_remedies.no_database(world)
    if none is not None:
        return none
    return database_places.judge(world)


RULES: Final = (
    Rule("CVA-DB-001", the_database_is_an_external_postgresql, CODERD),
    Rule("CVA-DB-004", a_large_deployments_database_is_highly_available, DATABASE),
    Rule("CVA-DB-005", the_database_is_in_coderds_region, DATABASE | {Need.NODES, Need.PODS}),
)
