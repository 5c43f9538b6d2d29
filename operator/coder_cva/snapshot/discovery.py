"""A CoderDeployment and a snapshot in, what is recognised as Coder's out."""

from collections.abc import Collection, Mapping

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.snapshot import rivals
from coder_cva.snapshot.consent import Consent
from coder_cva.snapshot.discovered import Discovered, Workload
from coder_cva.snapshot.managers import is_by_us, manager_of
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.workspaces import workspaces


def discover(
    deployment: CoderDeployment,
    snapshot: ClusterSnapshot,
    operator_namespace: str = "coder-cva-system",
    others: Collection[CoderDeployment] = (),
) -> Discovered:
    """Coder's workloads, its workspaces, and the namespaces that consent and are nobody else's.

    coderd is looked for in the CoderDeployment's own namespace, proxies and provisioners also in
    the namespaces that consent. What could not be read gives nothing here; who judges asks the
    snapshot whether it was read.
    """
    found = [_workload(one, deployment) for one in snapshot.items(Need.DEPLOYMENTS)]
    ours = [one for one in found if one.role]
    coderd = _of(ours, "coderd", {deployment.namespace})
    consent = Consent(deployment, snapshot, coderd, operator_namespace)
    homes = {one.namespace: _of(ours, "coderd", {one.namespace}) for one in others}
    taken = rivals.taken(deployment, others, snapshot, homes, operator_namespace)
    namespaces = tuple(one for one in consent.given() if one.name not in taken)
    names = {one.name for one in namespaces}
    within = {deployment.namespace, *names}
    return Discovered(
        coderd=coderd,
        proxies=_of(ours, "wsproxy", within),
        provisioners=_of(ours, "provisionerd", within),
        workspaces=workspaces(snapshot, names),
        namespaces=namespaces,
        refused_namespaces=dict(sorted({**consent.refused(), **_asked(consent, taken)}.items())),
    )


def _workload(one: Deployment, owner: CoderDeployment) -> Workload:
    """What a Deployment is to this CoderDeployment.

    The one that we made for it is coderd whatever its command and image are made to be. Without a
    managed control plane none is ours: what we once made is let go (see ``Plan.releases``).
    """
    is_managed = owner.spec.control_plane.management == "Managed"
    ours = is_managed and is_by_us(one.meta, owner.uid, owner.reference)
    is_coderd = ours and (one.meta.namespace, one.meta.name) == (owner.namespace, owner.name)
    return Workload(
        deployment=one,
        role="coderd" if is_coderd else one.shape.role,
        manager=manager_of(one.meta),
        ours=ours,
    )


def _asked(consent: Consent, taken: Mapping[str, str]) -> dict[str, str]:
    """Of the namespaces that are another one's, those that consent to this one too."""
    given = {one.name for one in consent.given()}
    return {name: why for name, why in taken.items() if name in given}


def _of(found: list[Workload], role: str, namespaces: set[str]) -> tuple[Workload, ...]:
    here = (
        one for one in found if one.role == role and one.deployment.meta.namespace in namespaces
    )
    return tuple(
        sorted(here, key=lambda one: (one.deployment.meta.namespace, one.deployment.meta.name))
    )
