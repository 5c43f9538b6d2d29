"""Operations: what describes coderd is under version control (CVA-OPS-001)."""

from typing import Final

from coder_cva.api.v1alpha1.resource import GROUP, KIND
from coder_cva.rules import remedies
from coder_cva.rules.model import Judgement, Rule, passed, unknown
from coder_cva.rules.subjects import CODERD, no_coderd
from coder_cva.snapshot import gitops
from coder_cva.snapshot.discovered import Workload
from coder_cva.snapshot.world import World

_RELEASE: Final = "meta.helm.sh/release-name"


def the_values_are_under_version_control(world: World) -> Judgement:
    """CVA-OPS-001: a GitOps tool applies coderd's values, or, where coderd is ours, its CoderDeployment.

    That nothing says so proves nothing: values may be kept in Git and applied by hand, so this is
    never failed.
    """
    if world.deployment.spec.control_plane.management == "None" or (
        world.coderd is None and not remedies.is_ours(world)
    ):
        return no_coderd(world)
    if world.coderd is None or world.coderd.ours:
        owner = world.deployment
        what, told = f"{KIND} {owner.reference}", "the operator makes coderd of it"
        application = gitops.application_of(
            owner.metadata.labels, owner.metadata.annotations, f"{GROUP}/{KIND}", owner.reference
        )
    else:
        meta = world.coderd.deployment.meta
        what, told = f"Deployment {meta.path}", _by(world.coderd)
        application = gitops.application_of(
            meta.labels, meta.annotations, "apps/Deployment", meta.path
        )
    if application:
        return passed(f"{what} is applied by {application}")
    return unknown(
        "NotAttested",
        f"nothing on {what} says that Argo CD or Flux applies it ({told}), and where its values are kept no cluster "
        "shows: apply it with one of them, or state it with evidence and a date in spec.attestations",
    )


def _by(coderd: Workload) -> str:
    """Who made it, as far as that is written on it."""
    meta = coderd.deployment.meta
    release = meta.annotations.get(_RELEASE, "")
    if coderd.manager == "Helm":
        return f"it is of the Helm release {release}" if release else "it is made by Helm"
    return f"it is made by {coderd.manager}" if coderd.manager else "nor who does"


RULES: Final = (Rule("CVA-OPS-001", the_values_are_under_version_control, CODERD),)
