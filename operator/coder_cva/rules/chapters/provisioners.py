"""Provisioners: the built-in ones serve small deployments only (CVA-PROV-*)."""

from typing import Final

from coder_cva.rules import environment, remedies
from coder_cva.rules.model import Finding, Judgement, Rule, failed, passed, unknown
from coder_cva.rules.subjects import NAMESPACES, no_coderd
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
    if environment.is_elsewhere(live, _VARIABLE):
        return unknown(
            "ValueNotSeen",
            f"{_VARIABLE} of {live.meta.path} may come from a ConfigMap, a Secret or a file",
        )
    said = environment.literal(live, _VARIABLE)
    if said and not (said.isascii() and said.isdecimal()):
        return unknown("ValueNotUnderstood", f"{_VARIABLE} of {live.meta.path} is {said!r}")
    daemons = int(said) if said else _DEFAULT
    return _none_built_in(world) if daemons == 0 else _built_in(world, daemons)


def _none_built_in(world: World) -> Judgement:
    """Without built-in daemons somebody else must build, and only those in this cluster are seen."""
    external = sum(one.deployment.ready_replicas for one in world.found.provisioners)
    if external:
        return passed(f"no built-in provisioners; {external} external ones are ready")
    if not world.found.provisioners:
        return unknown(
            "ProvisionersNotSeen",
            f"{_VARIABLE} is 0 and no external provisioner runs in the namespaces that consent; whether "
            "some run elsewhere is not seen here. Without any no workspace is built",
        )
    first = world.found.provisioners[0].deployment.meta
    told = f"{_VARIABLE} is 0 and no external provisioner is ready: no workspace is built"
    remedy = (
        f"kubectl -n {first.namespace} describe deployment {first.name}; until it runs, "
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
    if any(one.deployment.ready_replicas for one in world.found.provisioners):
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
        f"spec.template.spec.containers[coder].env[{_VARIABLE}]",
        expected,
        observed,
        remedy,
    )


def _remedy(world: World, daemons: int) -> str:
    return remedies.coderd(
        world,
        {"coder": {"env": [{"name": _VARIABLE, "value": str(daemons)}]}},
        {"provisioners": {"builtInDaemons": daemons}},
    )


RULES: Final = (
    Rule("CVA-PROV-002", built_in_provisioners_serve_small_deployments_only, NAMESPACES),
)
