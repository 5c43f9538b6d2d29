"""NetworkPolicies and Services in plain data, and what the builders make of a world."""

from __future__ import annotations

from typing import Any

from coder_cva.desired.networking import build_network_policies

CODERD = {"app.kubernetes.io/name": "coder", "app.kubernetes.io/instance": "coder"}
TCP = "TCP"


def policy(name: str, selector: dict[str, Any], namespace: str = "coder", **spec: Any) -> Any:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"podSelector": selector, **spec},
    }


def service(
    name: str, selector: dict[str, str], target: Any = 8888, namespace: str = "coder"
) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": selector, "ports": [{"port": 80, "targetPort": target}]},
    }


def specs(world: Any) -> dict[str, dict[str, Any]]:
    made = build_network_policies(world).objects
    return {
        f"{one['metadata']['namespace']}/{one['metadata']['name']}": one["spec"] for one in made
    }


def opened(world: Any, namespace: str = "coder") -> dict[str, list[dict[str, Any]]]:
    """What is left open on workspaces: the ports, [] for every one, by whom the policy selects, in words."""
    return {
        selected(spec["podSelector"]): rule.get("ports", [])
        for name, spec in specs(world).items()
        if name.startswith(f"{namespace}/") and name != "coder/coder-coderd"
        for rule in spec.get("ingress", [])
    }


def selected(selector: dict[str, Any]) -> str:
    """A selector in words: ``app=web``, ``app in a b``, ``app``."""
    exact = [f"{key}={value}" for key, value in selector.get("matchLabels", {}).items()]
    others = [
        f"{one['key']} in {' '.join(one['values'])}" if "values" in one else one["key"]
        for one in selector.get("matchExpressions", [])
    ]
    return ", ".join((*exact, *others))


def coderd_ports(world: Any) -> set[int]:
    """The ports that everybody may reach, by coderd's policy."""
    rules = specs(world)["coder/coder-coderd"]["ingress"]
    return {port["port"] for rule in rules if "from" not in rule for port in rule["ports"]}


def ports(*numbers: int) -> list[dict[str, Any]]:
    return [{"port": number, "protocol": TCP} for number in numbers]
