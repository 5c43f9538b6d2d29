"""Namespaces that several CoderDeployments could act on: each is acted on by one of them, and why.

A namespace in which a CoderDeployment with a control plane lives is its own. Any other belongs to the
oldest CoderDeployment to which it consents: two admission bindings over the same Pods would send
them to two pools at once.
"""

from collections.abc import Collection, Mapping

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.snapshot.consent import Consent
from coder_cva.snapshot.discovered import Workload
from coder_cva.snapshot.grants import Grants
from coder_cva.snapshot.model import ClusterSnapshot


def taken(
    deployment: CoderDeployment,
    others: Collection[CoderDeployment],
    snapshot: ClusterSnapshot,
    coderd: Mapping[str, tuple[Workload, ...]],
    granted: Grants,
    operator_namespace: str,
) -> dict[str, str]:
    """The namespaces that are another one's, each with the sentence that says so.

    Args:
        deployment: the one that asks.
        others: all other CoderDeployments, oldest first.
        snapshot: what the namespaces themselves say.
        coderd: coderd's Deployments by namespace, whose ServiceAccounts RoleBindings name.
        granted: what those RoleBindings grant.
        operator_namespace: a system namespace that consents to nobody.
    """
    found: dict[str, str] = {}
    for other in others:
        consent = Consent(
            other, snapshot, coderd.get(other.namespace, ()), granted, operator_namespace
        )
        for one in consent.given():
            its_own = one.name == other.namespace
            if one.name != deployment.namespace and (its_own or _is_older(other, deployment)):
                found.setdefault(one.name, _sentence(one.name, other, its_own=its_own))
    return found


def _is_older(other: CoderDeployment, than: CoderDeployment) -> bool:
    return (other.created, other.uid) < (than.created, than.uid)


def _sentence(name: str, other: CoderDeployment, *, its_own: bool) -> str:
    who = f"CoderDeployment {other.namespace}/{other.name}"
    if its_own:
        return f"Namespace {name} is the home of {who}: nothing is done there for this one"
    return (
        f"Namespace {name} consents to {who} too, which is older and holds it: nothing is done there for "
        "this one. Take the consent to one of the two away"
    )
