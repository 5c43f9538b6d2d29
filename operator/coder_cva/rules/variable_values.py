"""Values of coderd's variables that work against the architecture, or that coderd cannot read (CVA-OPS-002).

Only what is written in clear is judged; what no other clause judges. Sources: Coder's server reference, its
pages High Availability, Security best practices and Networking.
"""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from coder_cva.api.v1alpha1.environment import OWNED
from coder_cva.catalogue.variables import Variable, variables
from coder_cva.rules import remedies
from coder_cva.rules.model import Finding
from coder_cva.snapshot import environment
from coder_cva.snapshot.masking import HIDDEN
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.urls import is_inside
from coder_cva.snapshot.world import World

RULE: Final = "CVA-OPS-002"
_ACCESS: Final = "CODER_ACCESS_URL"
_RELAY: Final = "CODER_DERP_SERVER_RELAY_URL"
_DERP: Final = "CODER_DERP_SERVER_ENABLE"
_DIRECT: Final = "CODER_BLOCK_DIRECT"
_WILDCARD: Final = "CODER_WILDCARD_ACCESS_URL"
_PATH_APPS: Final = "CODER_DISABLE_PATH_APPS"
_DANGEROUS: Final = "CODER_DANGEROUS_"
_LOOPBACK: Final = re.compile(r"localhost|127\.[0-9.]+|::1|0\.0\.0\.0")
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
"""What Go's strconv.ParseInt takes in base ten."""


def findings(world: World, live: Deployment) -> Iterator[Finding]:
    """What the values say that they should not."""
    yield from _access_url(world, live)
    yield from _relay(world, live)
    yield from _direct(world, live)
    yield from _path_apps(world, live)
    yield from _dangerous(world, live)
    yield from _unreadable(world, live)


def _access_url(world: World, live: Deployment) -> Iterator[Finding]:
    url = environment.literal(live, _ACCESS)
    if environment.is_elsewhere(live, _ACCESS) or not _is_clear(url or ""):
        return
    fault = _fault_of_url(url or "", live.meta.namespace)
    if fault:
        observed = f"{url}, which {fault}" if url else fault
        expected = "an https URL under which users and agents reach coderd from outside"
        wanted = "https://coder.example.com"
        remedy = remedies.settings(
            world, {_ACCESS: wanted}, {"controlPlane": {"accessURL": wanted}}
        )
        yield _finding(world, live, _ACCESS, expected, observed, f"with your own host, {remedy}")


def _is_clear(said: str) -> bool:
    """Whether a value is all that there is: nothing in it is hidden, or comes from another variable."""
    return "$(" not in said and HIDDEN not in said


def _fault_of_url(url: str, namespace: str) -> str:
    if not url:
        return "not set: coderd opens a tunnel through a public server of Coder's"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("http", "https") or not host:
        return "is no URL"
    if _LOOPBACK.fullmatch(host):
        return "leads nowhere but into the Pod itself"
    if is_inside(host, namespace):
        return "nobody outside the cluster reaches"
    return "is not encrypted" if parts.scheme == "http" else ""


def _relay(world: World, live: Deployment) -> Iterator[Finding]:
    """Each replica relays under an address of its own; the access URL leads to any of them."""
    is_off = environment.literal(live, _DERP) in _FALSE
    if live.replicas <= 1 or is_off or environment.is_elsewhere(live, _DERP):
        return
    expected = "the replica's own address: without it the relays of several replicas are not joined"
    if not environment.is_set(live, _RELAY):
        if not environment.is_elsewhere(live, _RELAY):
            yield _finding(world, live, _RELAY, expected, "not set", _relays(world))
        return
    said = environment.literal(live, _RELAY)
    if said and said.rstrip("/") == (environment.literal(live, _ACCESS) or "").rstrip("/"):
        yield _finding(world, live, _RELAY, expected, f"{said}, the access URL", _relays(world))


def _relays(world: World) -> str:
    address = {"fieldRef": {"fieldPath": "status.podIP"}}
    env: list[dict[str, Any]] = [
        {"name": "KUBE_POD_IP", "valueFrom": address},
        {"name": _RELAY, "value": "http://$(KUBE_POD_IP):8080"},
    ]
    return remedies.coderd(world, {"coder": {"env": env}})


def _direct(world: World, live: Deployment) -> Iterator[Finding]:
    if world.deployment.spec.network.air_gapped:
        return
    if environment.is_true(environment.literal(live, _DIRECT)):
        yield _finding(
            world,
            live,
            _DIRECT,
            "not true: every byte between users and workspaces then goes through coderd's relay",
            "true",
            _set(world, _DIRECT, "false"),
        )


def _path_apps(world: World, live: Deployment) -> Iterator[Finding]:
    is_seen = not environment.is_elsewhere(live, _PATH_APPS)
    has_wildcard = environment.is_set(live, _WILDCARD)
    if has_wildcard and is_seen and not environment.is_true(environment.literal(live, _PATH_APPS)):
        yield _finding(
            world,
            live,
            _PATH_APPS,
            f"true, now that {_WILDCARD} gives applications hosts of their own: by paths they share "
            "the origin of Coder's API",
            environment.literal(live, _PATH_APPS) or "not set",
            "first set subdomain = true in every coder_app of the templates, because applications by paths no longer "
            f"open then (code-server's module has false for its default); then {_set(world, _PATH_APPS, 'true')}",
        )


def _dangerous(world: World, live: Deployment) -> Iterator[Finding]:
    for name in sorted(variables().server):
        if name.startswith(_DANGEROUS) and environment.is_true(environment.literal(live, name)):
            yield _finding(
                world,
                live,
                name,
                "not true: Coder itself calls it dangerous",
                "true",
                _set(world, name, "false"),
            )


def _set(world: World, name: str, value: str) -> str:
    """The value to set; what is the operator's own to say stands in no spec."""
    env = [{"name": name, "value": value}]
    spec = None if name in OWNED else {"controlPlane": {"env": env}}
    return remedies.settings(world, {name: value}, spec)


def _unreadable(world: World, live: Deployment) -> Iterator[Finding]:
    for name in environment.names(live):
        known, said = variables().server.get(name), environment.literal(live, name)
        if known is None or not said or not _is_clear(said):
            continue
        wanted = _wanted(known, said)
        if wanted:
            default = f"; Coder's default is {known.default}" if known.default else ""
            yield _finding(
                world,
                live,
                name,
                f"{wanted}: with anything else coderd does not start{default}",
                said,
                _set(world, name, known.default or ("false" if known.kind == "bool" else "0")),
            )


def _wanted(known: Variable, said: str) -> str:
    """What a value of the kind looks like, "" where this one is one."""
    if known.kind == "bool" and not environment.is_true(said) and said not in _FALSE:
        return "true or false"
    if known.kind == "int" and not _WHOLE.fullmatch(said):
        return "a whole number"
    return ""


def _finding(
    world: World, live: Deployment, name: str, expected: str, observed: str, remedy: str
) -> Finding:
    where = f"Deployment {live.meta.path}"
    return Finding(RULE, where, remedies.setting_field(world, name), expected, observed, remedy)
