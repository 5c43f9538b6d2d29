"""A webhook entry of its own by which it is tried whether the API server gets through to the operator.

It is asked about one thing alone: a dry run, by the operator itself, of a change to the status of the
CoderDeployment that it belongs to. Nobody else's request can match it, so it may fail the request (``Fail``):
only then does the API server say what went wrong. docs/decisions/0023 says why.
"""

from collections.abc import Mapping
from typing import Any, Final

from coder_cva.desired import admission_webhooks as webhooks
from coder_cva.desired.admission_cel import named
from coder_cva.desired.metadata import OWNER_NAME
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import Manifest, Ref, dig

PROBE: Final = "coder-cva-probe"
"""The first part of the path of its calls, beside the names of the policies."""
NAME: Final = f"{PROBE}.cva.coder.com"
"""How the API server names it where it speaks about a call that failed."""
ANSWER: Final = "coder-cva-operator: its webhook was reached"
"""The warning that a replica answers with: it comes back with the request that caused it."""
_SUFFIX: Final = ".probe"
"""No other object of ours ends so: their names end in a piece of a UID."""


def configuration(world: World) -> tuple[Manifest, ...]:
    """The entry; none where there is nothing to call, and while it is not known by whom it will be tried."""
    owner, caller = world.deployment, world.webhook.caller
    if not world.webhook.is_there or caller is None:
        return ()
    made: dict[str, Any] = {
        "name": NAME,
        "clientConfig": webhooks.client(world, webhooks.path(PROBE, owner.namespace, owner.name)),
        "rules": [
            {
                "apiGroups": ["cva.coder.com"],
                "apiVersions": ["v1alpha1"],
                "operations": ["UPDATE"],
                "resources": ["coderdeployments/status"],
                "scope": "Namespaced",
            }
        ],
        "matchPolicy": "Exact",
        "namespaceSelector": {"matchExpressions": [webhooks.by_name("In", [owner.namespace])]},
        "matchConditions": _conditions(world, caller),
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": webhooks.TIMEOUT_SECONDS,
        # Without the caller's name somebody else's dry run could match: then nobody is refused.
        "failurePolicy": "Fail" if caller else "Ignore",
    }
    return (webhooks.whole(world, webhooks.VALIDATING, ref(world).name, [made]),)


def ref(world: World) -> Ref:
    """The configuration, whether it is there or not."""
    (found,) = (one for one in webhooks.refs(world) if one.kind == webhooks.VALIDATING)
    return Ref(found.api_version, found.kind, "", f"{found.name}{_SUFFIX}")


def is_probe(one: Ref) -> bool:
    """Whether it only tries, and does nothing to anybody's Pods or claims."""
    return one.kind == webhooks.VALIDATING and one.name.endswith(_SUFFIX)


def deployment_of(body: Mapping[str, Any]) -> tuple[str, str]:
    """Namespace and name of the CoderDeployment whose status a configuration of this kind asks about."""
    namespace, _, name = str(
        dig(body, "metadata", "annotations", OWNER_NAME, default="")
    ).partition("/")
    return namespace, name


def _conditions(world: World, caller: str) -> list[dict[str, str]]:
    owner = world.deployment
    here = (
        f"request.namespace == {webhooks.quoted(owner.namespace)} "
        f"&& request.name == {webhooks.quoted(owner.name)}"
    )
    name = "request.userInfo.username"
    by = (("own", f"has({name}) && {name} == {webhooks.quoted(caller)}"),) if caller else ()
    # None of these can fail: a condition that does would refuse the request.
    return named(("dry-run", "request.dryRun == true"), *by, ("here", here))
