"""A remedy can be pasted: values that are YAML, specs that the API takes, commands that are whole."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from coder_cva.api.v1alpha1.resource import parse
from coder_cva.rules import remedies
from coder_cva.rules.engine import evaluate
from support import builders
from support.coder_manifests import chart_coderd, coder_k8s_coderd
from support.corpus import cases, merged
from support.deployments import adopted, managed
from support.workspace_manifests import envbox_pod, workspace_deployment

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

VALUES = {"coder": {"replicaCount": 3, "env": [{"name": "A", "value": "true"}]}}
SPEC = {"controlPlane": {"replicas": 3}}
CASES = [one for one in cases() if one.verdict == "failed"]
PASTED = re.compile(r"(?P<where>in [^:\n]+):\n(?P<block>.*)\Z", re.DOTALL)


def world(cr: dict[str, Any], coderd: Any) -> World:
    """A coderd as somebody keeps it."""
    return builders.world(cr, builders.pools(), builders.all_running([coderd], ["control-plane-1"]))


@pytest.mark.parametrize(
    ("manager", "where"),
    [
        ("Helm", "in the values.yaml of Coder's Helm chart"),
        ("", "in the values.yaml of Coder's Helm chart"),
        ("Argo CD", "in the values.yaml of Coder's chart that Argo CD applies"),
        ("Flux", "in the values of the HelmRelease of Coder's chart that Flux applies"),
    ],
)
def test_an_adopted_coder_is_changed_where_its_values_are_kept(manager: str, where: str) -> None:
    """The values of the chart, and a word about lists, which a paste would replace."""
    told = remedies.coderd(world(adopted("coder"), chart_coderd(managed_by=manager)), VALUES, SPEC)

    head, _, block = told.partition(":\n")
    assert head == f"{where}, beside what is in env already"
    assert yaml.safe_load(block) == VALUES


def test_what_coder_k8s_keeps_is_its_own_resource() -> None:
    """By its own names of the fields."""
    told = remedies.coderd(world(adopted("coder"), coder_k8s_coderd(name="main")), VALUES, SPEC)

    head, _, block = told.partition(":\n")
    assert head.startswith("in CoderControlPlane coder/main of coder-k8s")
    assert yaml.safe_load(block) == {
        "spec": {"replicas": 3, "extraEnv": [{"name": "A", "value": "true"}]}
    }


def test_a_managed_coder_is_changed_in_its_spec() -> None:
    """Also before it is there; a foreign one in its place is changed where it is kept."""
    before = builders.world(managed("coder"), builders.pools())
    foreign = world(managed("coder"), chart_coderd())

    assert remedies.coderd(before, VALUES, SPEC) == (
        "in CoderDeployment coder/coder:\nspec:\n  controlPlane:\n    replicas: 3"
    )
    assert remedies.coderd(foreign, VALUES, SPEC).startswith("in the values.yaml of Coder's Helm")


def test_what_the_template_always_says_is_put_back() -> None:
    """Somebody took it away: the command shows who."""
    before = builders.world(managed("coder"), builders.pools())

    assert "the operator puts it back" in remedies.coderd(before, VALUES)
    assert "--show-managed-fields" in remedies.without(before, "volume a", "coder.volumes")


def test_a_workspace_is_named_as_its_people_know_it() -> None:
    """By user and name where its labels say so, else by its Pod."""
    here = builders.world(
        adopted("coder"),
        builders.pools(),
        builders.all_running([workspace_deployment("dev"), envbox_pod("box")]),
    )

    assert [remedies.workspace_name(one) for one in here.found.workspaces] == [
        "workspace alice/dev",
        "Pod coder/coder-alice-box",
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
def test_whatever_a_finding_gives_to_paste_is_whole(case: Any) -> None:
    """Blocks of YAML are read back; a spec, laid over the CoderDeployment, is one that the API takes."""
    cr = case.deployment()
    for finding in evaluate(case.world(), strict=True).findings:
        pasted = PASTED.search(finding.remedy)
        if pasted and "in CoderDeployment" in pasted["where"]:
            parse(merged(cr, yaml.safe_load(pasted["block"])))
        elif pasted and "chart" in pasted["where"]:
            values = yaml.safe_load(pasted["block"])
            assert len(values) == 1, finding
            assert set(values) <= {"coder", "provisionerDaemon"}, finding
        for patch in re.findall(r"--type=merge -p '([^']+)'", finding.remedy):
            parse(merged(cr, json.loads(patch)))


def test_the_corpus_has_something_of_each_kind_to_paste() -> None:
    """Else the claim above would be about nothing."""
    told = [one.remedy for case in CASES for one in evaluate(case.world(), strict=True).findings]

    for words in ("in CoderDeployment", "Helm chart", "HelmRelease", "Argo CD", "--type=merge -p"):
        assert any(words in one for one in told), words
