"""General: what is hosted on the internet, where nothing reaches it (CVA-REG-001).

Source: Coder's page Air-gapped deployments.
"""

import json
from collections.abc import Iterator
from typing import Final

from coder_cva.catalogue.variables import variables
from coder_cva.rules import remedies
from coder_cva.rules.model import (
    Finding,
    Judgement,
    Rule,
    failed,
    not_applicable,
    passed,
    unknown,
)
from coder_cva.rules.subjects import WORKSPACES, live, named, no_coderd, workload
from coder_cva.snapshot import environment
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.world import World
from coder_cva.values.version import in_image

_RULE: Final = "CVA-REG-001"
_REGISTRY: Final = "registry.coder.com"
_PUBLISHED: Final = (
    "ghcr.io/coder/",
    "docker.io/codercom/",
    "index.docker.io/codercom/",
    "codercom/",
)
"""Where Coder publishes its images, and those of the Registry's templates."""
_BUILDER_OFF: Final = "CODER_DISABLE_TEMPLATE_BUILDER"
_BUILDER_URL: Final = "CODER_TEMPLATE_BUILDER_REGISTRY_URL"
_STUN: Final = "CODER_DERP_SERVER_STUN_ADDRESSES"
_WANTED: Final = {
    "CODER_TELEMETRY_ENABLE": ("false", "coderd reports to Coder in vain"),
    "CODER_UPDATE_CHECK": ("false", "coderd asks GitHub for newer releases in vain"),
}
"""Switches that must be off, with what is tried in vain while they are on."""
_TERRAFORM: Final = "TF_CLI_CONFIG_FILE"
"""By this Terraform finds its mirrors and the hosts that stand in for others."""
_DAEMONS: Final = "CODER_PROVISIONER_DAEMONS"


def nothing_hosted_is_relied_upon(world: World) -> Judgement:
    """CVA-REG-001: where nothing reaches the internet, neither images nor settings refer to what is hosted.

    The sources that templates name stand in Coder's database. What is seen is whether Terraform was told of
    others, by the file that Coder's page on such deployments gives it.
    """
    if not world.deployment.spec.network.air_gapped:
        return not_applicable(
            "spec.network.airGapped is not set: what is hosted can be reached from here"
        )
    if world.coderd is None and world.deployment.spec.control_plane.management != "None":
        return no_coderd(world)
    findings = [*_images(world), *_settings(world)]
    if findings:
        return failed("what is not available offline is referred to", findings)
    unseen = _unseen(world)
    if unseen:
        return unknown(
            "ValueNotSeen", f"{named(unseen)} may come from ConfigMaps, Secrets or files"
        )
    runners = _runners(world)
    untold = [one.meta.path for one in runners if not environment.is_set(one, _TERRAFORM)]
    if untold or not runners:
        who = f"the Terraform of {named(untold)}" if untold else "no Terraform here"
        return unknown(
            "TemplatesNotSeen",
            f"no image and no setting refers to what is hosted. Whether templates refer to {_REGISTRY} is not "
            f"seen, and {who} is told by {_TERRAFORM} where its sources are instead; an image may say it",
        )
    told = named([one.meta.path for one in runners])
    return passed(
        f"no image and no setting refers to what is hosted, and the Terraform of {told} is told its sources "
        f"by {_TERRAFORM}"
    )


def _own(world: World) -> list[Deployment]:
    """Coder's own Deployments."""
    found = [one.deployment for one in (*world.found.proxies, *world.found.provisioners)]
    return [world.coderd.deployment, *found] if world.coderd is not None else found


def _runners(world: World) -> list[Deployment]:
    """Those that run Terraform: provisioners, and coderd unless it has none of its own."""
    found = [one.deployment for one in world.found.provisioners]
    if world.coderd is None or environment.literal(world.coderd.deployment, _DAEMONS) == "0":
        return found
    return [world.coderd.deployment, *found]


