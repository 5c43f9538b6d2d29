"""Pods and Pod templates in, their shape out. No value of an environment variable is kept."""

from collections.abc import Mapping
from typing import Any

from coder_cva.snapshot import parse_roles, sharing
from coder_cva.snapshot.parse_meta import identified
from coder_cva.snapshot.parse_requests import requested
from coder_cva.snapshot.records import Meta, Pod, PodShape, Scheduling
from coder_cva.snapshot.shapes import byte_count, flag, mapping, mappings, pairs, text, whole
from coder_cva.values.manifest import dig

_SOURCELESS = "emptyDir"
"""The API takes a volume without a source for one of these."""


def pod(body: Any) -> Pod | None:
    """A Pod; None where it has no name."""
    meta = identified(body)
    if meta is None:
        return None
    conditions = {text(one.get("type")): one for one in mappings(dig(body, "status", "conditions"))}
    return Pod(
        meta=meta,
        shape=shape(dig(body, "spec"), meta),
        node=text(dig(body, "spec", "nodeName")),
        phase=text(dig(body, "status", "phase")),
        ready=dig(conditions, "Ready", "status") == "True",
        unschedulable=_unschedulable(mapping(conditions.get("PodScheduled"))),
        addresses=_addresses(body, "podIPs", "podIP"),
        node_addresses=_addresses(body, "hostIPs", "hostIP"),
        unready_since=_unready_since(mapping(conditions.get("Ready"))),
    )


def shape(spec: Any, meta: Meta) -> PodShape:
    """The part of a Pod spec that is looked at; ``meta`` is that of the Pod or of the template."""
    containers = mappings(dig(spec, "containers"))
    before = mappings(dig(spec, "initContainers"))
    every = (*before, *containers)
    agent = parse_roles.is_agent(every)
    role, player = ("", {}) if agent else parse_roles.player(containers, meta)
    cpu, memory = requested(spec)
    volumes = mappings(dig(spec, "volumes"))
    named = [dig(one, "persistentVolumeClaim", "claimName") for one in volumes]
    own = _own_claims(volumes, meta)
    return PodShape(
        role=role,
        agent=agent,
        image=text(player.get("image")) or text(dig(containers, 0, "image")),
        service_account=text(dig(spec, "serviceAccountName") or dig(spec, "serviceAccount")),
        scheduling=_scheduling(spec),
        claims=_sorted((*named, *own)),
        own_claims=own,
        host_paths=_sorted(dig(one, "hostPath", "path") for one in volumes),
        host_images=_host_images(every, volumes),
        volume_types=_sorted(_type(one) for one in volumes),
        written_types=_written_types(spec, volumes),
        devices=_devices(every),
        claims_devices=bool(mappings(dig(spec, "resourceClaims"))),
        host_network=flag(dig(spec, "hostNetwork")),
        privileged=any(flag(dig(one, "securityContext", "privileged")) for one in every),
        cpu_request_millicores=cpu,
        memory_request_bytes=memory,
        ports=_ports(every),
        host_ports=_host_ports(every),
        silent=_silent((*filter(_stays, before), *containers), player) if role else (),
    )


def _addresses(body: Any, many: str, one: str) -> tuple[str, ...]:
    """Addresses of all families; older API servers tell a node's first one alone."""
    found = [text(here.get("ip")) for here in mappings(dig(body, "status", many))]
    return tuple(filter(None, found)) or tuple(filter(None, [text(dig(body, "status", one))]))


def _unschedulable(condition: Mapping[str, Any]) -> str:
    if condition.get("status") != "False" or condition.get("reason") != "Unschedulable":
        return ""
    return text(condition.get("message"), default="Unschedulable") or "Unschedulable"


def _unready_since(condition: Mapping[str, Any]) -> str:
    known = condition.get("status") in ("False", "Unknown")
    return text(condition.get("lastTransitionTime")) if known else ""


def _scheduling(spec: Any) -> Scheduling:
    return sharing.scheduling(
        pairs(dig(spec, "nodeSelector")),
        mapping(dig(spec, "affinity")),
        mappings(dig(spec, "tolerations")),
        mappings(dig(spec, "topologySpreadConstraints")),
    )


