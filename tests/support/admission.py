"""A CoderDeployment whose admission policies, or webhooks, are in force without an operator.

The objects are those of the operator's own builders; only ``failurePolicy`` is Fail instead of Ignore,
so that an error in an expression is seen as a refused Pod instead of passing in silence.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from coder_cva.api.v1alpha1.coder_placement import PARAMETER
from coder_cva.desired.admission import build_admission
from coder_cva.desired.parameter import parameter
from coder_cva.desired.placement import placement
from coder_cva.snapshot.model import Served
from coder_cva.snapshot.webhook import NOWHERE, Webhook
from support import builders

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.kube import Kube

Manifest = dict[str, Any]

AGENT = {"name": "CODER_AGENT_TOKEN", "value": "not-a-secret"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
OWNER = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "name": "somebody",
    "uid": "00000000-0000-4000-8000-000000000001",
    "controller": True,
}


WEBHOOKS: WeakKeyDictionary[Kube, Webhook] = WeakKeyDictionary()
"""The webhooks that tests serve, by the client of the cluster that calls them."""


@dataclass
class Armed:
    """The policies of one CoderDeployment on a cluster; ``disarm`` takes them away."""

    kube: Kube
    resource: Manifest
    rendered: list[Manifest] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        """Where the CoderDeployment is."""
        namespace: str = self.resource["metadata"]["namespace"]
        return namespace

    @property
    def parameter(self) -> Manifest:
        """The CoderPlacement by which its policies act."""
        return {**self.resource, **PARAMETER}

    def say(self, **parts: Any) -> None:
        """Lays something over the parameter, as the operator would."""
        self.kube.patch(self.parameter, {"spec": parts})

    def admitted(self, pod: Manifest) -> Manifest:
        """The spec with which a Pod would be admitted; admitted again, it stays as it is."""
        spec = self.kube.create(pod, dry_run=True)["spec"]
        again = self.kube.create({**pod, "spec": spec}, dry_run=True)["spec"]
        assert again == spec, "the policy changes what it has changed already"
        return dict(spec)

    def affinity_of(self, pod: Manifest) -> Manifest:
        """The affinity with which a Pod would be admitted."""
        spec = self.kube.create(pod, dry_run=True)["spec"]
        return dict(spec.get("affinity", {}))

    def disarm(self) -> None:
        """Deletes bindings, webhooks and the resource with its parameter; the policies serve others too."""
        for one in self.rendered:
            if not one["kind"].endswith("Policy"):
                self.kube.delete(one)
        self.kube.delete(self.resource)


def arm(
    kube: Kube,
    resource: Manifest,
    *world: Any,
    served: Served | None = None,
    webhook: Webhook | None = None,
    until: Callable[[], object] | None = None,
    as_shipped: bool = False,
) -> Armed:
    """Applies a CoderDeployment, its CoderPlacement in this world, and its policies, and waits for them.

    ``as_shipped`` leaves the failure policy as it is. On a cluster of WEBHOOKS the webhook that is served there
    does what its API server cannot. ``until`` says that they are in force: unless it is said, a workspace's Pod
    is changed.
    """
    made = kube.create(resource)
    webhook = webhook or WEBHOOKS.get(kube, NOWHERE)
    if webhook.is_there and not webhook.preferred:
        served = served or Served((), ("v1",))
    seen = builders.world(made, *world, served=served, webhook=webhook)
    armed = Armed(kube, made)
    words = parameter(seen.deployment, placement(seen))
    for manifest in (words, *build_admission(seen).objects):
        for one in (manifest.get("spec", {}), *manifest.get("webhooks", ())):
            if "failurePolicy" in one and not as_shipped:
                one["failurePolicy"] = "Fail"
            if "timeoutSeconds" in one and not as_shipped:
                one["timeoutSeconds"] = (
                    10  # a machine that builds beside the tests is slow at times
                )
        kube.apply(manifest, manager="operator")
        if manifest is not words:
            armed.rendered.append(manifest)
    kube.wait_for(
        until or (lambda: armed.affinity_of(pod(armed.namespace))),
        timeout=20,
        what="the policies to act",
    )
    return armed


def pod(
    namespace: str,
    *,
    labels: dict[str, str] | None = None,
    agent: bool = True,
    owned: bool = True,
    **spec: Any,
) -> Manifest:
    """A workspace's Pod; ``owned`` by a ReplicaSet, ``spec`` is laid over its own."""
    metadata: dict[str, Any] = {
        "name": f"pod-{secrets.token_hex(4)}",
        "namespace": namespace,
        "labels": labels or {},
    }
    if owned:
        metadata["ownerReferences"] = [dict(OWNER)]
    container = {"name": "dev", "image": "example.com/dev", "env": [dict(AGENT)] if agent else []}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container], **spec},
    }


def terms(*expressions: list[Manifest]) -> Manifest:
    """An affinity with one required term for each list of expressions."""
    made = [{"matchExpressions": one} for one in expressions]
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": made}}}


def required(spec: Manifest) -> list[Manifest]:
    """The required terms of a Pod's node affinity."""
    affinity = spec.get("affinity", {}).get("nodeAffinity", {})
    found: list[Manifest] = affinity.get(REQUIRED, {}).get("nodeSelectorTerms", [])
    return found


def preferred(spec: Manifest) -> list[Manifest]:
    """The preferred terms of a Pod's node affinity."""
    affinity = spec.get("affinity", {}).get("nodeAffinity", {})
    found: list[Manifest] = affinity.get(PREFERRED, [])
    return found
