"""What is known of coderd's PostgreSQL, and from where: a Cluster of CloudNativePG, else what the spec declares.

The connection URL stands in a Secret, whose values are not read. Names tell which Cluster is meant all the
same: the host, where it stands in clear, the Secret that CloudNativePG makes for each of its Clusters, or
that there is only one beside coderd.
"""

import re
from dataclasses import dataclass
from typing import Final

from coder_cva.api.v1alpha1.database import DeclaredDatabase
from coder_cva.catalogue.database_types import database_types
from coder_cva.rules.subjects import CODERD
from coder_cva.snapshot import environment
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.records_databases import PostgresCluster
from coder_cva.snapshot.world import World
from coder_cva.values.quantity import byte_count, cpu_millicores

URL: Final = "CODER_PG_CONNECTION_URL"
DATABASE: Final = CODERD | {Need.POSTGRES_CLUSTERS}
"""What knowing the database takes."""
_SERVICES: Final = ("-rw", "-ro", "-r")
_SECRETS: Final = ("-app", "-superuser")
"""What CloudNativePG adds to a Cluster's name for its Services and Secrets."""
_REFERENCE: Final = re.compile(r"\$\(([\w.-]+)\)")
_HOST: Final = re.compile(r"postgres(?:ql)?://([\w.-]+)")


@dataclass(frozen=True, slots=True)
class Known:
    """An amount and who says it: millicores or bytes."""

    amount: int
    source: str


def name_of(cluster: PostgresCluster) -> str:
    """A Cluster as findings name it."""
    return f"Cluster {cluster.meta.path}"


def url_secret(live: Deployment) -> str:
    """The Secret from which the URL comes, be it by another variable; "" where none is named."""
    reference = _REFERENCE.fullmatch(environment.literal(live, URL) or "")
    return environment.secret_of(live, reference[1] if reference else URL)


def declared(world: World) -> DeclaredDatabase:
    """What the spec says of a database outside of the cluster; nothing where it says nothing."""
    database = world.deployment.spec.database
    return database.declared if database is not None else DeclaredDatabase()


def cluster(world: World) -> PostgresCluster | None:
    """The Cluster that is coderd's database; None where none is seen, or it cannot be told which."""
    found: tuple[PostgresCluster, ...] = world.snapshot.items(Need.POSTGRES_CLUSTERS)
    named = _by_host(world, found)
    if named is not None or _is_elsewhere(_host(world), home(world)):
        return named
    at_home = [one for one in found if one.meta.namespace == home(world)]
    made_for = [one for one in at_home if _secret(world) in _with(one.meta.name, _SECRETS)]
    candidates = made_for or at_home
    return candidates[0] if len(candidates) == 1 else None


def home(world: World) -> str:
    """coderd's namespace."""
    if world.coderd is None:
        return world.deployment.namespace
    return world.coderd.deployment.meta.namespace


def _with(name: str, endings: tuple[str, ...]) -> list[str]:
    return [f"{name}{one}" for one in endings]


def _host(world: World) -> str:
    """The host of the URL where coderd's Deployment has it in clear, without a password; else ""."""
    said = environment.literal(world.coderd.deployment, URL) if world.coderd is not None else None
    match = _HOST.match(said or "")
    return match[1] if match else ""


def _secret(world: World) -> str:
    """The name of the Secret in which the URL stands, "" where none is named."""
    if world.coderd is not None:
        return url_secret(world.coderd.deployment)
    database = world.deployment.spec.database
    ref = database.url_secret_ref if database is not None else None
    return ref.name if ref is not None else ""


def _by_host(world: World, found: tuple[PostgresCluster, ...]) -> PostgresCluster | None:
    name, _, rest = _host(world).partition(".")
    space = rest.partition(".")[0] or home(world)
    for one in found:
        if one.meta.namespace == space and name in _with(one.meta.name, _SERVICES):
            return one
    return None


def _is_elsewhere(host: str, space: str) -> bool:
    """Whether a host is surely no Service of this namespace: it names another one, or a domain."""
    labels = host.split(".")
    if len(labels) == 1:
        return False
    is_service = len(labels) == 2 or labels[2] == "svc"
    return not is_service or labels[1] != space


def cpu(world: World) -> Known | None:
    """The CPU of each of its instances."""
    here, said = cluster(world), declared(world)
    if here is not None:
        return Known(here.cpu_millicores, name_of(here))
    if said.cpu is not None:
        return _said(cpu_millicores(said.cpu), "cpu")
    kind = database_types().get(said.instance_type or "")
    return _said(kind.cpu_millicores, "instanceType") if kind is not None else None


def memory(world: World) -> Known | None:
    """The memory of each of its instances."""
    here, said = cluster(world), declared(world)
    if here is not None:
        return Known(here.memory_bytes, name_of(here))
    if said.memory is not None:
        return _said(byte_count(said.memory), "memory")
    kind = database_types().get(said.instance_type or "")
    return _said(kind.memory_bytes, "instanceType") if kind is not None else None


def storage(world: World) -> Known | None:
    """Its disk."""
    here, said = cluster(world), declared(world)
    if here is not None:
        return Known(here.storage_bytes, name_of(here))
    return _said(byte_count(said.storage), "storage") if said.storage is not None else None


def _said(amount: int, field: str) -> Known:
    return Known(amount, f"spec.database.declared.{field}")
