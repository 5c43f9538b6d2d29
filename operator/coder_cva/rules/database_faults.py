"""Why a database could not be measured, and what helps: the word that a look gave, the remedy for it."""

from typing import Any, Final

from coder_cva.rules import remedies
from coder_cva.rules.databases import URL
from coder_cva.rules.model import Judgement, not_applicable, unknown
from coder_cva.snapshot import environment
from coder_cva.snapshot.database_seen import DatabaseSeen, Fault
from coder_cva.snapshot.shapes import text
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import dig

_URL: Final = (
    "correct the URL in the Secret that spec.database.urlSecretRef names, then restart coderd"
)
_REMEDIES: Final = {
    Fault.UNNAMED: "name the Secret with coderd's connection URL in spec.database.urlSecretRef",
    Fault.NOT_A_URL: "write it like postgres://user:password@host:5432/coder?sslmode=verify-full",
    Fault.HOST_NOT_RESOLVED: f"{_URL}; a Service of another namespace needs it in its name, as in db.postgres.svc",
    Fault.LOCAL: f"name the host as coderd's and the operator's Pods reach it: {_URL}",
    Fault.CONNECTION_REFUSED: f"start the server, or {_URL}; see also listen_addresses and the port",
    Fault.NO_ROUTE: "let the operator's Pod reach it: NetworkPolicies, security groups and firewalls for this "
    "port, from the namespace of the operator as from coderd's",
    Fault.NOT_POSTGRES: f"something else listens there: {_URL}",
    Fault.TLS_REQUIRED: f"say sslmode=require or verify-full: {_URL}",
    Fault.TLS_NOT_OFFERED: "switch TLS on at the server (ssl = on), or say sslmode=disable where the network is "
    f"trusted: {_URL}",
    Fault.CERTIFICATE: "give the server a certificate of an authority that is known, for the host name of the "
    "URL; an authority of your own: mount its certificate into the operator's Pod at the path of sslrootcert",
    Fault.LOGIN: f"set the role's password (ALTER ROLE … PASSWORD), or {_URL}",
    Fault.NOT_ADMITTED: "add a line for it to pg_hba.conf, with the addresses of the operator's and coderd's "
    "Pods, and GRANT CONNECT ON DATABASE to the role",
    Fault.NO_DATABASE: f"CREATE DATABASE, or {_URL}",
    Fault.TOO_MANY: "raise max_connections (CVA-DB-010 says to how many), or find who holds them: SELECT usename, "
    "application_name, count(*) FROM pg_stat_activity GROUP BY 1, 2",
    Fault.STARTING: "it is looked at again by itself",
    Fault.BUSY: "it is looked at again by itself; give the operator more CPU if this stays",
    Fault.STANDBY: "name the primary in the URL, or all servers with target_session_attrs=read-write; or promote "
    "this one: SELECT pg_promote()",
    Fault.TOO_SLOW: "look at the server's load and at the way to it",
    Fault.REFUSED: "the server's log says why",
}
"""What helps; of a Secret that cannot be read the look itself says it."""


def remedy(fault: Fault) -> str:
    """What helps against a fault; "" where its message says it."""
    return _REMEDIES.get(fault, "")


def not_measured(world: World) -> Judgement | None:
    """The answer where there is no measurement to judge; None where there is one."""
    if world.deployment.spec.control_plane.management == "None":
        return not_applicable("a region has no database of its own")
    seen = world.observed.database
    if seen is None:
        return _not_looked(world)
    if seen.fault is None:
        return None
    helps = remedy(seen.fault)
    return unknown(seen.fault.value, f"{_told(seen)}. {helps[:1].upper()}{helps[1:]}".rstrip(". "))


def _told(seen: DatabaseSeen) -> str:
    if seen.fault is Fault.STANDBY:
        return f"{seen.where}: {seen.message}"
    return seen.message


def _reference(world: World) -> dict[str, str]:
    """The Secret with coderd's URL and its key, as coderd is given them; else an example."""
    entry = environment.entry(world.coderd.deployment, URL) if world.coderd is not None else {}
    said = {key: text(dig(entry, "valueFrom", "secretKeyRef", key)) for key in ("name", "key")}
    return said if all(said.values()) else {"name": "coder-db-url", "key": "url"}


def _not_looked(world: World) -> Judgement:
    database = world.deployment.spec.database
    if database is not None and database.probe.enabled:
        return unknown("NotMeasuredYet", "the first look at the database has not ended yet")
    probe: dict[str, Any] = {"probe": {"enabled": True}}
    if database is None:
        probe["urlSecretRef"] = _reference(world)
    return unknown(
        "NotProbed",
        "the database is not looked at. Let the operator read the one Secret with its URL (kubectl apply -f "
        "deploy/optional/database-secret-reader.yaml, with your names in it) and switch the probe on: "
        f"{remedies.merge_patch(world, {'database': probe})}",
    )
