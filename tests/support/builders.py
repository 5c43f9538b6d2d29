"""Worlds for tests, made from plain manifests as an API server would give them back.

``world`` gives them UIDs and what else a live object has, adds their namespaces, and refuses what could not be.
"""

from __future__ import annotations

import copy
import hashlib
import uuid
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from coder_cva.api.v1alpha1.resource import CoderDeployment, parse
from coder_cva.snapshot.consistency import impossible
from coder_cva.snapshot.discovery import discover
from coder_cva.snapshot.model import Absence, ClusterSnapshot, SecretKeys, Served, Unavailable
from coder_cva.snapshot.needs import SOURCES, Need
from coder_cva.snapshot.observations import Observations
from coder_cva.snapshot.parse import gathered
from coder_cva.snapshot.webhook import NOWHERE, Webhook
from coder_cva.snapshot.world import World
from support.coder_manifests import POOL
from support.ephemeral import ephemeral_claims
from support.kinds import needs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Manifest = dict[str, Any]

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""The clock of every world of the tests."""
CREATED = "2026-11-01T08:00:00Z"
CONTROL_PLANE = "control-plane"
WORKSPACES = "workspaces"


def world(
    cr: Mapping[str, Any],
    *manifests: Manifest | Iterable[Any],
    unavailable: Mapping[Need, Absence] | None = None,
    others: Sequence[Mapping[str, Any]] = (),
    secrets: Mapping[tuple[str, str], frozenset[str] | None] | None = None,
    served: Served | None = None,
    now: datetime = NOW,
    observed: Observations | None = None,
    webhook: Webhook = NOWHERE,
    plausible: bool = True,
    previous: Mapping[str, Any] | None = None,
) -> World:
    """The world around a CoderDeployment (a manifest) in which these objects are there.

    Kinds of ``unavailable`` could not be read; all others were. ``plausible=False`` lets a world
    pass that could not be. ``previous`` is the status that an earlier look left.
    """
    deployment = coder_deployment(cr)
    snapshot = snapshot_of(
        *manifests,
        unavailable=unavailable,
        secrets=secrets,
        served=served,
        namespaces=(deployment.namespace,),
    )
    if contradictions := impossible(snapshot) if plausible else ():
        raise AssertionError(f"no cluster could show this: {'; '.join(contradictions)}")
    known = tuple(sorted(map(coder_deployment, others), key=lambda one: one.age))
    return World(
        deployment=deployment,
        snapshot=snapshot,
        now=now,
        found=discover(deployment, snapshot, others=known),
        others=known,
        living=frozenset(one.uid for one in (deployment, *known)),
        observed=observed or Observations(),
        webhook=webhook,
        previous=previous or {},
    )


def snapshot_of(
    *manifests: Manifest | Iterable[Any],
    unavailable: Mapping[Need, Absence] | None = None,
    secrets: Mapping[tuple[str, str], frozenset[str] | None] | None = None,
    served: Served | None = None,
    namespaces: Iterable[str] = (),
) -> ClusterSnapshot:
    """A snapshot with these objects; the namespaces that they are in are added where they lack."""
    bodies: defaultdict[Need, list[Manifest]] = defaultdict(list)
    places = set(namespaces)
    for body in flat(manifests):
        places.add(body["metadata"].get("namespace", ""))
        for need in needs_of(body):  # none for a ServiceAccount: applied to clusters, not watched
            bodies[need].append(live(body))
    there = {one["metadata"]["name"] for one in bodies[Need.NAMESPACES]}
    bodies[Need.NAMESPACES] += [live(namespace(name)) for name in places - there - {""}]
    readings: dict[str, Any] = {need.value: gathered(need, bodies[need]) for need in Need}
    for need, reason in (unavailable or {}).items():
        readings[need.value] = Unavailable(reason, f"{SOURCES[need].plural} is {reason}")
    keys = {
        (place, name): None if found is None else SecretKeys(place, name, found)
        for (place, name), found in (secrets or {}).items()
    }
    known = served or Served(("v1",), ("v1",))
    return ClusterSnapshot(**readings, secrets=dict(keys), served=known)


def coder_deployment(cr: Mapping[str, Any]) -> CoderDeployment:
    """The model of a CoderDeployment's manifest, as if it had been applied."""
    return parse(live(dict(cr)))