def _images(world: World) -> Iterator[Finding]:
    for own in _own(world):
        if own.shape.image.startswith(_PUBLISHED):
            yield _image(f"Deployment {own.meta.path}", own.shape.image, _of_chart(world, own))
    published = {
        workload(one): one
        for one in world.found.workspaces
        if live([one.pod]) and one.pod.shape.image.startswith(_PUBLISHED)
    }
    for name, one in published.items():
        image = one.pod.shape.image
        # In Terraform a text may hold expressions, and an image may be called anything.
        block = f"image = {json.dumps(_inside(image)).replace('${', '$${').replace('%{', '%%{')}"
        yield _image(name, image, remedies.template(one, block, ", from a registry of your own"))


def _image(resource: str, image: str, remedy: str) -> Finding:
    return Finding(
        _RULE,
        resource,
        "spec.template.spec.containers[].image",
        "an image of a registry that is reached from here",
        f"{image}, which only a mirror on the nodes could give",
        remedy,
    )


def _inside(image: str) -> str:
    return f"registry.example.com/coder/{image.rpartition('/')[2]}"


def _of_chart(world: World, one: Deployment) -> str:
    repository, _, tag = _inside(one.shape.image).partition("@")[0].partition(":")
    is_coderd = world.coderd is not None and one is world.coderd.deployment
    values = {"coder": {"image": {"repo": repository, "tag": tag or "latest"}}}
    if is_coderd:
        return "with a registry of your own, " + remedies.coderd(
            world, values, {"controlPlane": {"image": {"repository": repository}}}
        )
    return f"with a registry of your own, in the values.yaml of its release of Coder's chart:\n{remedies.as_yaml(values)}"


def _settings(world: World) -> Iterator[Finding]:
    if world.coderd is None:
        return
    coderd = world.coderd.deployment
    for name, (wanted, why) in _WANTED.items():
        said = environment.literal(coderd, name)
        default = variables().server[name].default
        is_on = environment.is_true(default if said is None else said)
        if is_on and not environment.is_elsewhere(coderd, name):
            yield _setting(world, coderd, name, wanted, why)
    stun = environment.literal(coderd, _STUN)
    is_public = stun is None or "google.com" in stun
    if is_public and not environment.is_elsewhere(coderd, _STUN):
        yield _setting(
            world, coderd, _STUN, "disable", "clients and agents ask Google's servers in vain"
        )
    yield from _builder(world, coderd)


def _builder(world: World, coderd: Deployment) -> Iterator[Finding]:
    """The template builder takes modules from the Registry, unless it is off or told of a mirror."""
    version = in_image(coderd.shape.image)
    if version is not None and not variables().server[_BUILDER_URL].is_read_by(version.numbers):
        return
    if any(environment.is_elsewhere(coderd, one) for one in (_BUILDER_OFF, _BUILDER_URL)):
        return
    is_off = environment.is_true(environment.literal(coderd, _BUILDER_OFF))
    registry = environment.literal(coderd, _BUILDER_URL) or _REGISTRY
    if not is_off and _REGISTRY in registry:
        why = f"the template builder takes modules from {_REGISTRY}, unless {_BUILDER_URL} names a mirror"
        yield _setting(world, coderd, _BUILDER_OFF, "true", why)


def _setting(world: World, coderd: Deployment, name: str, wanted: str, why: str) -> Finding:
    env = [{"name": name, "value": wanted}]
    return Finding(
        _RULE,
        f"Deployment {coderd.meta.path}",
        remedies.setting_field(world, name),
        f"{wanted}: {why}",
        environment.literal(coderd, name) or "not set",
        remedies.settings(world, {name: wanted}, {"controlPlane": {"env": env}}),
    )


def _unseen(world: World) -> list[str]:
    if world.coderd is None:
        return []
    names = (*_WANTED, _STUN, _BUILDER_OFF, _BUILDER_URL)
    return [one for one in names if environment.is_elsewhere(world.coderd.deployment, one)]


RULES: Final = (Rule(_RULE, nothing_hosted_is_relied_upon, WORKSPACES),)
