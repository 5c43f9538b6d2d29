"""Restrictions of egress for tests: what a spec says of its network, and what the builders make of it."""

from __future__ import annotations

from typing import Any

from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need

NO_CILIUM = {Need.CILIUM_POLICIES: Absence.NOT_SERVED}
WORKSPACES = {"matchLabels": {"com.coder.resource": "true"}}
DATABASE = {
    "name": "database",
    "connection": "coderd-to-postgresql",
    "why": "Coder's state",
    "cidrs": ["10.0.0.5/32"],
    "ports": [{"port": 5432}],
}
KUBE_API = {
    "name": "kube-api",
    "connection": "coderd-to-kube-api",
    "why": "workspaces",
    "cidrs": ["10.0.0.1/32"],
}
GIT = {"name": "git", "why": "clones", "fqdns": ["github.com", "*.example.org"]}


def network(made: dict[str, Any], **said: Any) -> dict[str, Any]:
    """The CoderDeployment with this said of its network."""
    made["spec"]["network"] = said
    return made


def enforced(made: dict[str, Any], *rules: str) -> dict[str, Any]:
    made["spec"]["enforcement"] = {"rules": dict.fromkeys(rules, "Enforce")}
    return made


def egress_of(part: Any) -> dict[str, Any]:
    """The objects about egress, by kind and name."""
    return {
        f"{one['kind']} {one['metadata']['name']}": one["spec"]
        for one in part.objects
        if one["metadata"]["name"].endswith("-egress")
    }


def to(spec: dict[str, Any]) -> set[str]:
    """The address ranges that a NetworkPolicy lets through."""
    return {
        peer["ipBlock"]["cidr"]
        for rule in spec["egress"]
        for peer in rule["to"]
        if "ipBlock" in peer
    }
