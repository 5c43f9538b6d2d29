"""Control plane: replicas, resources, encryption and storage of coderd (CVA-CTL-*)."""

from collections.abc import Iterator
from typing import Any, Final

from coder_cva.catalogue.architectures import architectures
from coder_cva.catalogue.model import Replicated
from coder_cva.desired.rollout import maintenance_ends
from coder_cva.rules import remedies, replica_licence, scalers, static_capacity
from coder_cva.rules.container_resources import Amounts, amounts
from coder_cva.rules.model import Finding, Judgement, Rule, not_applicable, unknown, verdict
from coder_cva.rules.subjects import CODERD, are, no_coderd
from coder_cva.sizing.reference import node_rule, reference, smaller_figure
from coder_cva.snapshot import environment, records
from coder_cva.snapshot.shapes import mappings, text
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import dig
from coder_cva.values.quantity import byte_text, cpu_millicores, cpu_text

_KEYS: Final = "CODER_EXTERNAL_TOKEN_ENCRYPTION_KEYS"
_STORED: Final = frozenset({"persistentVolumeClaim", "hostPath"})
"""Volume types that keep something beyond the life of a Pod."""
_REDUNDANT: Final = 2
_BEING_REPLACED: Final = 1
"""Replicas that may be missing: a drain takes one at a time, by the disruption budget of the clause."""
_RESOURCES: Final = "spec.template.spec.containers[coder].resources"


def coderd_runs_with_several_replicas(world: World) -> Judgement:
    """CVA-CTL-001: the tier's replicas, all but one of them ready, scaled by nobody who drops them."""
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    until = maintenance_ends(world)
    if until:
        return unknown(
            "Maintenance",
            f"spec.maintenance is in force until {until}: replicas may be scaled by hand until then",
        )
    wanted = _tier(world).replicas
    told = (
        f"{live.meta.path} has {are(live.replicas, 'replica')}, {live.ready_replicas} of them ready; the "
        f"architecture asks for {wanted}"
    )
    findings = [
        *_too_few(world, live, wanted),
        *scalers.horizontal(world),
        *replica_licence.contradictions(world, live),
    ]
    if not findings and _is_rolling_out(live):
        return unknown("RollingOut", f"{told}; a rollout is under way")
    findings += [*_missing(live, wanted), *replica_licence.strangers(world, live)]
    if not findings and wanted > 1 and not replica_licence.is_known(world):
        return unknown(
            "LicenceNotStated",
            f"{told}. Replicas know each other only with a licence that includes high availability, and the "
            "cluster does not show one: if yours does, set spec.controlPlane.highAvailabilityLicensed: true, or let "
            "Coder say so with spec.coderAPI",
        )
    return verdict(findings, held=f"{told}{replica_licence.told(world)}", broken=told)


def _is_rolling_out(live: records.Deployment) -> bool:
    """Whether replicas are being brought up just now, and Kubernetes has not given that up."""
    if live.is_settled or live.progress_failure:
        return False
    conditions = mappings(dig(live.body, "status", "conditions"))
    reasons = [one.get("reason") for one in conditions if one.get("type") == "Progressing"]
    is_seen = live.observed_generation >= live.meta.generation
    return not is_seen or any(one != "NewReplicaSetAvailable" for one in reasons)


def _too_few(world: World, live: records.Deployment, wanted: int) -> Iterator[Finding]:
    if live.replicas >= wanted:
        return
    remedy = remedies.coderd(
        world,
        {"coder": {"replicaCount": wanted}},
        {"controlPlane": {"highAvailabilityLicensed": True, "replicas": wanted}},
    )
    yield _about(
        "CVA-CTL-001",
        live,
        "spec.replicas",
        f"at least {wanted}",
        str(live.replicas),
        replica_licence.condition(world) + remedy,
    )


def _missing(live: records.Deployment, wanted: int) -> Iterator[Finding]:
    """One replica may be on its way to another node, as long as several are left; more are lost.

    For how long is not asked: no watch tells when a replica has been away for too long.
    """
    enough = max(_REDUNDANT, live.replicas - _BEING_REPLACED)
    if live.ready_replicas < enough and min(wanted, live.replicas) >= _REDUNDANT:
        yield _about(
            "CVA-CTL-001",
            live,
            "status.readyReplicas",
            f"at least {enough} of {live.replicas}",
            str(live.ready_replicas),
            f"kubectl -n {live.meta.namespace} rollout status deployment {live.meta.name}; "
            f"kubectl -n {live.meta.namespace} get pods -o wide",
        )