def live(manifest: Manifest) -> Manifest:
    """A copy with what an API server adds: UID, creation, generation; what is there stays."""
    body = copy.deepcopy(manifest)
    metadata = body["metadata"]
    metadata.setdefault(
        "uid", uid_of(body["kind"], metadata.get("namespace", ""), metadata["name"])
    )
    metadata.setdefault("creationTimestamp", CREATED)
    metadata.setdefault("generation", 1)
    return body


def uid_of(kind: str, namespace: str, name: str) -> str:
    """The UID that ``live`` gives an object: it follows from its kind, namespace and name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{namespace}/{name}"))


def flat(manifests: Iterable[Any]) -> list[Manifest]:
    """Manifests out of nested lists, in order."""
    found: list[Manifest] = []
    for one in manifests:
        found += [one] if isinstance(one, dict) else flat(one)
    return found


def node(
    name: str,
    pool: str = "",
    *,
    cpu: str = "8",
    memory: str = "32Gi",
    pods: str = "110",
    taints: Sequence[dict[str, str]] = (),
    ready: bool = True,
    unschedulable: bool = False,
    zone: str = "",
    labels: Mapping[str, str] | None = None,
    devices: Mapping[str, str] | None = None,
) -> Manifest:
    """A Node; ``pool`` is the value of the label that tells the two pools apart."""
    described = {"kubernetes.io/hostname": name, **(labels or {})}
    if pool:
        described[POOL] = pool
    if zone:
        described["topology.kubernetes.io/zone"] = zone
    amounts = {"cpu": cpu, "memory": memory, "pods": pods, **(devices or {})}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": described},
        "spec": {"taints": list(taints), "unschedulable": unschedulable},
        "status": {
            "allocatable": amounts,
            "capacity": dict(amounts),
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def pools(control_plane: int = 3, workspaces: int = 3) -> list[Manifest]:
    """Nodes of both pools: ``control-plane-1``, ``workspaces-1`` and so on."""
    return [
        node(f"{pool}-{number}", pool)
        for pool, count in ((CONTROL_PLANE, control_plane), (WORKSPACES, workspaces))
        for number in range(1, count + 1)
    ]


def namespace(
    name: str,
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """A Namespace with the label that the API server gives it."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/metadata.name": name, **(labels or {})},
            "annotations": dict(annotations or {}),
        },
    }


def cluster_role(name: str, rules: Sequence[Mapping[str, Any]]) -> Manifest:
    """A ClusterRole, as ``view`` and ``edit`` of every cluster are."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [dict(one) for one in rules],
    }


def pod(
    name: str,
    namespace: str = "default",
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    cpu: str = "100m",
    memory: str = "128Mi",
    spec: Mapping[str, Any] | None = None,
) -> Manifest:
    """A Pod of somebody else's, with one container; ``spec`` is laid over its own."""
    amounts = {"requests": {"cpu": cpu, "memory": memory}}
    container = {"name": "main", "image": "nginx:1.29", "resources": amounts}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": dict(labels or {}),
            "annotations": dict(annotations or {}),
        },
        "spec": {"containers": [container], **(spec or {})},
    }


def deployment(
    name: str,
    namespace: str = "default",
    *,
    replicas: int = 1,
    labels: Mapping[str, str] | None = None,
    spec: Mapping[str, Any] | None = None,
) -> Manifest:
    """A Deployment of somebody else's; ``spec`` is laid over its Pods' own."""
    selected = {"app": name}
    template = pod(name, namespace, labels={**selected, **(labels or {})}, spec=spec)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels or {})},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selected},
            "template": {
                "metadata": {"labels": template["metadata"]["labels"]},
                "spec": template["spec"],
            },
        },
    }


