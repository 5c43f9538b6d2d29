"""External provisioners as a fleet: how many, how large, how they end and who they are (CVA-PROV-001)."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from coder_cva.rules import coder_word, external_provisioners, remedies
from coder_cva.rules.container_resources import Amounts, amounts
from coder_cva.rules.external_provisioners import Way
from coder_cva.rules.model import Finding, Judgement, Rule, not_applicable, unknown, verdict
from coder_cva.rules.subjects import NAMESPACES, are
from coder_cva.sizing.provisioners import OneProvisioner, ProvisionersSize, provisioners_size
from coder_cva.snapshot import environment
from coder_cva.snapshot.coder_seen import Daemon, Unseen
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.shapes import whole
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import dig
from coder_cva.values.quantity import byte_text, cpu_text

_PSK: Final = "CODER_PROVISIONER_DAEMON_PSK"
_GRACE: Final = 600
"""Seconds that a build may take to end: the default of Coder's chart coder-provisioner."""
_SMALL_USERS: Final = 100
_SMALL_BUILDS: Final = 10
"""Up to about so much the built-in provisioners suffice (page of tier 1k)."""


def external_provisioners_run_the_builds(world: World) -> Judgement:
    """CVA-PROV-001: one for each concurrent build, as large as the spec's rule says, with time to end and a key."""
    fleet = _fleet(world)
    wanted = provisioners_size(world.deployment.spec)
    if not fleet:
        return _none(world, wanted)
    count = sum(one.replicas for one in fleet)
    told = (
        f"{are(count, 'external provisioner')} for {are(wanted.replicas, 'concurrent build')}; "
        f"{_size_told(wanted)}"
    )
    findings = [
        *_unlicensed(world, f"Deployment {fleet[0].meta.path}", count),
        *_too_few(fleet, count, wanted.replicas),
        *(finding for one in fleet for finding in _shaped(world, one, wanted)),
    ]
    return verdict(findings, held=told, broken=told)


def _size_told(wanted: ProvisionersSize) -> str:
    if wanted.each is None:
        return f"{wanted.rule} sizes only their nodes"
    return f"{wanted.rule} asks for {wanted.each.text} each"


def _none(world: World, wanted: ProvisionersSize) -> Judgement:
    said = world.deployment.spec.architecture
    is_small = (said.users or 0) <= _SMALL_USERS and (said.concurrent_builds or 0) <= _SMALL_BUILDS
    if said.users is not None and is_small and said.tier in (None, "1k"):
        return not_applicable(
            f"for {said.users} users the built-in provisioners suffice, and no external one is seen"
        )
    known = coder_word.seen(world).daemons
    if not isinstance(known, Unseen):
        return _known_to_coder(world, known, wanted)
    return unknown(
        "ProvisionersNotSeen",
        f"no external provisioner runs in the namespaces that consent; {wanted.replicas:,} concurrent builds ask for as "
        f"many. Whether some run elsewhere, in another cluster for instance, is not seen here{coder_word.ask(world)}",
    )


def _known_to_coder(world: World, daemons: Sequence[Daemon], wanted: ProvisionersSize) -> Judgement:
    """Where none runs in sight, Coder knows how many are connected; their size it does not know."""
    count = sum(one.is_connected and not one.is_built_in for one in daemons)
    where = f"CoderDeployment {world.deployment.reference}"
    told = f"Coder knows {are(count, 'connected external provisioner')} for {are(wanted.replicas, 'concurrent build')}"
    findings = list(_unlicensed(world, where, count))
    if count < wanted.replicas:
        remedy = (
            "unless there are fewer builds at once, which spec.architecture.concurrentBuilds says, "
            + _values(coder={"replicaCount": wanted.replicas - count})
        )
        expected = f"{wanted.replicas:,} that are connected: each runs one build at a time"
        findings.append(
            Finding("CVA-PROV-001", where, "provisionerdaemons", expected, f"{count:,}", remedy)
        )
    if findings:
        return verdict(findings, held="", broken=told)
    return unknown(
        "SizeNotSeen",
        f"{told}; none of them runs in the namespaces that consent, so their CPU and memory are not seen here; "
        f"{_size_told(wanted)}",
    )


