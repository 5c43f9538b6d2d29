"""Provisioners: the built-in ones serve small deployments only (CVA-PROV-*)."""

from collections.abc import Sequence
from typing import Final

from coder_cva.rules import coder_word, external_provisioners, remedies
from coder_cva.rules.external_provisioners import External, Way
from coder_cva.rules.model import Finding, Judgement, Rule, failed, passed, unknown
from coder_cva.rules.subjects import NAMESPACES, are, no_coderd
from coder_cva.snapshot import environment
from coder_cva.snapshot.coder_seen import Daemon, Unseen
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World

_VARIABLE: Final = "CODER_PROVISIONER_DAEMONS"
_DEFAULT: Final = 3
"""Built-in daemons of a replica where nothing is said (Coder's server reference)."""
_USERS: Final = 100
_BUILDS: Final = 10
"""Up to about so many users and concurrent builds the built-in ones are allowed (page of tier 1k)."""


def built_in_provisioners_serve_small_deployments_only(world: World) -> Judgement:
    """CVA-PROV-002: none beyond about 100 users and 10 builds; and never none without external ones."""
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    effective = (coder_word.value(coder_word.seen(world).options) or {}).get(_VARIABLE)
    if effective is None and environment.is_elsewhere(live, _VARIABLE):
        return unknown(
            "ValueNotSeen",
            f"{_VARIABLE} of {live.meta.path} may come from a ConfigMap, a Secret or a file",
        )
    said = effective or environment.literal(live, _VARIABLE)
    if said and not (said.isascii() and said.isdecimal()):
        return unknown("ValueNotUnderstood", f"{_VARIABLE} of {live.meta.path} is {said!r}")
    daemons = int(said) if said else _DEFAULT
    return _none_built_in(world) if daemons == 0 else _built_in(world, daemons)


def _none_built_in(world: World) -> Judgement:
    """Without built-in daemons somebody else must build, and only those in this cluster are seen."""
    found = external_provisioners.external(world)
    near = [one for one in found if one.way is not Way.ELSEWHERE]
    ready = [one for one in near if one.ready]
    sure = sum(one.ready for one in ready if not one.doubt)
    if sure:
        return passed(
            f"no built-in provisioners; {sure} external ones without tags are ready and connect to this coderd"
        )
    if ready:
        return _doubtful(ready)
    return _none_ready(world, near[0]) if near else _none_seen(world, found)


def _doubtful(ready: Sequence[External]) -> Judgement:
    """Somebody is ready to build; for whom, or what, no object of the cluster shows."""
    reason = "ScopeNotSeen" if any(one.way is Way.HERE for one in ready) else "ServerNotSeen"
    told = "; ".join(sorted(one.doubt for one in ready))
    count = sum(one.ready for one in ready)
    return unknown(reason, f"no built-in provisioners; {count} external ones are ready, but {told}")


def _none_seen(world: World, elsewhere: Sequence[External]) -> Judgement:
    known = coder_word.seen(world).daemons
    if not isinstance(known, Unseen):
        return _known_to_coder(world, known)
    told = "".join(f"; {one.doubt}" for one in elsewhere)
    address = external_provisioners.address(world)
    remedy = f". If they are meant for this one, give them CODER_URL {address}" if elsewhere else ""
    return unknown(
        "ProvisionersNotSeen",
        f"{_VARIABLE} is 0 and no external provisioner of this coderd runs in the namespaces that consent"
        f"{told}{remedy}. Whether some run elsewhere is not seen here; without any no workspace is built"
        f"{coder_word.ask(world)}",
    )


def _known_to_coder(world: World, daemons: Sequence[Daemon]) -> Judgement:
    """Coder knows who is connected, wherever it runs."""
    there = [one for one in daemons if one.is_connected and not one.is_built_in]
    free = sum(one.takes_untagged for one in there)
    told = f"no built-in provisioners; Coder knows {are(len(there), 'connected external one')}"
    if free:
        return passed(f"{told}, {free} of them without tags")
    if there:
        return unknown(
            "ScopeNotSeen",
            f"{told}, all of them with tags, and a job without tags needs a provisioner without tags",
        )
    remedy = "install external provisioners (chart coder-provisioner); until they are connected, "
    broken = f"{told}: no workspace is built"
    expected = "an external provisioner that is connected"
    return failed(broken, [_finding(world, expected, "none", remedy + _remedy(world, _DEFAULT))])


def _none_ready(world: World, first: External) -> Judgement:
    meta = first.deployment.meta
    told = f"{_VARIABLE} is 0 and no external provisioner is ready: no workspace is built"
    remedy = (
        f"kubectl -n {meta.namespace} describe deployment {meta.name}; until it runs, "
        + _remedy(world, _DEFAULT)
    )
    return failed(told, [_finding(world, "an external provisioner that is ready", "none", remedy)])


def _built_in(world: World, daemons: int) -> Judgement:
    figures = world.deployment.spec.architecture
    exceeded = [
        f"{count:,} {what} are more than about {limit}"
        for what, count, limit in (
            ("users", figures.users, _USERS),
            ("concurrent builds", figures.concurrent_builds, _BUILDS),
        )
        if count is not None and count > limit
    ]
    if figures.tier not in (None, "1k"):
        exceeded.append(f"tier {figures.tier} allows none")
    told = f"{daemons} built-in provisioners in each replica"
    if exceeded:
        why = " and ".join(exceeded)
        finding = _finding(
            world, f"0, because {why}", str(daemons), _install(world) + _remedy(world, 0)
        )
        return failed(f"{told}, and {why}", [finding])
    if figures.users is None:
        return unknown(
            "UsersNotStated",
            f"{told}, which is for up to about {_USERS} users and {_BUILDS} concurrent builds; how many "
            "there are is not stated: set spec.architecture.users",
        )
    return passed(f"{told} for {figures.users} users")


def _install(world: World) -> str:
    found = external_provisioners.external(world)
    if any(one.ready for one in found if one.way is not Way.ELSEWHERE):
        return "external provisioners are ready here; if their tags fit your templates, "
    return (
        "first install external provisioners (chart coder-provisioner, with a key and not the shared "
        "PSK) whose tags fit your templates; only when they are connected, "
    )


def _finding(world: World, expected: str, observed: str, remedy: str) -> Finding:
    path = world.coderd.deployment.meta.path if world.coderd else ""
    return Finding(
        "CVA-PROV-002",
        f"Deployment {path}",
        remedies.setting_field(world, _VARIABLE),
        expected,
        observed,
        remedy,
    )


def _remedy(world: World, daemons: int) -> str:
    return remedies.settings(
        world, {_VARIABLE: str(daemons)}, {"provisioners": {"builtInDaemons": daemons}}
    )


RULES: Final = (
    Rule(
        "CVA-PROV-002",
        built_in_provisioners_serve_small_deployments_only,
        NAMESPACES | {Need.SERVICES},
    ),
)
