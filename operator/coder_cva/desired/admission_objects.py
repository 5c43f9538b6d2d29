"""Policies and their bindings as objects: one policy for all deployments, one binding for each.

A binding names its namespaces one by one, so that nothing else in the cluster ever waits for a policy,
and its CoderDeployment as the parameter: where that is gone, nothing happens.
"""

from collections.abc import Sequence
from typing import Any

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.desired.metadata import metadata, shared_metadata
from coder_cva.values.manifest import Manifest
from coder_cva.values.names import derived

_GROUP = "admissionregistration.k8s.io"


def policy(kind: str, version: str, name: str, spec: dict[str, Any]) -> Manifest:
    """A policy, which is the same whichever CoderDeployment it is rendered for."""
    return {
        "apiVersion": f"{_GROUP}/{version}",
        "kind": kind,
        "metadata": shared_metadata(name),
        "spec": spec,
    }


def binding(
    kind: str,
    version: str,
    policy_name: str,
    owner: CoderDeployment,
    namespaces: Sequence[str],
    actions: Sequence[str] = (),
) -> Manifest:
    """The binding of one CoderDeployment; ``actions`` are the validationActions of a validating one."""
    spec: dict[str, Any] = {
        "policyName": policy_name,
        "paramRef": {
            "name": owner.name,
            "namespace": owner.namespace,
            "parameterNotFoundAction": "Allow",
        },
        "matchResources": {
            "namespaceSelector": {
                "matchExpressions": [
                    {
                        "key": "kubernetes.io/metadata.name",
                        "operator": "In",
                        "values": sorted(set(namespaces)),
                    }
                ]
            }
        },
    }
    if actions:
        spec["validationActions"] = list(actions)
    return {
        "apiVersion": f"{_GROUP}/{version}",
        "kind": kind,
        "metadata": metadata(owner, binding_name(policy_name, owner), ""),
        "spec": spec,
    }


def binding_name(policy_name: str, owner: CoderDeployment) -> str:
    """The binding's name, of at most 63 characters.

    The UID keeps apart what ``a-b/c`` and ``a/b-c`` would make alike, and a CoderDeployment from one
    of the same name that was deleted before it.
    """
    return derived(policy_name, owner.namespace, owner.name, owner.uid[:8])
