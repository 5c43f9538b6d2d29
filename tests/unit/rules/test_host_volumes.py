"""CVA-STO-004: what is told of exemptions, and what to type where there is none."""

from __future__ import annotations

from typing import Any

import yaml

from coder_cva.api.v1alpha1.resource import parse
from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import NoticeKind, Report
from support import builders as b
from support.corpus import merged
from support.deployments import adopted
from support.workspace_manifests import envbox_pod, workspace_deployment

RULE = "CVA-STO-004"
GP3 = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "gp3"},
    "provisioner": "ebs.csi.aws.com",
}
IMAGE = {"image": "ghcr.io/coder/envbox"}


def report(manifests: Any, *exemptions: dict[str, str], **spec: Any) -> Report:
    """What is said of this cluster."""
    storage = {"hostVolumeExemptions": [*exemptions]}
    made = merged(adopted("coder"), {"spec": {"workspaces": {"storage": storage}, **spec}})
    return evaluate(b.world(made, b.pools(), b.all_running(manifests)), strict=True)


def unused(found: Report) -> list[str]:
    """The notices about exemptions."""
    return [one.message for one in found.notices if one.kind is NoticeKind.EXEMPTION_UNUSED]


def test_an_exemption_that_exempts_nobody_is_told() -> None:
    """A typing error would else go unseen; a namespace without workspaces is named."""
    found = report(
        [envbox_pod("box"), workspace_deployment("dev")],
        IMAGE,
        {"image": "ghcr.io/coder/envbocks"},
        {"template": "docker"},
        {"namespace": "nowhere"},
    )
    (message,) = unused(found)
    assert "by image ghcr.io/coder/envbocks, namespace nowhere, template docker:" in message
    assert "no workspaces of this Coder are in nowhere" in message
    assert "image ghcr.io/coder/envbox," not in message


def test_nothing_is_told_where_all_are_used_or_nobody_can_tell() -> None:
    """Not while nobody works, nor while the rule is not judged."""
    assert unused(report([envbox_pod("box")], IMAGE)) == []
    assert unused(report([], {"template": "docker"})) == []
    off = report([envbox_pod("box")], {"template": "x"}, enforcement={"rules": {RULE: "Off"}})
    assert unused(off) == []


def test_many_entries_are_told_in_a_few_words() -> None:
    """The first three, and how many more."""
    box = envbox_pod("box")
    box[-1]["metadata"]["labels"] = {"com.coder.template.name": "docker"}
    entries = [IMAGE, {"namespace": "coder"}, {"template": "docker"}, {"image": "docker.io/x/y"}]
    box[-1]["spec"]["containers"][0]["image"] = "x/y:1"
    other = envbox_pod("other")
    for claim in (box[0], other[0]):
        claim["spec"]["storageClassName"] = "gp3"
    message = next(
        one.message for one in report([box, other, GP3], *entries).results if one.id == RULE
    )
    assert "2 more are exempt: 2 by namespace coder, 1 by image docker.io/x/y" in message
    assert "by 1 more entries" in message


def test_the_remedy_for_envbox_keeps_what_is_exempt_already() -> None:
    """The list is replaced as a whole by whoever pastes it; the result is a spec that exempts it."""
    before = {"namespace": "lab", "reason": "trials"}
    (finding,) = (one for one in report([envbox_pod("box")], before).findings if one.rule == RULE)
    pasted = yaml.safe_load(finding.remedy.partition(":\n")[2])
    said = pasted["spec"]["workspaces"]["storage"]["hostVolumeExemptions"]
    assert said[0] == before
    assert said[1]["image"] == IMAGE["image"]
    again = parse(b.live(merged(adopted("coder"), pasted)))
    assert len(again.spec.workspaces.storage.host_volume_exemptions) == 2
    assert not [one for one in report([envbox_pod("box")], *said).findings if one.rule == RULE]


def test_what_could_do_without_is_not_offered_a_line_to_paste() -> None:
    """The socket of docker is a way to own the node, whoever mounts it."""
    dev = workspace_deployment("dev")
    spec = dev[-1]["spec"]["template"]["spec"]
    spec["volumes"].append({"name": "docker", "hostPath": {"path": "/var/run/docker.sock"}})
    (finding,) = (one for one in report([dev], {"template": "x"}).findings if one.rule == RULE)
    assert "persistent_volume_claim instead of host_path" in finding.remedy
    assert ":\n" not in finding.remedy
