"""The CoderPlacement of a CoderDeployment: the parameter of its admission policies, small and alone.

The API server decodes the whole parameter anew with every Pod that a policy looks at. The CoderDeployment
itself, with its findings, would make each workspace's start dearer by what is wrong elsewhere
(docs/decisions/0025).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from coder_cva.api.v1alpha1.coder_placement import KIND, PARAMETER
from coder_cva.api.v1alpha1.resource import API_VERSION, CoderDeployment
from coder_cva.desired import webhook_probe
from coder_cva.desired.metadata import metadata
from coder_cva.values.manifest import Manifest, Ref, ref_of

_SAID: Final = ("controlPlane", "workspaces")
_ACTING: Final = ("Policy", "Binding", "WebhookConfiguration")
"""What kinds of the admission group that act by a parameter end with. A policy of an earlier version stays as it is
until there is what it is to read."""


def parameter(owner: CoderDeployment, placement: Mapping[str, Any]) -> Manifest:
    """The CoderPlacement that says to the API server what ``placement`` says in the status.

    Since when a pool is steady is nobody's business at admission.
    """
    said = {name: dict(placement[name]) for name in _SAID if name in placement}
    for one in said.values():
        one.pop("steadySince", None)
    return {
        **PARAMETER,
        "metadata": metadata(owner, owner.name, owner.namespace),
        "spec": said,
    }


def reference(owner: CoderDeployment) -> Ref:
    """Where it is."""
    return Ref(API_VERSION, KIND, owner.namespace, owner.name)


def required_by(objects: Iterable[Manifest], owner: CoderDeployment) -> dict[Ref, tuple[Ref, ...]]:
    """What of these acts by the parameter, and so is not written before that is there, and ours."""
    refs = (ref_of(one) for one in objects)
    return {one: (reference(owner),) for one in refs if acts(one)}


def acts(ref: Ref) -> bool:
    """Whether an object acts by the parameter; what only tries whether the webhook is reached does not."""
    if webhook_probe.is_probe(ref):
        return False
    return ref.group == "admissionregistration.k8s.io" and ref.kind.endswith(_ACTING)
