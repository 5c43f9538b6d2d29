"""Control plane: replicas, resources, encryption and storage of coderd (CVA-CTL-*)."""

from collections.abc import Iterator
from typing import Any, Final

from coder_cva.rules import remedies
from coder_cva.rules.model import Finding, Judgement, Rule, not_applicable, verdict
from coder_cva.rules.subjects import no_coderd
from coder_cva.sizing.size import size
from coder_cva.snapshot import records
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import dig
from coder_cva.values.quantity import byte_text, cpu_text

_CORE_MILLICORES: Final = 1000
"""CVA-CTL-003: one core for every replica."""
_STORED: Final = frozenset({"persistentVolumeClaim", "hostPath"})
"""Volume types that keep something beyond the life of a Pod."""


def coderd_runs_with_several_replicas(world: World) -> Judgement:
    """CVA-CTL-001: the tier's replicas, set by nobody who takes them away again."""
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    wanted = size(world.deployment.spec).tier_replicas
    has = f"{live.meta.path} has {live.replicas} replicas, the architecture asks for {wanted}"
    return verdict([*_too_few(world, live, wanted), *_scaled(world, live)], held=has, broken=has)


def _too_few(world: World, live: records.Deployment, wanted: int) -> Iterator[Finding]:
    if live.replicas >= wanted:
        return
    remedy = remedies.coderd(
        world,
        {"coder": {"replicaCount": wanted}},
        f"spec.controlPlane: {{highAvailabilityLicensed: true, replicas: {wanted}}}",
    )
    yield Finding(
        "CVA-CTL-001",
        f"Deployment {live.meta.path}",
        "spec.replicas",
        f"at least {wanted}",
        str(live.replicas),
        f"with a licence that includes high availability, {remedy}. Without one leave it: unlicensed replicas "
        "do not know each other, and connections to workspaces break",
    )


def _scaled(world: World, live: records.Deployment) -> Iterator[Finding]:
    for scaler in world.snapshot.items(Need.AUTOSCALERS):
        here = scaler.meta.namespace == live.meta.namespace
        if here and scaler.target == ("Deployment", live.meta.name):
            yield Finding(
                "CVA-CTL-001",
                f"HorizontalPodAutoscaler {scaler.meta.path}",
                "spec.scaleTargetRef",
                "no autoscaler on coderd: losing one of four replicas drops a quarter of the connections",
                f"Deployment {live.meta.name}",
                f"kubectl -n {scaler.meta.namespace} delete horizontalpodautoscaler {scaler.meta.name}",
            )


def coderd_has_the_resources_of_its_tier(world: World) -> Judgement:
    """CVA-CTL-002: requests are the tier's figures or more; the chart's default of 4Gi is below every tier."""
    if world.coderd is None:
        return no_coderd(world)
    live, wanted = world.coderd.deployment, size(world.deployment.spec).coderd
    asked = f"{cpu_text(wanted.cpu_millicores)} CPU and {byte_text(wanted.memory_bytes)}"
    has = _amounts(live)
    findings = []
    if (
        live.shape.cpu_request_millicores < wanted.cpu_millicores
        or live.shape.memory_request_bytes < wanted.memory_bytes
    ):
        amounts = {"cpu": cpu_text(wanted.cpu_millicores), "memory": byte_text(wanted.memory_bytes)}
        findings.append(
            _about(
                "CVA-CTL-002",
                live,
                "spec.template.spec.containers[coder].resources.requests",
                asked,
                has,
                _resources(world, amounts),
            )
        )
    told = f"{live.meta.path} requests {has} a replica, the architecture asks for {asked}"
    return verdict(findings, held=told, broken=told)


def encryption_has_its_own_core(world: World) -> Judgement:
    """CVA-CTL-003: with encryption on, a replica has one core more than its tier."""
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    if not _encrypts(world):
        return not_applicable(f"{live.meta.path} is given no encryption keys")
    sizing = size(world.deployment.spec)
    of_tier = sizing.coderd.cpu_millicores - _added(world)
    wanted = of_tier + _CORE_MILLICORES
    findings = []
    if live.shape.cpu_request_millicores < wanted:
        amounts = {"cpu": cpu_text(wanted), "memory": byte_text(sizing.coderd.memory_bytes)}
        findings.append(
            _about(
                "CVA-CTL-003",
                live,
                "spec.template.spec.containers[coder].resources.requests.cpu",
                f"{cpu_text(of_tier)} of tier {sizing.tier} and one more for encryption",
                cpu_text(live.shape.cpu_request_millicores),
                _resources(world, amounts),
            )
        )
    told = f"{live.meta.path} encrypts and requests {cpu_text(live.shape.cpu_request_millicores)} CPU a replica"
    return verdict(
        findings, held=told, broken=f"{told}; with encryption it needs {cpu_text(wanted)}"
    )


def coderd_keeps_nothing_on_disk(world: World) -> Judgement:
    """CVA-CTL-004: no claim and no volume of the node on coderd."""
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    kept = sorted(_STORED & set(live.shape.volume_types))
    findings = [
        _about(
            "CVA-CTL-004",
            live,
            "spec.template.spec.volumes",
            "no persistent storage: coderd's file system is ephemeral",
            f"a volume of type {one}",
            remedies.coderd(
                world, {"coder": {"volumes": [], "volumeMounts": []}}, "take the volume out"
            ),
        )
        for one in kept
    ]
    return verdict(
        findings,
        held=f"{live.meta.path} mounts no claim and no volume of its node",
        broken=f"{live.meta.path} mounts {', '.join(kept)}",
    )


def _encrypts(world: World) -> bool:
    if world.deployment.spec.control_plane.encryption is not None:
        return True
    body = world.coderd.deployment.body if world.coderd else None
    containers = dig(body, "spec", "template", "spec", "containers", default=[])
    return any(
        dig(env, "name") == "CODER_EXTERNAL_TOKEN_ENCRYPTION_KEYS"
        for container in containers
        for env in dig(container, "env", default=[])
    )


def _added(world: World) -> int:
    """What sizing has added for encryption: it knows of it only where the spec says so."""
    plane = world.deployment.spec.control_plane
    explicit = plane.resources is not None and plane.resources.cpu is not None
    return _CORE_MILLICORES if plane.encryption is not None and not explicit else 0


def _resources(world: World, amounts: dict[str, str]) -> str:
    values: dict[str, Any] = {"coder": {"resources": {"limits": amounts, "requests": amounts}}}
    return remedies.coderd(
        world,
        values,
        f"spec.controlPlane.resources: {{cpu: {amounts['cpu']}, memory: {amounts['memory']}}}",
    )


def _amounts(live: records.Deployment) -> str:
    shape = live.shape
    return (
        f"{cpu_text(shape.cpu_request_millicores)} CPU and {byte_text(shape.memory_request_bytes)}"
    )


def _about(
    rule: str, live: records.Deployment, field: str, expected: str, observed: str, remedy: str
) -> Finding:
    return Finding(rule, f"Deployment {live.meta.path}", field, expected, observed, remedy)


_CODERD: Final = frozenset({Need.DEPLOYMENTS})
RULES: Final = (
    Rule("CVA-CTL-001", coderd_runs_with_several_replicas, _CODERD | {Need.AUTOSCALERS}),
    Rule("CVA-CTL-002", coderd_has_the_resources_of_its_tier, _CODERD),
    Rule("CVA-CTL-003", encryption_has_its_own_core, _CODERD),
    Rule("CVA-CTL-004", coderd_keeps_nothing_on_disk, _CODERD),
)
