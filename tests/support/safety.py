"""What has to hold after every single write of the operator, looked at in the objects that are there."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from coder_cva.snapshot import address_ranges
from coder_cva.snapshot.reachability import Peer, Reachability
from coder_cva.values.manifest import dig
from support import builders
from support.workspace_manifests import workspace_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Body = dict[str, Any]

WATCHED_KINDS = ("Namespace", "NetworkPolicy", "Pod")
WEB, SSH, METRICS = 8888, 2222, 2112
CODERD = {"app.kubernetes.io/name": "coder", "app.kubernetes.io/instance": "coder"}
PORTS = (("http", 8080, "TCP"), ("prometheus-http", METRICS, "TCP"))
ANYBODY = Peer("somebody outside")
PROVISIONER = {
    "app.kubernetes.io/name": "coder-provisioner",
    "app.kubernetes.io/instance": "coder-provisioner",
}
KUBE_API = Peer("the Kubernetes API", ranges=(address_ranges.networks(["10.0.0.1/32"]),))
"""Where support/edits.py lists it."""
OURS = "coder-cva-operator"


def in_use(namespace: str, name: str = "alpha") -> list[Body]:
    """Two Services that lead to two ports of the same workspace: two exceptions over one Pod."""
    labels = workspace_labels(name, "alice")
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": f"{name}-{port}", "namespace": namespace},
            "spec": {
                "selector": {key: labels[key] for key in keys},
                "ports": [{"port": 80, "targetPort": port}],
            },
        }
        for port, keys in (
            (WEB, ("com.coder.workspace.id",)),
            (SSH, ("com.coder.workspace.name", "com.coder.resource")),
        )
    ]


def peers(namespace: str, space: str = "") -> tuple[Peer, Peer]:
    """coderd, and a workspace in this namespace or another one."""
    here, there = ({"kubernetes.io/metadata.name": one} for one in (namespace, space or namespace))
    labels = workspace_labels("alpha", "alice")
    return (
        Peer("coderd", namespace, CODERD, here, PORTS),
        Peer("the workspace", space or namespace, labels, there),
    )


def working(objects: Iterable[Body], namespace: str, *spaces: str) -> frozenset[str]:
    """The connections that are possible now, of all that Coder and its workspaces need or have."""
    about = Reachability(builders.snapshot_of(list(objects), namespaces=(namespace, *spaces)))
    found = set()
    for space in (namespace, *spaces):
        coderd, workspace = peers(namespace, space)
        home = {"kubernetes.io/metadata.name": namespace}
        provisioner = Peer("a provisioner", namespace, PROVISIONER, home)
        asked = [
            (provisioner, coderd, 8080),
            (provisioner, KUBE_API, 443),
            (provisioner, ANYBODY, 443),
            (coderd, KUBE_API, 443),
            (ANYBODY, coderd, 8080),
            (ANYBODY, coderd, METRICS),
            (workspace, coderd, 8080),
            (coderd, coderd, 8080),
            (coderd, coderd, 6222),
            (coderd, ANYBODY, 5432),
            (coderd, ANYBODY, 443),
            (workspace, ANYBODY, 443),
            (ANYBODY, workspace, WEB),
            (ANYBODY, workspace, SSH),
            (ANYBODY, workspace, 9999),
        ]
        found |= {
            f"{source.name} to {target.name} in {space} on {port}"
            for source, target, port in asked
            if about.connection(source, target, port).possible
        }
    return frozenset(found)


def unsafe(objects: Iterable[Body], owner: Body | None) -> Iterator[str]:
    """What must never be seen, in words."""
    by_kind: defaultdict[str, dict[tuple[str, str], Body]] = defaultdict(dict)
    for one in objects:
        meta = one["metadata"]
        by_kind[one["kind"]][meta.get("namespace", ""), meta["name"]] = one
    yield from _admission(by_kind, owner)
    yield from _identity(by_kind)
    yield from _budgets(by_kind)


def _admission(
    by_kind: Mapping[str, Mapping[tuple[str, str], Body]], owner: Body | None
) -> Iterator[str]:
    """Nothing is refused where a parameter or a policy is missing, and nothing outside of names."""
    for kind in ("MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"):
        for (_, name), policy in by_kind[kind].items():
            if policy["spec"].get("failurePolicy") != "Ignore":
                yield f"{kind} {name} stops Pods where it fails"
        for (_, name), bound in by_kind[f"{kind}Binding"].items():
            spec = bound["spec"]
            if dig(spec, "paramRef", "parameterNotFoundAction") != "Allow":
                yield f"{kind}Binding {name} acts without its CoderDeployment"
            chosen = dig(
                spec, "matchResources", "namespaceSelector", "matchExpressions", default=[]
            )
            if [one["operator"] for one in chosen] != ["In"]:
                yield f"{kind}Binding {name} names no namespaces"
            if owner is not None and dig(spec, "paramRef", "name") != owner["metadata"]["name"]:
                yield f"{kind}Binding {name} acts by what is somebody else's"


def _identity(by_kind: Mapping[str, Mapping[tuple[str, str], Body]]) -> Iterator[str]:
    """No coderd of ours without its account, its rights and its Service."""
    for (space, name), one in by_kind["Deployment"].items():
        if dig(one, "metadata", "labels", "app.kubernetes.io/managed-by") != OURS:
            continue
        for kind in ("ServiceAccount", "RoleBinding", "Service"):
            if (space, name) not in by_kind[kind]:
                yield f"Deployment {space}/{name} is there without its {kind}"


def _budgets(by_kind: Mapping[str, Mapping[tuple[str, str], Body]]) -> Iterator[str]:
    """Two budgets over the same Pods make every eviction fail."""
    spaces = [space for space, _ in by_kind["PodDisruptionBudget"]]
    yield from (f"two budgets in {one}" for one in set(spaces) if spaces.count(one) > 1)
