"""Pods, Deployments and claims for admission: those of Coder's templates, and what a seed makes of them.

Equal seeds give equal objects. Most of them are valid, for what the API server refuses shows nothing.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from support.admission import AGENT, OWNER, PREFERRED, REQUIRED
from support.coder_manifests import POOL, chart_coderd
from support.placement import started_by_replica_set
from support.workspace_manifests import (
    devcontainer_deployment,
    envbox_pod,
    home_claim,
    seed_pod,
    soft_anti_affinity,
    virtual_machine_pod,
    workspace_deployment,
    workspace_pod,
)

if TYPE_CHECKING:
    from random import Random

Manifest = dict[str, Any]

ZONE = "topology.kubernetes.io/zone"
ARCH = "kubernetes.io/arch"
KEYS = (POOL, ZONE, ARCH, "kubernetes.io/os", "example.com/gpu", "cores")
VALUES = ("workspaces", "control-plane", "a", "b", "c", "amd64", "arm64", "linux", "t4")
LABELS = (
    ("app.kubernetes.io/name", "coder-workspace"),
    ("app.kubernetes.io/name", "coder"),
    ("app.kubernetes.io/name", "coder-provisioner"),
    ("app.kubernetes.io/instance", "coder"),
    ("app", "coder-workspace"),
    ("app", "web"),
    ("com.coder.resource", "true"),
    ("com.coder.resource", "false"),
    ("com.coder.workspace.id", "ee1d"),
    # A prebuilt workspace belongs to Coder's own account until somebody claims it.
    ("com.coder.user.username", "prebuilds"),
    ("kubevirt.io", "virt-launcher"),
    ("kubevirt.io/migrationJobUID", "5d1c"),
    ("com.coder.template.name", "docker-in-docker"),
    ("com.coder.template.name", "docker"),
)
OWNERS = ("ReplicaSet", "StatefulSet", "Job", "DaemonSet", "Node", "VirtualMachineInstance")
TOLERATIONS: tuple[Manifest, ...] = (
    {"key": "coder", "operator": "Equal", "value": "ws", "effect": "NoSchedule"},
    {"key": "coder", "operator": "Exists"},
    {"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30},
    {"operator": "Exists"},
)
STRANDED = "old-home"
EXEMPTIONS: tuple[Manifest, ...] = (
    {"image": "ghcr.io/coder/envbox", "reason": "sysbox needs them"},
    {"image": "docker.io/codercom/box"},
    {"image": "box"},
    {"template": "docker-in-docker"},
)
"""Who may mount volumes of the host in the tests; some images below are called nearly so."""
_DIGEST = "sha256:" + "0" * 64
IMAGES = (
    "ghcr.io/coder/envbox",
    "ghcr.io/coder/envbox:0.6.5",
    f"ghcr.io/coder/envbox@{_DIGEST}",
    f"ghcr.io/coder/envbox:0.6.5@{_DIGEST}",
    "ghcr.io/coder/envbox-evil:1",
    "ghcr.io/coder/envbox/evil:1",
    "ghcr.io:443/coder/envbox:1",
    "example.com/coder/envbox",
    "codercom/box:1",
    "docker.io/codercom/box",
    "quay.io/codercom/box",
    "box:5000/evil",
    "library/box:1",
)


def templates(namespace: str) -> list[Manifest]:
    """The Pods that Coder's own templates and chart bring, as their ReplicaSets make them; all have names."""
    made = [
        started_by_replica_set(workspace_deployment("dev", namespace)[-1]),
        started_by_replica_set(devcontainer_deployment("box", namespace)[-1]),
        started_by_replica_set(chart_coderd(namespace, database=False)[-1]),
        workspace_pod("bare", namespace)[-1],
        envbox_pod("envbox", namespace)[-1],
        seed_pod("seed", namespace),
        virtual_machine_pod("machine", namespace),
        virtual_machine_pod("machine", namespace, migrating=True),
    ]
    for number, one in enumerate(made):
        if one["metadata"].pop("generateName", None):
            one["metadata"]["name"] = f"template-{number}"
    return made


