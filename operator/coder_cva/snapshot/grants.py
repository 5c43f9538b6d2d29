"""RoleBindings and roles in, which ServiceAccounts may make Pods in which namespaces out.

Making workspaces is what a namespace consents to. A RoleBinding that only lets coderd look, as of the
ClusterRole ``view``, says nothing of that; neither does one whose role is not there or not read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from coder_cva.snapshot import marks, records
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.needs import Need

Account: TypeAlias = tuple[str, str]
"""A ServiceAccount by (namespace, name)."""
Bindings: TypeAlias = Mapping[str, records.RoleBinding]
"""By namespace one RoleBinding of it."""


@dataclass(frozen=True, slots=True)
class Grants:
    """RoleBindings that are not ours, by the account that they name: those that let it make Pods, and others.

    Of several in a namespace the oldest stands for them.
    """

    making: Mapping[Account, Bindings] = field(default_factory=dict)
    other: Mapping[Account, Bindings] = field(default_factory=dict)


def grants(snapshot: ClusterSnapshot) -> Grants:
    """What the RoleBindings of a snapshot grant. Those that are being deleted grant nothing."""
    making: dict[Account, dict[str, records.RoleBinding]] = {}
    other: dict[Account, dict[str, records.RoleBinding]] = {}
    able = {
        (need, one.meta.namespace, one.meta.name)
        for need in (Need.ROLES, Need.CLUSTER_ROLES)
        for one in snapshot.items(need)
        if one.makes_pods
    }
    bindings = snapshot.items(Need.ROLE_BINDINGS)
    for one in sorted(bindings, key=lambda one: (one.meta.created, one.meta.name)):
        if one.meta.deleting or _is_ours(one.meta):
            continue
        kind = making if _role(one) in able else other
        for account in one.service_accounts:
            kind.setdefault(account, {}).setdefault(one.meta.namespace, one)
    return Grants(making, other)


def _role(binding: records.RoleBinding) -> tuple[Need, str, str]:
    """The role that it binds; a Role is one of its own namespace."""
    kind, name = binding.role
    if kind == "ClusterRole":
        return Need.CLUSTER_ROLES, "", name
    return Need.ROLES, binding.meta.namespace, name


def _is_ours(meta: records.Meta) -> bool:
    """Ours follow from consent; they must not outlive the annotation that they were made for."""
    return meta.labels.get(marks.MANAGED_BY) == marks.OURS or marks.OWNER_UID in meta.labels
