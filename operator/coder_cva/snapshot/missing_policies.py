"""The NetworkPolicy that would let a connection through: an end that closes it in, a manifest out.

It stands beside the policies that are there, since policies are a union. It selects only Pods that one of
these already isolates, so that it opens this connection and closes none.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from coder_cva.snapshot.connection_ends import SPACE_NAME, Peer
from coder_cva.snapshot.plugin_readings import Asked, End
from coder_cva.snapshot.policy_rules import ENDS
from coder_cva.snapshot.records import Labels
from coder_cva.values.manifest import Manifest

_OF_ONE_POD: Final = frozenset(
    {
        "app.kubernetes.io/version",
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/controller-uid",
        "batch.kubernetes.io/job-completion-index",
        "batch.kubernetes.io/job-name",
        "controller-revision-hash",
        "controller-uid",
        "helm.sh/chart",
        "job-name",
        "pod-template-generation",
        "pod-template-hash",
        "statefulset.kubernetes.io/pod-name",
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    }
)
"""Labels that controllers, the API server and releases set: the next Pod of the same workload may have others."""
_LONGEST: Final = 63


def missing(end: End, asked: Asked) -> Manifest | None:
    """The policy to apply; None where nothing isolates the end, or nobody could be named."""
    peers = _peers(end.other)
    if not end.policies or not peers or asked.port is None:
        return None
    rule = {
        ENDS[end.direction]: peers,
        "ports": [{"port": asked.port, "protocol": asked.protocol}],
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": _name(end, asked), "namespace": end.subject.namespace},
        "spec": {
            "podSelector": _narrowed(end.policies[0].selector, end.subject.labels),
            "policyTypes": [end.direction.capitalize()],
            end.direction: [rule],
        },
    }


def lasting(labels: Labels) -> dict[str, str]:
    """The labels that the next Pod of the same workload has as well."""
    return {key: value for key, value in sorted(labels.items()) if key not in _OF_ONE_POD}


def _narrowed(selector: Mapping[str, Any] | None, labels: Labels) -> dict[str, Any]:
    """Of those whom a policy selects the ones that are labelled alike."""
    exact = {**((selector or {}).get("matchLabels") or {}), **lasting(labels)}
    more = (selector or {}).get("matchExpressions")
    written = [
        {key: value for key, value in one.items() if key != "values" or value} for one in more or ()
    ]
    return {
        **({"matchLabels": exact} if exact else {}),
        **({"matchExpressions": written} if written else {}),
    }


def _peers(other: Peer) -> list[dict[str, Any]]:
    """The other end as a rule names it; on its node's network by its node's addresses too."""
    if not other.is_pod:
        return [_block(str(one)) for way in other.ranges for one in way]
    labels = lasting(other.labels)
    named = {
        "namespaceSelector": {"matchLabels": {SPACE_NAME: other.namespace}},
        "podSelector": {"matchLabels": labels} if labels else {},
    }
    nodes = other.addresses if other.host_network else ()
    return [named, *(_block(str(one)) for one in nodes)]


def _block(cidr: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr}}


def _name(end: End, asked: Asked) -> str:
    """``allow-from-coder-7f9-on-8080``: what a name may hold, and no more of it."""
    protocol = "" if asked.protocol == "TCP" else f"-{asked.protocol}"
    other = end.other.path.partition("/")[2] or end.other.name
    tail = f"-on-{asked.port}{protocol}".lower()
    head = f"allow-{ENDS[end.direction]}-{re.sub(r'[^a-z0-9]+', '-', other.lower())}"
    return head[: _LONGEST - len(tail)].rstrip("-") + tail
