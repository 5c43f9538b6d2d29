"""Operations: the environment variables of coderd (CVA-OPS-002)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from coder_cva.api.v1alpha1.environment import OWNED
from coder_cva.catalogue.variables import variables
from coder_cva.rules import remedies, variable_values
from coder_cva.rules.model import Finding, Judgement, Rule, failed, passed, unknown
from coder_cva.rules.subjects import CODERD, are, named, no_coderd
from coder_cva.rules.variable_names import PREFIX, Fault, Unheard, judged
from coder_cva.rules.variable_values import RULE
from coder_cva.snapshot import environment as settings
from coder_cva.snapshot.masking import HIDDEN
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.world import World
from coder_cva.values.version import in_image

_TELEMETRY: Final = "CODER_TELEMETRY_ENABLE"


def environment_variables_are_known_ones(world: World) -> Judgement:
    """CVA-OPS-002: every CODER_* of coderd is read by this version, and none works against the architecture.

    Arguments are not looked at: coderd itself refuses to start with one that it does not know.
    """
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    found = in_image(live.shape.image)
    version = found.numbers if found is not None else None
    names = [one for one in settings.names(live) if one.startswith(PREFIX)]
    # A name that another variable takes in is in use, whoever else knows it.
    used = settings.taken_in(live)
    all_judged = {one: judged(one, version) for one in names if one not in used}
    faults = {name: one for name, one in all_judged.items() if isinstance(one, Fault)}
    findings = [*_names(world, live, faults), *variable_values.findings(world, live)]
    told = _told(live, names, str(found) if found is not None else "")
    if findings:
        return failed(f"{told}; {are(len(findings), 'thing')} to mend", findings)
    unread = _unread(live)
    if unread:
        return unknown("NamesNotSeen", f"{told}, and all that are seen are known; {unread}")
    unheard = [name for name, one in all_judged.items() if isinstance(one, Unheard)]
    if unheard:
        newer = (
            "this operator knows no release as new as this one, and cannot tell whether it reads"
        )
        return unknown("NewerThanKnown", f"{told}; {newer} {named(unheard)}")
    return passed(f"{told}, all of them known")


def _unread(live: Deployment) -> str:
    """What may give it further variables, and is not read here."""
    wholes, starter = settings.wholes(live), settings.starter(live)
    if wholes:
        return f"the keys of {', '.join(wholes)}, which it takes in as a whole, are not read"
    return f"it is started by {starter}, which may set others" if starter else ""


def _told(live: Deployment, names: list[str], version: str) -> str:
    of = f"version {version}" if version else "a version that its image does not say"
    told = f"{live.meta.path}, {of}, is given {are(len(names), 'variable')} of Coder's"
    if settings.literal(live, _TELEMETRY) in ("false", "0"):
        return f"{told} (telemetry is off: some licences of Coder ask for it)"
    return told


def _names(world: World, live: Deployment, faults: Mapping[str, Fault]) -> Iterator[Finding]:
    for name, fault in faults.items():
        yield Finding(
            RULE,
            f"Deployment {live.meta.path}",
            f"spec.template.spec.containers[coder].env[{name}]",
            fault.expected,
            fault.observed,
            _remedy(world, live, name, fault),
        )


def _remedy(world: World, live: Deployment, name: str, fault: Fault) -> str:
    written = settings.entry(live, name)
    if len(fault.instead) != 1 or _is_secret(written, fault.instead[0]):
        return _without(world, name, _written(fault.instead))
    better = fault.instead[0]
    env: list[dict[str, Any]] = [{**written, "name": better}]
    if not _is_of_spec(world, name):
        return f"instead of {name}, {remedies.coderd(world, {'coder': {'env': env}})}"
    if better in OWNED:
        return _without(world, name, OWNED[better])
    return f"instead of {name}, {remedies.resource(world, {'controlPlane': {'env': env}})}"


def _is_secret(written: Mapping[str, Any], better: str) -> bool:
    """Whether the value is one in clear, of which not all is kept."""
    known = variables().server.get(better)
    value = str(written.get("value", ""))
    return HIDDEN in value or (bool(value) and known is not None and known.secret)


def _written(names: tuple[str, ...]) -> str:
    return f"write {' or '.join(names)} there in its place" if names else ""


def _without(world: World, name: str, then: str) -> str:
    """Its removal, where no one variable takes its place, or where the value is a secret."""
    further = f"; {then}" if then else ""
    if _is_of_spec(world, name):
        owner = world.deployment.reference
        return f"in CoderDeployment {owner}: take {name} out of spec.controlPlane.env{further}"
    return remedies.without(world, name, "coder.env") + further


def _is_of_spec(world: World, name: str) -> bool:
    """Whether the operator sets it because the CoderDeployment says so."""
    said = world.deployment.spec.control_plane.env
    return remedies.is_ours(world) and any(one.name == name for one in said)


RULES: Final = (Rule(RULE, environment_variables_are_known_ones, CODERD),)