def pod(chance: Random, namespace: str) -> Manifest:
    """A Pod of a template, of which up to eight things are changed."""
    made = copy.deepcopy(chance.choice(templates(namespace)))
    made["metadata"]["name"] = f"fuzz-{chance.randrange(10**9)}"
    for _ in range(chance.randrange(9)):
        chance.choice(_CHANGES)(chance, made)
    return made


def deployment(chance: Random, namespace: str) -> Manifest:
    """A workspace's Deployment around such a Pod; some mount volumes of the host."""
    made = workspace_deployment("dev", namespace)[-1]
    inner = pod(chance, namespace)
    labels = {**made["spec"]["template"]["metadata"]["labels"], "fuzz": "x"}
    made["metadata"]["name"] = inner["metadata"]["name"]
    made["spec"]["template"]["spec"] = inner["spec"]
    inner["spec"].pop("restartPolicy", None)
    if chance.random() < 0.5:
        labels.update(inner["metadata"].get("labels") or {})
    made["spec"]["template"]["metadata"]["labels"] = labels
    made["spec"]["selector"]["matchLabels"] = {"fuzz": "x"}
    return made


def claim(chance: Random, namespace: str) -> Manifest:
    """A claim of a workspace or of somebody else, which chooses its class, volume or source, or not."""
    made = home_claim(f"fuzz-{chance.randrange(10**9)}", namespace, {})
    known = [*LABELS, ("app.kubernetes.io/name", "coder-pvc")]
    made["metadata"]["labels"] = dict(chance.sample(known, chance.randrange(3)))
    size = chance.choice(
        ("1Gi", "4Gi", "5Gi", "10Gi", "1Ti", "1.5Ti", "2Ti", "6000Mi", "6G", "5e9")
    )
    made["spec"]["resources"]["requests"]["storage"] = size
    source = {"kind": "PersistentVolumeClaim", "name": "other"}
    for name, values in (
        ("storageClassName", ("", "immediate", "fast")),
        ("volumeName", ("pv-1",)),
        ("dataSource", (source,)),
        ("dataSourceRef", (source,)),
    ):
        if chance.random() < 0.15:
            made["spec"][name] = chance.choice(values)
    if chance.random() < 0.1:
        made["metadata"]["annotations"] = {"volume.beta.kubernetes.io/storage-class": "immediate"}
    return made


def _expression(chance: Random) -> Manifest:
    operator = chance.choice(("In", "In", "In", "NotIn", "Exists", "DoesNotExist", "Gt"))
    made: Manifest = {"key": chance.choice(KEYS), "operator": operator}
    if operator in ("In", "NotIn"):
        made["values"] = chance.sample(VALUES, chance.randrange(1, 3))
    if operator == "Gt":
        made["values"] = ["4"]
    return made


def _term(chance: Random) -> Manifest:
    made: Manifest = {}
    if chance.random() < 0.85:
        made["matchExpressions"] = [_expression(chance) for _ in range(chance.randrange(1, 4))]
    if chance.random() < 0.15:
        field = {"key": "metadata.name", "operator": "In", "values": ["ws-0"]}
        made["matchFields"] = [field]
    return made


def _affinity(made: Manifest) -> Manifest:
    found: Manifest = made["spec"].setdefault("affinity", {})
    return found


def _node_terms(chance: Random, made: Manifest) -> None:
    terms = [_term(chance) for _ in range(chance.randrange(1, 4))]
    _affinity(made).setdefault("nodeAffinity", {})[REQUIRED] = {"nodeSelectorTerms": terms}


def _node_wishes(chance: Random, made: Manifest) -> None:
    pool = {"key": POOL, "operator": "In", "values": ["workspaces"]}
    wishes = [{"matchExpressions": [pool]}, _term(chance)]
    _affinity(made).setdefault("nodeAffinity", {})[PREFERRED] = [
        {"weight": chance.choice((1, 100)), "preference": chance.choice(wishes) or wishes[0]}
        for _ in range(chance.randrange(3))
    ]


def _distance(chance: Random, made: Manifest) -> None:
    term = soft_anti_affinity()["podAntiAffinity"][PREFERRED][0]
    inner = term["podAffinityTerm"]
    kind = chance.randrange(6)
    if kind == 1:
        inner["topologyKey"] = ZONE
    elif kind == 2:
        inner["namespaces"] = [chance.choice((made["metadata"]["namespace"], "elsewhere"))]
    elif kind == 3:
        inner["namespaceSelector"] = {}
    elif kind == 4:
        key, value = chance.choice(LABELS)
        inner["labelSelector"] = {"matchLabels": {key: value}}
    elif kind == 5:
        del inner["labelSelector"]
    _affinity(made).setdefault("podAntiAffinity", {})[PREFERRED] = [term]


