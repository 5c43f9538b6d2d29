"""The operator's rights, worked out from what the code reads and writes; nothing more is asked for."""

from typing import Any, Final

from coder_cva.desired.control_plane import WORKSPACE_ROLE
from coder_cva.kube import owned
from coder_cva.runtime.settings import WEBHOOK
from coder_cva.snapshot.needs import SOURCES
from coder_cva.values.manifest import Manifest

NAME: Final = "coder-cva-operator"
NAMESPACE: Final = "coder-cva-system"
_FOLLOW: Final = ["list", "watch"]
_KEEP: Final = ["get", "list", "watch", "create", "patch", "delete"]
"""What is written is first looked at alone, by its name."""
_LABELS: Final = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "coder-cva"}


def manifests() -> tuple[Manifest, ...]:
    """ServiceAccount, roles and bindings of the operator, and the workspace rights that coderd gets."""
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _meta(NAME, NAMESPACE)},
        _role("ClusterRole", NAME, _cluster_rules()),
        _binding("ClusterRoleBinding", "ClusterRole", NAME),
        _role(
            "Role",
            NAME,
            [
                _rule("coordination.k8s.io", ["leases"], ["get", "create", "update"]),
                # The webhook's certificates. The Secret is shipped empty: to create one cannot be
                # allowed by name.
                {
                    **_rule("", ["secrets"], [*_FOLLOW, "patch"]),
                    "resourceNames": [WEBHOOK],
                },
            ],
        ),
        _binding("RoleBinding", "Role", NAME),
        _role("ClusterRole", WORKSPACE_ROLE, _workspace_rules()),
    )


def _cluster_rules() -> list[dict[str, Any]]:
    kept = {(one.group, one.plural) for one in owned.KINDS}
    read = {(one.group, one.plural) for one in SOURCES.values() if not one.name}
    reads = [_rule(group, [plural], _FOLLOW) for group, plural in read - kept]
    named = sorted({(one.group, one.plural, one.name) for one in SOURCES.values() if one.name})
    writes = [_rule(group, [plural], _KEEP) for group, plural in kept]
    return [
        _rule("cva.coder.com", ["coderdeployments"], _FOLLOW),
        _rule("cva.coder.com", ["coderdeployments/status"], ["patch"]),
        # kopf waits for the CRD with this, where it is applied after the operator.
        _rule("apiextensions.k8s.io", ["customresourcedefinitions"], _FOLLOW),
        *_merged(reads),
        *_merged(writes),
        # One list or watch by a field selector on the name is all that these rights allow.
        *(
            {**_rule(group, [plural], _FOLLOW), "resourceNames": [name]}
            for group, plural, name in named
            if (group, plural) not in kept | read
        ),
        # Replicas that wait for a pool that is gone; budgets are respected, unlike by a deletion.
        _rule("", ["pods/eviction"], ["create"]),
        _rule("events.k8s.io", ["events"], ["create"]),
        # coderd's rights over workspaces are bound, never granted: the operator does not hold them.
        {
            **_rule("rbac.authorization.k8s.io", ["clusterroles"], ["bind"]),
            "resourceNames": [WORKSPACE_ROLE],
        },
    ]


def _workspace_rules() -> list[dict[str, Any]]:
    """What Coder's chart grants coderd over workspaces (helm/coder, ``coder-workspace-perms``)."""
    verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    return [
        _rule("", ["pods", "persistentvolumeclaims"], verbs),
        _rule("apps", ["deployments"], verbs),
    ]


def _merged(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One rule for each group and set of verbs, resources sorted."""
    merged: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for one in rules:
        merged.setdefault((one["apiGroups"][0], tuple(one["verbs"])), set()).update(
            one["resources"]
        )
    return [
        _rule(group, sorted(resources), list(verbs))
        for (group, verbs), resources in sorted(merged.items())
    ]


def _rule(group: str, resources: list[str], verbs: list[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources, "verbs": list(verbs)}


def _role(kind: str, name: str, rules: list[dict[str, Any]]) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": _meta(name, NAMESPACE if kind == "Role" else ""),
        "rules": rules,
    }


def _binding(kind: str, role_kind: str, name: str) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": _meta(name, NAMESPACE if kind == "RoleBinding" else ""),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    }


def _meta(name: str, namespace: str) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "labels": dict(_LABELS)}
    return {**made, "namespace": namespace} if namespace else made
