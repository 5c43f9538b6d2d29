"""The CoderPlacement: what admission acts by, and what waits for it."""

from __future__ import annotations

from typing import Any

from coder_cva.api.v1alpha1.coder_placement import CoderPlacement
from coder_cva.desired import parameter, render
from coder_cva.desired.placement import placement
from coder_cva.snapshot.model import Absence, Served
from coder_cva.snapshot.needs import Need
from coder_cva.values.manifest import Manifest, ref_of
from support import builders as b
from support.deployments import managed
from support.placing import NODES

ACTING = (
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)


def planned(kind: str, **world: Any) -> list[Manifest]:
    seen = b.world(managed("coder"), NODES, **world)
    return [one for one in render.plan(seen).objects if one["kind"] == kind]


def test_it_says_what_the_status_says_and_not_since_when() -> None:
    """A time that moves with nothing would be a write for nothing."""
    owner = b.world(managed("coder"), NODES).deployment
    told: dict[str, Any] = {
        "engine": "Webhook",
        "controlPlane": {"mode": "Preferred", "steadySince": "2026-11-27T00:00:00Z"},
        "workspaces": {"mode": "Off"},
    }
    made = parameter.parameter(owner, told)
    assert made["spec"] == {"controlPlane": {"mode": "Preferred"}, "workspaces": {"mode": "Off"}}
    assert told["controlPlane"] == {"mode": "Preferred", "steadySince": "2026-11-27T00:00:00Z"}
    assert ref_of(made) == parameter.reference(owner)
    assert made["metadata"]["ownerReferences"][0]["uid"] == owner.uid


def test_what_is_rendered_is_what_the_contract_knows() -> None:
    """Read back by its own model nothing of it is lost."""
    seen = b.world(managed("coder"), NODES)
    made = parameter.parameter(seen.deployment, placement(seen))
    assert CoderPlacement.model_validate(made).spec.dump() == {
        name: {"decided": False, **part} | _defaults(name) | part
        for name, part in made["spec"].items()
    }


def _defaults(name: str) -> dict[str, object]:
    """What the model says of a part where nothing is said."""
    model = CoderPlacement.model_fields["spec"].annotation
    assert model is not None
    part = model.model_validate({name: {}}).dump()[name]
    return dict(part)


def test_it_is_first_and_whatever_acts_by_it_waits_for_it() -> None:
    """A binding without its parameter would let the first Pods through unplaced."""
    plan = render.plan(b.world(managed("coder"), NODES))
    first = ref_of(plan.objects[0])
    assert first.kind == "CoderPlacement"
    acting = {ref_of(one) for one in plan.objects if one["kind"] in ACTING}
    assert acting
    assert {ref for ref, needed in plan.requires.items() if first in needed} == acting


def test_where_nothing_acts_there_is_none() -> None:
    """On a cluster without admission policies, and without a webhook, nobody would read it."""
    assert planned("CoderPlacement", served=Served((), ())) == []


def test_while_policies_cannot_be_worked_out_the_word_is_told_all_the_same() -> None:
    """Those that are there go on acting, and a pool may be lost meanwhile."""
    blind: Any = {"unavailable": {Need.ROLE_BINDINGS: Absence.FORBIDDEN}}
    assert not [kind for kind in ACTING if planned(kind, **blind)]
    assert len(planned("CoderPlacement", **blind)) == 1
