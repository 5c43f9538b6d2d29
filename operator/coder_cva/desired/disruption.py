"""coderd's PodDisruptionBudget: a drain takes one replica at a time (CVA-NODE-002).

Source of the figures: Coder's scaling advice (losing one replica of four drops a quarter of all
connections) and the Kubernetes API's ``unhealthyPodEvictionPolicy``.
"""

from typing import Any, Final

from coder_cva.desired import enforcement
from coder_cva.desired.control_plane import selector_labels
from coder_cva.desired.enforcement import Mode
from coder_cva.desired.metadata import metadata
from coder_cva.desired.plan import Part, Withheld
from coder_cva.sizing.size import size
from coder_cva.snapshot.managers import is_of_name
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import PodDisruptionBudget
from coder_cva.snapshot.world import World
from coder_cva.values import selectors
from coder_cva.values.manifest import Manifest
from coder_cva.values.names import derived

RULE: Final = "CVA-NODE-002"


def build_disruption_budget(world: World) -> Part:
    """The budget of a coderd of several replicas; none for one, nor beside somebody else's.

    One replica would stay on its node for ever, or be no better for a budget; two budgets over the
    same Pods make the API server refuse every eviction, so ours is withdrawn when another appears.
    """
    found = _coderd(world)
    if found is None or enforcement.mode(world.deployment, RULE) is not Mode.ENFORCE:
        return Part()
    selector, labels, replicas = found
    if replicas <= 1:
        return Part()
    others = _others(world, labels)
    if others:
        return Part(withheld=(_withdrawn(world, others),))
    return Part(objects=(_budget(world, selector),))


def budget_name(world: World) -> str:
    """The name of our budget."""
    return derived(world.deployment.name, "coderd")


def _coderd(world: World) -> tuple[dict[str, Any], dict[str, str], int] | None:
    """coderd's selector, its Pods' labels and its replicas: the live ones, else those to be made."""
    if world.coderd is not None:
        live = world.coderd.deployment
        return dict(live.selector), dict(live.template_meta.labels), live.replicas
    if world.deployment.spec.control_plane.management != "Managed":
        return None
    labels = selector_labels(world.deployment)
    return {"matchLabels": labels}, labels, size(world.deployment.spec).coderd.replicas


def _others(world: World, labels: dict[str, str]) -> list[PodDisruptionBudget]:
    """Budgets that somebody else made and that select coderd's Pods."""
    owner = world.deployment
    return [
        budget
        for budget in world.snapshot.items(Need.POD_DISRUPTION_BUDGETS)
        if budget.meta.namespace == owner.namespace
        and not is_of_name(budget.meta, owner.uid, owner.reference)
        and selectors.matches(budget.selector, labels)
    ]


def _budget(world: World, selector: dict[str, Any]) -> Manifest:
    owner = world.deployment
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(owner, budget_name(world), owner.namespace),
        "spec": {
            "maxUnavailable": 1,
            "selector": selector,
            # A replica that is not ready protects nobody, and must not hold up a drain.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def _withdrawn(world: World, others: list[PodDisruptionBudget]) -> Withheld:
    names = ", ".join(one.meta.path for one in others)
    return Withheld(
        subject=f"PodDisruptionBudget {world.deployment.namespace}/{budget_name(world)}",
        reason="AnotherBudget",
        message=f"PodDisruptionBudget {names} selects coderd's Pods too: two budgets over the same Pods "
        "make every eviction fail, so ours is not written. Keep theirs with maxUnavailable: 1, or delete "
        "it and ours comes back",
        rule=RULE,
    )