def running(manifest: Manifest, nodes: Sequence[str] = ("workspaces-1",)) -> Manifest:
    """A Pod as it is while it runs, ready, on the first of these nodes."""
    made = copy.deepcopy(manifest)
    made["spec"]["nodeName"] = nodes[0]
    made["status"] = {
        "phase": "Running",
        "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True"},
        ],
    }
    return made


def pending(manifest: Manifest, message: str = "0/3 nodes are available") -> Manifest:
    """A Pod for which the scheduler finds no node."""
    made = copy.deepcopy(manifest)
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    made["status"] = {"phase": "Pending", "conditions": [{**condition, "message": message}]}
    return made


def rolled_out(manifest: Manifest, nodes: Sequence[str] = ("workspaces-1",)) -> list[Manifest]:
    """A Deployment with all that its controllers make of it: status, ReplicaSet, Pods that run.

    The Pods take the nodes in turn.
    """
    made = live(manifest)
    metadata, spec = made["metadata"], made["spec"]
    count = spec.get("replicas", 1)
    made["status"] = {
        "observedGeneration": metadata["generation"],
        **dict.fromkeys(
            ("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), count
        ),
    }
    template = hashlib.sha256(repr(spec["template"]).encode()).hexdigest()[:10]
    own = {**spec["template"]["metadata"]["labels"], "pod-template-hash": template}
    replica_set = live(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{metadata['name']}-{template}",
                "namespace": metadata["namespace"],
                "labels": own,
                "ownerReferences": [_controller(made)],
            },
        }
    )
    pods = [
        running(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": f"{replica_set['metadata']['name']}-{number:05}",
                    "namespace": metadata["namespace"],
                    "labels": own,
                    "annotations": spec["template"]["metadata"].get("annotations", {}),
                    "ownerReferences": [_controller(replica_set)],
                },
                "spec": spec["template"]["spec"],
            },
            (nodes[number % len(nodes)],),
        )
        for number in range(count)
    ]
    return [made, replica_set, *pods, *flat(ephemeral_claims(live(one)) for one in pods)]


def all_running(
    manifests: Iterable[Any], nodes: Sequence[str] = ("workspaces-1",)
) -> list[Manifest]:
    """Manifests with every Deployment rolled out, every Pod running and every claim bound.

    The claims of generic ephemeral volumes are there too, as Kubernetes makes them.
    """
    made: list[Manifest] = []
    for one in flat(manifests):
        if one["kind"] == "Deployment":
            made += rolled_out(one, nodes)
        elif one["kind"] == "Pod":
            made += [running(one, nodes), *ephemeral_claims(live(one))]
        elif one["kind"] == "PersistentVolumeClaim":
            made.append(bound(one))
        else:
            made.append(one)
    return made


def bound(claim: Manifest) -> Manifest:
    """A claim that has got its volume."""
    made = copy.deepcopy(claim)
    made["spec"]["volumeName"] = f"pv-{claim['metadata']['name']}"
    made["status"] = {"phase": "Bound"}
    return made


def persistent_volume(
    name: str,
    claim: str = "",
    zone: str = "",
    *,
    terms: Sequence[Manifest] | None = None,
    phase: str = "Bound",
) -> Manifest:
    """A volume of a claim, ``namespace/name``, in a zone, or where ``terms`` say."""
    spec: dict[str, Any] = {
        "capacity": {"storage": "10Gi"},
        "accessModes": ["ReadWriteOnce"],
        "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": name},
    }
    if claim:
        place, _, claimed = claim.partition("/")
        spec["claimRef"] = {"namespace": place, "name": claimed}
    if zone:
        asked = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]}
        terms = [{"matchExpressions": [asked]}]
    if terms is not None:
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": list(terms)}}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": spec,
        "status": {"phase": phase},
    }


def _controller(owner: Manifest) -> dict[str, Any]:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