def coderd_has_the_resources_of_its_tier(world: World) -> Judgement:
    """CVA-CTL-002: the tier's CPU and memory or more, the request is the limit, and its pool has the room.

    Encryption has its own rule; what the user's own ``resources`` say is judged like anything else.
    """
    if world.coderd is None:
        return no_coderd(world)
    live, tier = world.coderd.deployment, _tier(world)
    has, asked = amounts(live), f"{tier.cpu} CPU and {tier.memory}{_by_rule(world)}"
    cpu = max(has.cpu_request, tier.cpu_millicores)
    memory = max(has.memory_request, tier.memory_bytes)
    remedy = _resources(world, cpu, memory)
    findings = []
    if has.cpu_request < tier.cpu_millicores or has.memory_request < tier.memory_bytes:
        way = _way_out(world, has) + remedy
        findings.append(
            _about("CVA-CTL-002", live, f"{_RESOURCES}.requests", asked, has.requests, way)
        )
    if (has.cpu_limit, has.memory_limit) != (has.cpu_request, has.memory_request):
        findings.append(
            _about(
                "CVA-CTL-002",
                live,
                f"{_RESOURCES}.limits",
                f"equal to the request: {cpu_text(cpu)} CPU and {byte_text(memory)}",
                has.limits,
                remedy,
            )
        )
    told = f"{live.meta.path} requests {has.requests} a replica, the architecture asks for {asked}"
    broken = f"{told} as request and limit" if findings else told
    crowded = static_capacity.findings(world)
    if crowded:
        broken += f"; its pool has no {crowded[0].expected}: {crowded[0].observed}"
    return verdict([*findings, *crowded], held=told, broken=broken)


def encryption_has_its_own_core(world: World) -> Judgement:
    """CVA-CTL-003: with encryption on, a replica has one core more than its tier."""
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    declared = world.deployment.spec.control_plane.encryption is not None
    if not declared and not environment.is_set(live, _KEYS):
        if environment.is_elsewhere(live, _KEYS):
            return unknown(
                "ValueNotSeen",
                f"{live.meta.path} takes variables from ConfigMaps or Secrets as a whole, and {_KEYS} "
                "may be among them; set spec.controlPlane.encryption to say that it is",
            )
        return not_applicable(f"{live.meta.path} is given no encryption keys")
    tier, has = _tier(world), amounts(live)
    wanted = tier.cpu_millicores + cpu_millicores(
        architectures(world.deployment.spec.edition).encryption_cpu
    )
    findings = []
    if has.cpu_request < wanted:
        findings.append(
            _about(
                "CVA-CTL-003",
                live,
                f"{_RESOURCES}.requests.cpu",
                f"{cpu_text(wanted)}: {tier.cpu} of the tier{_by_rule(world)} and one core more for encryption",
                cpu_text(has.cpu_request),
                _resources(world, wanted, max(has.memory_request, tier.memory_bytes)),
            )
        )
    told = f"{live.meta.path} encrypts and requests {cpu_text(has.cpu_request)} CPU a replica"
    return verdict(
        findings, held=told, broken=f"{told}; with encryption it needs {cpu_text(wanted)}"
    )


def coderd_keeps_nothing_on_disk(world: World) -> Judgement:
    """CVA-CTL-004: no claim and no volume of the node on coderd."""
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    kept = [
        (text(one.get("name")), kind)
        for one in mappings(dig(live.body, "spec", "template", "spec", "volumes"))
        for kind in sorted(_STORED & {key for key, value in one.items() if value is not None})
    ]
    findings = [
        _about(
            "CVA-CTL-004",
            live,
            "spec.template.spec.volumes",
            "no persistent storage: coderd's file system is ephemeral, its state is in the database",
            f"volume {name} of type {kind}",
            remedies.without(
                world, f"volume {name} and its mounts", "coder.volumes, coder.volumeMounts"
            ),
        )
        for name, kind in kept
    ]
    return verdict(
        findings,
        held=f"{live.meta.path} mounts no claim and no volume of its node",
        broken=f"{live.meta.path} mounts {', '.join(f'{name} ({kind})' for name, kind in kept)}",
    )


def _tier(world: World) -> Replicated:
    """coderd in the table of the tier that the spec leads to, before anything of the user's own."""
    return reference(world.deployment.spec).coderd


def _by_rule(world: World) -> str:
    """Which of two figures was taken, where the architecture's table contradicts itself."""
    rule = node_rule(world.deployment.spec)
    return f" by {rule}" if rule else ""


def _way_out(world: World, has: Amounts) -> str:
    """The other figure, where a replica has as much as that."""
    other = smaller_figure(world.deployment.spec)
    if other is None:
        return ""
    coderd = other.coderd
    if has.cpu_request < coderd.cpu_millicores or has.memory_request < coderd.memory_bytes:
        return ""
    return (
        f"it has the {coderd.cpu} CPU and {coderd.memory} for the machines that the table names: where those are to "
        "count, set spec.controlPlane.nodeSizing: InstanceTypes. Else "
    )


def _resources(world: World, cpu: int, memory: int) -> str:
    wanted = Amounts(cpu, memory, cpu, memory)
    said: dict[str, Any] = {"cpu": wanted.cpu_text, "memory": wanted.memory_text}
    return remedies.coderd(
        world,
        {"coder": {"resources": {"requests": dict(said), "limits": dict(said)}}},
        {"controlPlane": {"resources": dict(said)}},
    )


def _about(
    rule: str, live: records.Deployment, field: str, expected: str, observed: str, remedy: str
) -> Finding:
    return Finding(rule, f"Deployment {live.meta.path}", field, expected, observed, remedy)


RULES: Final = (
    Rule("CVA-CTL-001", coderd_runs_with_several_replicas, scalers.HORIZONTAL),
    Rule("CVA-CTL-002", coderd_has_the_resources_of_its_tier, static_capacity.NEEDS),
    Rule("CVA-CTL-003", encryption_has_its_own_core, CODERD),
    Rule("CVA-CTL-004", coderd_keeps_nothing_on_disk, CODERD),
)