def _odd_affinity(chance: Random, made: Manifest) -> None:
    part = chance.choice(("", "nodeAffinity", "podAffinity", "podAntiAffinity"))
    made["spec"]["affinity"] = {part: {}} if part else {}


def _selector(chance: Random, made: Manifest) -> None:
    chosen = {chance.choice(KEYS): chance.choice(VALUES) for _ in range(chance.randrange(1, 3))}
    made["spec"]["nodeSelector"] = chosen


def _tolerations(chance: Random, made: Manifest) -> None:
    made["spec"]["tolerations"] = [dict(one) for one in chance.sample(TOLERATIONS, 2)]


def _node(_: Random, made: Manifest) -> None:
    made["spec"]["nodeName"] = "stray-0"


def _device(chance: Random, made: Manifest) -> None:
    limits = {chance.choice(("nvidia.com/gpu", "memory", "cpu")): "1"}
    made["spec"]["containers"][0]["resources"] = {"limits": limits}


def _device_claim(_: Random, made: Manifest) -> None:
    made["spec"]["resourceClaims"] = [{"name": "gpu", "resourceClaimName": "a"}]


def _volume(chance: Random, made: Manifest) -> None:
    source: Manifest = chance.choice(
        (
            {"hostPath": {"path": "/usr/src"}},
            {"persistentVolumeClaim": {"claimName": STRANDED}},
            {"persistentVolumeClaim": {"claimName": "home"}},
            {"emptyDir": {}},
        )
    )
    volumes = made["spec"].setdefault("volumes", [])
    volumes.append({"name": f"fuzz-{len(volumes)}", **copy.deepcopy(source)})


def _host_mount(chance: Random, made: Manifest) -> None:
    """A volume of the host, mounted by a container whose image may be exempt."""
    volumes = made["spec"].setdefault("volumes", [])
    name = f"host-{len(volumes)}"
    volumes.append({"name": name, "hostPath": {"path": chance.choice(("/usr/src", "/"))}})
    container = chance.choice(
        [*made["spec"]["containers"], *made["spec"].get("initContainers", [])]
    )
    mounts = container.setdefault("volumeMounts", [])
    mounts.append({"name": name, "mountPath": f"/mnt/{name}"})
    if chance.random() < 0.7:
        container["image"] = chance.choice(IMAGES)


def _labels(chance: Random, made: Manifest) -> None:
    made["metadata"]["labels"] = dict(chance.sample(LABELS, chance.randrange(4)))


def _owner(chance: Random, made: Manifest) -> None:
    made["metadata"]["ownerReferences"] = [{**OWNER, "kind": chance.choice(OWNERS)}]


def _no_owner(chance: Random, made: Manifest) -> None:
    owners = [] if chance.random() < 0.5 else [{**OWNER, "controller": False}]
    made["metadata"]["ownerReferences"] = owners


def _token(chance: Random, made: Manifest) -> None:
    place = chance.choice(("containers", "initContainers"))
    containers = made["spec"].setdefault(place, [])
    name = f"fuzz-{place[0]}-{len(containers)}"
    containers.append({"name": name, "image": "example.com/x", "env": [dict(AGENT)]})


def _no_token(_: Random, made: Manifest) -> None:
    for one in made["spec"]["containers"]:
        one["env"] = [env for env in one.get("env", []) if env["name"] != AGENT["name"]]


def _unicode(_: Random, made: Manifest) -> None:
    made["metadata"]["annotations"] = {"example.com/note": "Grüße 'an' \"alle\" \\ 🚀"}


_CHANGES = (
    _node_terms,
    _node_terms,
    _node_wishes,
    _distance,
    _odd_affinity,
    _selector,
    _tolerations,
    _node,
    _device,
    _device_claim,
    _volume,
    _host_mount,
    _host_mount,
    _labels,
    _owner,
    _no_owner,
    _token,
    _no_token,
    _unicode,
)
