"""RoleBindings and roles in, their records out: who is bound to what, and whether that makes Pods."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from coder_cva.snapshot.parse_meta import identified
from coder_cva.snapshot.records import Role, RoleBinding
from coder_cva.snapshot.shapes import mapping, mappings, text, texts
from coder_cva.values.manifest import dig

_USER_PREFIX = "system:serviceaccount:"

_MAKERS: Final = {
    "": {"pods", "replicationcontrollers"},
    "apps": {"deployments", "replicasets", "statefulsets", "daemonsets"},
    "batch": {"jobs", "cronjobs"},
}
"""By API group what is a Pod, or makes Pods once it is created. Coder's own template makes Deployments."""
_ANY: Final = "*"


def role_binding(body: Any) -> RoleBinding | None:
    """A RoleBinding with the ServiceAccounts that it names, also where it names them as users."""
    meta = identified(body)
    if meta is None:
        return None
    role = mapping(dig(body, "roleRef"))
    accounts = {one for raw in mappings(dig(body, "subjects")) for one in _accounts(raw)}
    return RoleBinding(
        meta=meta,
        role=(text(role.get("kind")), text(role.get("name"))),
        service_accounts=tuple(sorted(accounts)),
    )


def role(body: Any) -> Role | None:
    """A Role or a ClusterRole. Of its rules only what matters for consent is kept.

    The rules of an aggregated ClusterRole (admin, edit) are written into it by Kubernetes.
    """
    meta = identified(body, with_labels=False)
    if meta is None:
        return None
    return Role(meta, any(_makes_pods(rule) for rule in mappings(dig(body, "rules"))))


def _makes_pods(rule: Mapping[str, Any]) -> bool:
    """Whether a rule lets one create Pods. One that names its objects never does: a new one has no name yet."""
    if not {"create", _ANY} & set(texts(rule.get("verbs"))) or rule.get("resourceNames"):
        return False
    groups, resources = set(texts(rule.get("apiGroups"))), set(texts(rule.get("resources")))
    return any(
        {group, _ANY} & groups and (kinds | {_ANY}) & resources for group, kinds in _MAKERS.items()
    )


def _accounts(subject: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    name = text(subject.get("name"))
    if subject.get("kind") == "ServiceAccount" and name and text(subject.get("namespace")):
        yield text(subject.get("namespace")), name
    elif subject.get("kind") == "User" and name.startswith(_USER_PREFIX):
        place, colon, account = name.removeprefix(_USER_PREFIX).partition(":")
        if place and colon and account:
            yield place, account
