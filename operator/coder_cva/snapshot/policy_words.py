"""What a rule of a NetworkPolicy allows, in words: the rule as it is written in, half a sentence out."""

from collections.abc import Mapping
from typing import Any, Final

from coder_cva.snapshot.connection_answers import Direction
from coder_cva.snapshot.policy_rules import ENDS
from coder_cva.snapshot.shapes import mapping, mappings, texts
from coder_cva.values.manifest import dig

_SHOWN: Final = 5
"""Peers or ports of one rule that are named."""


def rule_words(body: Mapping[str, Any], direction: Direction) -> str:
    """``from Pods with app=web of this namespace, on TCP 8080``."""
    end = ENDS[direction]
    peers = [_peer(one) for one in mappings(body.get(end))] or ["everybody"]
    ports = [_port(one) for one in mappings(body.get("ports"))] or ["every port"]
    return f"{end} {_listed(peers, ' or ')}, on {_listed(ports, ', ')}"


def selector_words(selector: Any) -> str:
    """``app=web and tier in (a, b)``; "" for the selector of everything."""
    exact = [f"{key}={value}" for key, value in mapping(dig(selector, "matchLabels")).items()]
    more = [_expression(one) for one in mappings(dig(selector, "matchExpressions"))]
    return " and ".join([*exact, *more])


def _listed(words: list[str], between: str) -> str:
    more = len(words) - _SHOWN
    return between.join(words[:_SHOWN]) + (f"{between}{more:,} more" if more > 0 else "")


def _peer(peer: Mapping[str, Any]) -> str:
    block = peer.get("ipBlock")
    if block is not None:
        gone = texts(dig(block, "except"))
        return f"addresses of {dig(block, 'cidr')}" + (
            f" without {_listed(list(gone), ', ')}" if gone else ""
        )
    pods = selector_words(peer.get("podSelector"))
    who = f"Pods with {pods}" if pods else "every Pod"
    if peer.get("namespaceSelector") is None:
        return f"{who} of this namespace"
    spaces = selector_words(peer["namespaceSelector"])
    return f"{who} of namespaces with {spaces}" if spaces else f"{who} of any namespace"


def _port(port: Mapping[str, Any]) -> str:
    protocol, first, last = port.get("protocol") or "TCP", port.get("port"), port.get("endPort")
    if first is None:
        return f"every port of {protocol}"
    return f"{protocol} {first}" if last in (None, first) else f"{protocol} {first}-{last}"


def _expression(one: Mapping[str, Any]) -> str:
    key, values = one.get("key"), ", ".join(texts(one.get("values")))
    match one.get("operator"):
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} not in ({values})"
        case "Exists":
            return f"with a label {key}"
        case "DoesNotExist":
            return f"without a label {key}"
        case other:
            return f"{key} {other}"
