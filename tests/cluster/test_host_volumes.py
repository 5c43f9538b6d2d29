"""Who may mount volumes of the node in spite of ``hostVolumes``: on policies and on the webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.api import ApiError
from support import builders
from support.admission import Armed, arm, pod
from support.deployments import managed
from support.workspace_manifests import envbox_pod, workspace_deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

MOST, LONGEST, CONTAINERS = 32, 255, 60


@pytest.fixture(scope="module")
def kube(either_world: Provider) -> Kube:
    return either_world.kube


def denying(kube: Kube, word: str = "Deny") -> dict[str, Any]:
    """A managed Coder that refuses, or warns of, volumes of the host."""
    made = managed(kube.namespace("coder"))
    made["spec"]["workspaces"]["storage"] = {"hostVolumes": word}
    return made


def refusal(kube: Kube, wanted: dict[str, Any]) -> str:
    """The words with which an object is refused, "" where it is not."""
    try:
        kube.create(wanted, dry_run=True)
    except ApiError as error:
        return error.message
    return ""


def warned(kube: Kube, wanted: dict[str, Any]) -> list[str]:
    """Our warnings about an object that is only tried."""
    kube.create(wanted, dry_run=True)
    return [one for one in kube.api.warnings if "CVA-STO-004" in one]


def hosting(namespace: str) -> dict[str, Any]:
    """A workspace's Pod with a folder of its node."""
    return mounting(pod(namespace), "example.com/dev")


def mounting(made: dict[str, Any], image: str, **labels: str) -> dict[str, Any]:
    """A Pod or Deployment whose container runs this image and mounts a folder of its node."""
    inner = made["spec"]["template"] if made["kind"] == "Deployment" else made
    container = inner["spec"]["containers"][0]
    container["image"] = image
    container.setdefault("volumeMounts", []).append({"name": "sources", "mountPath": "/usr/src"})
    inner["spec"].setdefault("volumes", []).append(
        {"name": "sources", "hostPath": {"path": "/usr/src"}}
    )
    inner["metadata"].setdefault("labels", {}).update(labels)
    return made


@pytest.fixture(scope="module")
def exempting(kube: Kube) -> Iterator[tuple[Armed, str]]:
    """A Coder that refuses volumes of the host except of an image, a template, and a second namespace."""
    resource = denying(kube)
    home = resource["metadata"]["namespace"]
    lab = kube.namespace("lab")
    resource["spec"]["workspaces"]["storage"]["hostVolumeExemptions"] = [
        {"image": "ghcr.io/coder/envbox"},
        {"template": "docker-in-docker", "reason": "sysbox is on its nodes"},
        {"namespace": lab},
    ]
    consenting = builders.namespace(lab, annotations={"cva.coder.com/deployment": f"{home}/coder"})
    armed = arm(kube, resource, consenting, until=lambda: refusal(kube, hosting(home)))
    yield armed, lab
    armed.disarm()


def test_coders_own_envbox_template_is_exempt_by_one_line(exempting: tuple[Armed, str]) -> None:
    """A bare Pod without labels; the same Pod of another image is refused with what to write."""
    armed, _ = exempting
    kube, box = armed.kube, envbox_pod("box", armed.namespace)[-1]
    assert refusal(kube, box) == ""
    box["spec"]["containers"][0]["image"] = "ghcr.io/coder/envbox-evil:latest"
    words = refusal(kube, box)
    assert "CVA-STO-004" in words
    assert "spec.workspaces.storage.hostVolumeExemptions" in words


def test_a_container_beside_the_exempt_image_is_refused(exempting: tuple[Armed, str]) -> None:
    """Each that mounts such a volume has to run the image."""
    armed, _ = exempting
    made = mounting(pod(armed.namespace), "ghcr.io/coder/envbox:0.6.5")
    assert refusal(armed.kube, made) == ""
    beside = {"name": "beside", "image": "example.com/x"}
    made["spec"]["containers"].append(beside)
    assert refusal(armed.kube, made) == ""
    beside["volumeMounts"] = [{"name": "sources", "mountPath": "/x"}]  # type: ignore[assignment]
    assert refusal(armed.kube, made) != ""


def test_a_deployment_is_exempt_by_its_image_or_template(exempting: tuple[Armed, str]) -> None:
    """By what it says of its Pods."""
    armed, _ = exempting
    kube = armed.kube

    def deployment(image: str, **labels: str) -> dict[str, Any]:
        made = workspace_deployment("dev", armed.namespace)[-1]
        return mounting(made, image, **labels)

    assert refusal(kube, deployment("ghcr.io/coder/envbox:0.6.5")) == ""
    assert "workspace Deployment" in refusal(kube, deployment("example.com/dev"))
    said = {"com.coder.template.name": "docker-in-docker"}
    assert refusal(kube, deployment("example.com/dev", **said)) == ""
    other = {"com.coder.template.name": "docker"}
    assert refusal(kube, deployment("example.com/dev", **other)) != ""
    assert refusal(kube, mounting(pod(armed.namespace), "example.com/dev", **said)) == ""


def test_a_namespace_is_exempt_as_a_whole(exempting: tuple[Armed, str]) -> None:
    """And no other one."""
    armed, lab = exempting
    assert refusal(armed.kube, hosting(lab)) == ""
    assert refusal(armed.kube, hosting(armed.namespace)) != ""


def test_who_is_exempt_is_not_warned(kube: Kube) -> None:
    """The warning is for the others."""
    resource = denying(kube, "Warn")
    exempt = [{"image": "ghcr.io/coder/envbox"}]
    resource["spec"]["workspaces"]["storage"]["hostVolumeExemptions"] = exempt
    armed = arm(kube, resource)
    other = mounting(pod(armed.namespace), "example.com/dev")
    kube.wait_for(lambda: warned(kube, other), timeout=60, what="the warning")
    assert warned(kube, envbox_pod("box", armed.namespace)[-1]) == []
    armed.disarm()


def test_the_longest_list_stays_within_what_an_expression_may_cost(kube: Kube) -> None:
    """As many exemptions as there may be, each as long as it may be, and a Pod of many containers.

    Where it did not, this Pod would be refused for another reason, or, as shipped, let through.
    """
    resource = denying(kube)
    names = [f"{'x' * (LONGEST - 3)}-{number:02}" for number in range(MOST)]
    storage = resource["spec"]["workspaces"]["storage"]
    storage["hostVolumeExemptions"] = [{"image": one} for one in names]
    namespace = resource["metadata"]["namespace"]
    armed = arm(kube, resource, until=lambda: "CVA-STO-004" in refusal(kube, hosting(namespace)))
    large = mounting(pod(namespace), f"{names[-1]}:{'1' * 120}")
    first = large["spec"]["containers"][0]
    others = [{**first, "name": f"c{number}"} for number in range(CONTAINERS)]
    large["spec"]["containers"] = others
    assert refusal(kube, large) == ""
    others[-1]["image"] = "example.com/dev"
    assert "CVA-STO-004" in refusal(kube, large)
    armed.disarm()
