"""Webhook configurations: the same policies where the API server does not serve them, answered by us.

One configuration for each CoderDeployment, as with the bindings of policies; the path of its calls names
the policy and the CoderDeployment that is its parameter. What a policy says without its parameter is a
match condition, so that nothing else in these namespaces ever waits for us.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any, Final

from coder_cva.desired.admission_cel import (
    LABELS,
    both,
    either,
    is_workspace,
    named,
)
from coder_cva.desired.admission_names import PLACEMENT, SPECS
from coder_cva.desired.admission_objects import binding_name
from coder_cva.desired.metadata import metadata
from coder_cva.desired.placement import coderd_labels
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import Manifest, Ref

MUTATING: Final = "MutatingWebhookConfiguration"
VALIDATING: Final = "ValidatingWebhookConfiguration"
TIMEOUT_SECONDS: Final = 2
"""A Pod waits no longer than this for an operator that does not answer, and then starts without it."""
SERVICE_PORT: Final = 443
INJECT_FROM: Final = "cert-manager.io/inject-ca-from"
"""Annotation by which cert-manager's injector knows whose authority to write."""
_VERSION: Final = "admissionregistration.k8s.io/v1"
_NAME: Final = "coder-cva"
_NEVER: Final = ("kube-system", "kube-public", "kube-node-lease")


def configuration(world: World, kind: str, places: Mapping[str, list[str]]) -> tuple[Manifest, ...]:
    """The configuration of one kind, with a webhook for each policy that has a namespace to act in."""
    made = [_webhook(world, name, where) for name, where in places.items() if where]
    if not made:
        return ()
    return (whole(world, kind, binding_name(_NAME, world.deployment), made),)


def whole(world: World, kind: str, name: str, made: list[dict[str, Any]]) -> Manifest:
    """A configuration with these webhooks in it."""
    owner, source = world.deployment, world.webhook.inject_from
    annotations = {INJECT_FROM: source} if source else None
    return {
        "apiVersion": _VERSION,
        "kind": kind,
        "metadata": metadata(owner, name, "", annotations=annotations),
        "webhooks": made,
    }


def refs(world: World) -> Iterable[Ref]:
    """The configurations of this CoderDeployment, whether they are there or not."""
    name = binding_name(_NAME, world.deployment)
    return [Ref(_VERSION, kind, "", name) for kind in (MUTATING, VALIDATING)]


def path(name: str, namespace: str, deployment: str) -> str:
    """The path at which a policy is asked for one CoderDeployment."""
    return f"/{name}/{namespace}/{deployment}"


def _webhook(world: World, name: str, namespaces: list[str]) -> dict[str, Any]:
    owner, spec = world.deployment, SPECS[name]()
    made: dict[str, Any] = {
        "name": f"{name}.cva.coder.com",
        "clientConfig": client(world, path(name, owner.namespace, owner.name)),
        "rules": spec["matchConstraints"]["resourceRules"],
        "matchPolicy": "Equivalent",
        "namespaceSelector": {
            "matchExpressions": [
                by_name("In", namespaces),
                by_name("NotIn", sorted({*_NEVER, world.operator_namespace})),
            ]
        },
        "matchConditions": _conditions(world, name, spec),
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": TIMEOUT_SECONDS,
        "failurePolicy": spec["failurePolicy"],
    }
    if "reinvocationPolicy" in spec:
        made["reinvocationPolicy"] = spec["reinvocationPolicy"]
    return made


def client(world: World, where: str) -> dict[str, Any]:
    """Where a webhook of ours is called, at this path, and whose certificate is believed there."""
    webhook = world.webhook
    client: dict[str, Any] = (
        {"url": webhook.url.rstrip("/") + where}
        if webhook.url
        else {
            "service": {
                "namespace": world.operator_namespace,
                "name": webhook.service,
                "port": SERVICE_PORT,
                "path": where,
            }
        }
    )
    # Where cert-manager writes it, saying nothing leaves it to it.
    return (
        {**client, "caBundle": b64encode(webhook.ca_bundle.encode()).decode()}
        if webhook.ca_bundle
        else client
    )


def by_name(operator: str, names: list[str]) -> dict[str, Any]:
    """A requirement on the name of a namespace."""
    return {"key": "kubernetes.io/metadata.name", "operator": operator, "values": names}


def _conditions(world: World, name: str, spec: Mapping[str, Any]) -> list[dict[str, str]]:
    """Those of the policy that need no parameter; who is coderd or a workspace is said in plain values."""
    own = [one for one in spec["matchConditions"] if "params" not in one["expression"]]
    if name != PLACEMENT:
        return own
    who = either(*_coderd(world), is_workspace())
    return [*own, *named(("coderd-or-workspace", who))]


def _coderd(world: World) -> list[str]:
    """The same as the policy's own condition on coderd, with the values that its parameter has now."""
    labels = coderd_labels(world)
    if not labels:
        return []
    said = [
        f"{LABELS}[?{quoted(key)}].orValue('') == {quoted(value)}"
        for key, value in sorted(labels.items())
    ]
    return [both(f"request.namespace == {quoted(world.deployment.namespace)}", *said)]


def quoted(text: str) -> str:
    """A string of CEL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