def _unlicensed(world: World, resource: str, count: int) -> Iterator[Finding]:
    """Coder itself says that its licence includes none: those that run are refused when they connect anew."""
    if count and coder_word.lacks(world, coder_word.EXTERNAL_PROVISIONERS):
        yield Finding(
            "CVA-PROV-001",
            resource,
            coder_word.EXTERNAL_PROVISIONERS,
            "a licence that includes external provisioners",
            f"{are(count, 'external provisioner')}, and Coder says not_entitled",
            coder_word.LICENCE,
        )


def _fleet(world: World) -> list[Deployment]:
    """Those that may build for this coderd; the ones that surely build for another are left out."""
    return [
        one.deployment
        for one in external_provisioners.external(world)
        if one.way is not Way.ELSEWHERE
    ]


def _too_few(fleet: Sequence[Deployment], count: int, wanted: int) -> Iterator[Finding]:
    if count >= wanted:
        return
    first = fleet[0]
    more = first.replicas + wanted - count
    yield Finding(
        "CVA-PROV-001",
        f"Deployment {first.meta.path}",
        "spec.replicas",
        f"{wanted:,} over all Deployments of provisioners: each runs one build at a time",
        f"{count:,}",
        "unless there are fewer builds at once, which spec.architecture.concurrentBuilds says, "
        + _values(coder={"replicaCount": more}),
    )


def _shaped(world: World, live: Deployment, wanted: ProvisionersSize) -> Iterator[Finding]:
    if wanted.each is not None:
        yield from _small(world, live, wanted, wanted.each)
    grace = whole(dig(live.body, "spec", "template", "spec", "terminationGracePeriodSeconds"), 30)
    if grace < _GRACE:
        yield Finding(
            "CVA-PROV-001",
            f"Deployment {live.meta.path}",
            "spec.template.spec.terminationGracePeriodSeconds",
            f"{_GRACE} or more, longer than the longest build: a build that is killed leaves half a workspace",
            str(grace),
            _values(provisionerDaemon={"terminationGracePeriodSeconds": _GRACE}),
        )
    if environment.is_set(live, _PSK):
        yield Finding(
            "CVA-PROV-001",
            f"Deployment {live.meta.path}",
            f"spec.template.spec.containers[coder].env[{_PSK}]",
            "a provisioner key, which can be revoked by itself and says for whom it builds",
            "the pre-shared key, which Coder no longer recommends",
            f"coder provisioner keys create {live.meta.name}, put it into a Secret as key, then "
            + _values(
                provisionerDaemon={"pskSecretName": "", "keySecretName": f"{live.meta.name}-key"}
            ),
        )


def _small(
    world: World, live: Deployment, wanted: ProvisionersSize, each: OneProvisioner
) -> Iterator[Finding]:
    has = amounts(live)
    if _is_enough(has, each):
        return
    amount = {"cpu": cpu_text(each.cpu_millicores), "memory": byte_text(each.memory_bytes)}
    yield Finding(
        "CVA-PROV-001",
        f"Deployment {live.meta.path}",
        "spec.template.spec.containers[coder].resources",
        f"{each.text} or more, as request and limit, by {wanted.rule}",
        f"requests {has.requests}, limits {has.limits}",
        _other_rule(world, wanted, has)
        + _values(coder={"resources": {"requests": dict(amount), "limits": dict(amount)}}),
    )


def _is_enough(has: Amounts, each: OneProvisioner) -> bool:
    """No less than that, and the limit is the request."""
    is_enough = has.cpu_request >= each.cpu_millicores and has.memory_request >= each.memory_bytes
    return is_enough and (has.cpu_limit, has.memory_limit) == (has.cpu_request, has.memory_request)


def _other_rule(world: World, wanted: ProvisionersSize, has: Amounts) -> str:
    """The formula as a way out, where they have as much as that."""
    if wanted.policy == "TwoBuildsPerCPU":
        return ""
    other = provisioners_size(world.deployment.spec, "TwoBuildsPerCPU")
    if other.each is None or not _is_enough(has, other.each):
        return ""
    return f"they have what {other.rule} asks for: where that is the rule to follow, say so. Else "


def _values(**values: Any) -> str:
    return f"in the values.yaml of the chart coder-provisioner:\n{remedies.as_yaml(values)}"


RULES: Final = (
    Rule("CVA-PROV-001", external_provisioners_run_the_builds, NAMESPACES | {Need.SERVICES}),
)
