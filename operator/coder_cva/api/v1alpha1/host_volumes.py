"""Who may mount volumes of the node in spite of what is said of everybody (CVA-STO-004)."""

from typing import Annotated, Final

from pydantic import Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.words import NamespaceName, Sentence
from coder_cva.api.validation import Validation, matching

MOST_EXEMPTIONS: Final = 32
_STEP: Final = "[a-z0-9]([-a-z0-9._]*[a-z0-9])?"

Repository = Annotated[
    str,
    Field(max_length=255),
    matching(
        f"{_STEP}((:[0-9]{{1,5}})?(/{_STEP})+)?",
        "is no repository without tag and digest: write for example ghcr.io/coder/envbox, which stands for all "
        "its tags and digests",
    ),
]
"""An image without tag and digest."""

TemplateName = Annotated[
    str,
    Field(max_length=63),
    matching(
        "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?",
        "is no name of a template: write it as Coder has it, with letters, digits and dashes",
    ),
]
"""The name of a template, which stands in a label."""


def _kinds(of: "HostVolumeExemption") -> int:
    return sum(one is not None for one in (of.namespace, of.image, of.template))


class HostVolumeExemption(Part):
    """Workspaces that may mount volumes of their node: those of a namespace, an image or a template."""

    validations = (
        Validation(
            cel="[has(self.namespace), has(self.image), has(self.template)].filter(it, it).size() == 1",
            message="an exemption is one of namespace, image and template: write exactly one of the three, and "
            "further ones as entries of their own",
            holds=lambda self: _kinds(self) == 1,
        ),
    )

    namespace: NamespaceName | None = None
    """All workspaces of this namespace."""
    image: Repository | None = None
    """Workspaces in which every container that mounts a volume of the node runs an image of this repository,
    whatever its tag and digest: ghcr.io/coder/envbox for Coder's envbox template. The name is compared as the Pod
    writes it; only Docker Hub's spellings (docker.io/codercom/x and codercom/x) are one. Whoever may write Pods
    may name any image."""
    template: TemplateName | None = None
    """Workspaces whose Pods have the label com.coder.template.name with this value. Coder's own templates do not set
    it: a template says so itself, with data.coder_workspace.me.template_name. Whoever may write Pods may write it."""
    reason: Sentence | None = None
    """Why they may, for those who read it later."""