def _type(volume: Mapping[str, Any]) -> str:
    """The name of the volume's source, as the API spells it: ``hostPath``, ``nfs``, ``emptyDir``."""
    sources = sorted(key for key, one in volume.items() if key != "name" and one is not None)
    return sources[0] if sources else _SOURCELESS


def _own_claims(volumes: tuple[Mapping[str, Any], ...], meta: Meta) -> tuple[str, ...]:
    """The claims that Kubernetes makes for a Pod's generic ephemeral volumes, ``<pod>-<volume>``.

    A template has none: its Pods get theirs when they are made.
    """
    if not meta.name:
        return ()
    return _sorted(
        f"{meta.name}-{text(one.get('name'))}" for one in volumes if mapping(one.get("ephemeral"))
    )


def _host_images(
    containers: tuple[Mapping[str, Any], ...], volumes: tuple[Mapping[str, Any], ...]
) -> tuple[str, ...]:
    """The images of those that mount a folder of the node."""
    hosted = {text(one.get("name")) for one in volumes if mapping(one.get("hostPath"))}
    if not hosted:
        return ()
    found = {
        text(container.get("image"))
        for container in containers
        if hosted & {text(one.get("name")) for one in mappings(container.get("volumeMounts"))}
    }
    return tuple(sorted(map(sharing.text, found)))


def _written_types(spec: Any, volumes: tuple[Mapping[str, Any], ...]) -> tuple[str, ...]:
    """The types of what containers that stay mount, or use as a device, and may write to."""
    staying = (
        *mappings(dig(spec, "containers")),
        *(
            one
            for one in mappings(dig(spec, "initContainers"))
            if one.get("restartPolicy") == "Always"
        ),
    )
    used = {
        text(one.get("name"))
        for container in staying
        for part in ("volumeMounts", "volumeDevices")
        for one in mappings(container.get(part))
        if not flag(one.get("readOnly"))
    }
    return _sorted(
        _type(one)
        for one in volumes
        if text(one.get("name")) in used and not flag(dig(one, "persistentVolumeClaim", "readOnly"))
    )


def _devices(containers: tuple[Mapping[str, Any], ...]) -> tuple[str, ...]:
    """Extended resources, which are qualified by a domain; of these there is no request without a limit."""
    limits = (mapping(dig(one, "resources", "limits")) for one in containers)
    return _sorted(key for one in limits for key, count in one.items() if is_device(key, count))


def is_device(resource: Any, amount: Any) -> bool:
    """Whether it is some of an extended resource: ``nvidia.com/gpu: 1``, not ``memory: 1Gi``."""
    return isinstance(resource, str) and "/" in resource and byte_count(amount) > 0


def _sorted(found: Any) -> tuple[str, ...]:
    return tuple(sorted({sharing.text(one) for one in found if isinstance(one, str)}))


def _ports(containers: tuple[Mapping[str, Any], ...]) -> tuple[tuple[str, int, str], ...]:
    found = {
        (text(one.get("name")), whole(one.get("containerPort")), text(one.get("protocol"), "TCP"))
        for container in containers
        for one in mappings(container.get("ports"))
    }
    return tuple(sorted(one for one in found if one[1]))


def _host_ports(containers: tuple[Mapping[str, Any], ...]) -> tuple[tuple[int, str], ...]:
    found = {
        (whole(one.get("containerPort")), text(one.get("protocol"), "TCP"))
        for container in containers
        for one in mappings(container.get("ports"))
        if whole(one.get("hostPort"))
    }
    return tuple(sorted(one for one in found if one[0]))


def _stays(container: Mapping[str, Any]) -> bool:
    """Whether an init container is a sidecar, which runs as long as its Pod."""
    return container.get("restartPolicy") == "Always"


def _silent(containers: tuple[Mapping[str, Any], ...], own: Mapping[str, Any]) -> tuple[str, ...]:
    """The containers that run beside Coder's own and declare no port."""
    return _sorted(
        one.get("name") for one in containers if one is not own and not mappings(one.get("ports"))
    )
