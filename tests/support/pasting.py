"""Pasting a remedy where it says it belongs, as a person would who has these files before them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

from support.coder_manifests import chart_coderd, chart_provisioner
from support.corpus import merged
from support.terraform import pod_part
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from pathlib import Path

    from harness.kube import Kube

Manifest = dict[str, Any]

BLOCK: Final = re.compile(r"(?P<where>[^:\n]+):\n(?P<block>.*)\Z", re.DOTALL)
COMMAND: Final = re.compile(r"kubectl (?:-n \S+ )?(?:patch|label|delete|annotate)\b.*")
_POD_VALUES: Final = ("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints")


@dataclass
class Desk:
    """What somebody keeps who installed Coder with its charts and wrote a template and a policy."""

    namespace: str
    resource: Manifest
    values: dict[str, Any] = field(default_factory=dict)
    """Of Coder's chart, under its key ``coder``."""
    provisioner: dict[str, Any] | None = None
    """Of the chart coder-provisioner, where it is installed."""
    template: Manifest | None = None
    """The Pod spec that the template of the one workspace lays over its own, where there is one."""
    labels: dict[str, str] | None = None
    """All labels of its Pod, where the template gives it others than Coder's own does."""
    storage_class: str | None = None
    """Which class its claim names."""
    others: list[Manifest] = field(default_factory=list)
    """Policies, classes and the like."""

    def manifests(self) -> list[Manifest]:
        """Everything as it is applied."""
        made: list[Any] = [*_coderd(self.namespace, self.values), *self.others]
        if self.provisioner is not None:
            made += _provisioner(self.namespace, self.provisioner)
        if self.template is not None:
            workspace = workspace_deployment(
                "alpha", self.namespace, pod=self.template, storage_class=self.storage_class
            )
            made += [_labelled(one, self.labels) for one in workspace]
        return made

    def paste(self, remedy: str, resource: str) -> None:
        """Lays the block at a remedy's end over what it names; ``resource`` is the finding's.

        Raises:
            AssertionError: it names nothing of what is kept here.
        """
        found = BLOCK.search(remedy)
        assert found, remedy
        where, block = found["where"], found["block"]
        if "in CoderDeployment" in where:
            self.resource = merged(self.resource, yaml.safe_load(block))
        elif "coder-provisioner" in where:
            assert self.provisioner is not None
            self.provisioner = _laid(self.provisioner, yaml.safe_load(block))
        elif "chart" in where:
            replaced = set(re.findall(r"instead of (\w+)", remedy))
            self.values = _laid(_without(self.values, replaced), yaml.safe_load(block))
        elif "in the metadata of its Pod" in where:
            self.labels = {**(self.labels or {}), **pod_part(block)["labels"]}
        elif "template" in where:
            assert self.template is not None
            self.template = merged(self.template, pod_part(block))
        elif found := re.search(r"its (ingress|egress) rules", where):
            policy = next(one for one in self.others if resource.endswith(f"/{_name(one)}"))
            policy["spec"].setdefault(found[1], []).extend(yaml.safe_load(block))
        else:
            raise AssertionError(f"nothing here is kept in that place: {where}")


def typed(remedy: str, kubectl: Path, kubeconfig: Path) -> None:
    """Types the command of a remedy into a shell.

    Raises:
        AssertionError: there is none, or it failed.
    """
    found = COMMAND.search(remedy)
    assert found, remedy
    line = re.split(r", and |; ", found[0])[0]
    done = subprocess.run(
        line.replace("kubectl", str(kubectl), 1),
        shell=True,
        env={"KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"{line}: {done.stderr}"


def apply(kube: Kube, manifests: list[Manifest]) -> None:
    """As ``helm upgrade`` and ``terraform apply`` would; what was in force before does not matter."""
    for one in manifests:
        kube.apply(one, manager="somebody")


def _name(manifest: Manifest) -> str:
    name: str = manifest["metadata"]["name"]
    return name


def _labelled(manifest: Manifest, labels: dict[str, str] | None) -> Manifest:
    """A Deployment whose Pods have these labels alone; the selector, which never changes, is by one of them."""
    if labels is None or manifest["kind"] != "Deployment":
        return manifest
    spec, kept = manifest["spec"], {"app": "theirs"}
    return {
        **manifest,
        "metadata": {**manifest["metadata"], "labels": kept},
        "spec": {
            **spec,
            "selector": {"matchLabels": kept},
            "template": {**spec["template"], "metadata": {"labels": {**kept, **labels}}},
        },
    }


def _without(values: dict[str, Any], variables: set[str]) -> dict[str, Any]:
    coder = values.get("coder", {})
    left = [one for one in coder.get("env", []) if one["name"] not in variables]
    return {"coder": {**coder, "env": left}}


def _laid(values: dict[str, Any], block: dict[str, Any]) -> dict[str, Any]:
    """Values with a block pasted; variables are added to the list of those that are there."""
    variables = {one["name"]: one for one in values.get("coder", {}).get("env", [])}
    variables |= {one["name"]: one for one in block.get("coder", {}).get("env", [])}
    laid: dict[str, Any] = merged(values, block)
    if variables:
        laid.setdefault("coder", {})["env"] = list(variables.values())
    return laid


def _coderd(namespace: str, values: dict[str, Any]) -> list[Manifest]:
    """The chart ``coder`` with values of these, as far as remedies speak of them."""
    coder = values.get("coder", {})
    rest = set(coder) - {"replicaCount", "resources", "env", "podAnnotations", *_POD_VALUES}
    assert not rest, f"the stand-in for the chart does not know coder.{', '.join(sorted(rest))}"
    made = chart_coderd(
        namespace,
        replicas=coder.get("replicaCount", 1),
        resources=coder.get("resources", {}).get("requests"),
        env=coder.get("env"),
        pod={key: coder[key] for key in _POD_VALUES if key in coder},
        pod_annotations=coder.get("podAnnotations"),
    )
    for container in made[-1]["spec"]["template"]["spec"]["containers"]:
        # The chart leaves out what it would say itself where the values say it.
        container["env"] = list({one["name"]: one for one in container["env"]}.values())
    return made


def _provisioner(namespace: str, values: dict[str, Any]) -> list[Manifest]:
    coder = values.get("coder", {})
    return chart_provisioner(
        namespace,
        replicas=coder.get("replicaCount", 1),
        resources=coder.get("resources", {}).get("requests"),
        env=coder.get("env"),
    )
