"""Why the API server does not get through to the operator's webhook, and what helps, in words for the status."""

from collections.abc import Sequence
from typing import Final

from coder_cva.desired.plan import Withheld
from coder_cva.snapshot.world import World

NOT_REACHED: Final = "WebhookNotReached"
"""Why something is withheld that the webhook would do."""
_CERTIFICATE: Final = ("x509:", "tls:", "certificate")
_SERVICE: Final = ('service "', "endpoints")
_UNASKED: Final = "without asking"


def told(world: World, meanwhile: str) -> str:
    """What was tried, what came of it, the remedy, and what is ``meanwhile``."""
    reach = world.webhook.reach
    at_times = " only at times" if reach.is_partly else ""
    negated = "gets" if reach.is_partly else "does not get"
    return (
        f"it {negated} through to the operator's webhook{at_times}, which is therefore not in force (a dry run "
        f"of the operator's own, for which nobody waits, ended so: {reach.why}). {_remedy(world, reach.why)}; "
        f"the webhook acts by itself within minutes of that. Until then {meanwhile}"
    )


def told_before(world: World) -> tuple[Withheld, ...]:
    """What was told before a restart of the operator: while it is tried anew that stays, and is no news."""
    return tuple(
        Withheld(one["subject"], one["reason"], one["message"])
        for one in world.previous.get("withheld") or ()
        if one["reason"] == NOT_REACHED
    )


def unasked(detail: str) -> str:
    """The words for a request that was answered without the webhook."""
    return f"the API server answered {_UNASKED} the webhook{detail}"


def _remedy(world: World, why: str) -> str:
    webhook = world.webhook
    if _UNASKED in why:
        return "See what refuses or skips it: the admission plugin ValidatingAdmissionWebhook has to be on"
    if _names(why, _CERTIFICATE):
        return _of_certificate(world)
    if webhook.url:
        return f"Let WEBHOOK_URL ({webhook.url}) be an address at which the API server reaches the operator"
    if _names(why, _SERVICE):
        return "Apply deploy/base again, and see that the operator's Pods are ready"
    return (
        f"Let port 9443 of the Pods in {world.operator_namespace} be reached from the control plane: a firewall "
        "rule on private GKE clusters, the security group of the nodes on EKS, hostNetwork: true where the "
        "control plane knows no addresses of Pods"
    )


def _of_certificate(world: World) -> str:
    webhook, namespace = world.webhook, world.operator_namespace
    if webhook.inject_from:
        return f"See that cert-manager's injector writes the authority of {webhook.inject_from}"
    return (
        "Let the certificates be made anew: "
        f"kubectl -n {namespace} patch secret {webhook.service} --type=merge -p '{{\"data\":null}}'"
    )


def _names(why: str, words: Sequence[str]) -> bool:
    return any(one in why for one in words)
