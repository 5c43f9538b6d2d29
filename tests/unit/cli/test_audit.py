"""`coder_cva audit`: what is judged, and what is said where nothing can be."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from coder_cva.api.errors import InvalidSpec
from coder_cva.cli import audit, main
from coder_cva.rules.model import Verdict
from support import builders
from support.deployments import adopted, managed
from support.policies import service
from support.story import Story
from support.workspace_manifests import workspace_deployment, workspace_id

if TYPE_CHECKING:
    from pathlib import Path


def named(namespace: str, name: str) -> dict[str, Any]:
    """A live CoderDeployment of this name."""
    return {**adopted(namespace, name), "status": {}}


@pytest.mark.parametrize(
    ("name", "namespace", "found"),
    [
        ("only", None, ("b", "only")),
        (None, "b", ("b", "only")),
        ("coder", "a", ("a", "coder")),
    ],
)
def test_what_is_meant_is_found(
    name: str | None, namespace: str | None, found: tuple[str, str]
) -> None:
    """By name, by namespace, by both: whatever leaves one."""
    bodies = (named("a", "coder"), named("b", "only"), named("c", "coder"))

    one = audit.chosen(bodies, name, namespace)

    assert (one["metadata"]["namespace"], one["metadata"]["name"]) == found


@pytest.mark.parametrize(
    ("name", "words"),
    [(None, "several CoderDeployments"), ("coder", "several"), ("none", "no such CoderDeployment")],
)
def test_what_is_not_clear_is_asked_back(name: str | None, words: str) -> None:
    """With the ones that are there, and how to say which."""
    with pytest.raises(audit.Refusal, match=words) as refused:
        audit.chosen((named("a", "coder"), named("c", "coder")), name, None)

    assert "(a/coder, c/coder): say which with its name and -n" in str(refused.value)


def test_a_manifest_among_others_is_read(tmp_path: Path) -> None:
    """A file of an application holds more than the CoderDeployment."""
    file = tmp_path / "all.yaml"
    file.write_text(yaml.dump_all([builders.namespace("coder"), adopted("coder")]))

    assert audit.from_file(file) == adopted("coder")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds 0 CoderDeployments"),
        ("kind: Pod", "holds 0 CoderDeployments"),
        ("{", "cannot be read"),
        ("{kind: CoderDeployment}\n---\n{kind: CoderDeployment}", "holds 2 CoderDeployments"),
        ("{kind: CoderDeployment, metadata: {name: a}}", "metadata.namespace"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, words: str) -> None:
    """And names itself."""
    file = tmp_path / "a.yaml"
    file.write_text(text)

    with pytest.raises(audit.Refusal, match=words) as refused:
        audit.from_file(file)

    assert str(file) in str(refused.value)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    """The system's own words."""
    with pytest.raises(audit.Refusal, match="No such file"):
        audit.from_file(tmp_path / "none.yaml")


async def test_a_manifest_is_judged_without_being_applied() -> None:
    """Every clause has its verdict, and nothing was written."""
    story = Story()

    found = await audit.judged(adopted("coder"), (), audit.Eyes(story, story), builders.NOW)

    assert found.deployment == "coder/coder"
    assert len(found.report.results) == 50
    assert story.writes == []


async def test_a_manifest_is_taken_for_the_live_one_of_its_name() -> None:
    """What the operator made for it is recognised; the spec that is judged is the file's."""
    story = Story()
    story.put(managed("coder"))
    await story.look()
    story.now += timedelta(minutes=1)
    await story.look()
    (live,) = await story.deployments()
    changed = copy.deepcopy(managed("coder"))
    changed["spec"]["architecture"] = {"tier": "2k"}

    found = await audit.judged(changed, (live,), audit.Eyes(story, story), builders.NOW)

    assert found.tier == "2k"
    (size,) = [one for one in found.report.results if one.id == "CVA-CTL-002"]
    assert size.verdict is Verdict.FAILED
    assert "in CoderDeployment coder/coder" in size.findings[0].remedy


async def test_a_manifest_that_the_api_server_would_refuse_is_refused() -> None:
    """With the same words."""
    wrong = adopted("coder")
    wrong["spec"]["architecture"] = {"tier": "5k"}

    with pytest.raises(InvalidSpec, match=r"spec\.architecture\.tier"):
        await audit.judged(wrong, (), audit.Eyes(Story(), Story()), builders.NOW)


def test_without_a_cluster_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, a sentence, no trace of Python."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    code = main.main(["audit"])

    assert code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("coder_cva: ")
    assert "Traceback" not in said.err


async def test_what_restrictions_would_hit_is_told_before_anything_is_installed() -> None:
    """With the hash and the command, as a status would show them; nothing was written."""
    story = Story()
    chosen = {"com.coder.workspace.id": workspace_id("dev")}
    story.around += [
        *builders.all_running([workspace_deployment("dev")]),
        service("app", chosen, 3000),
    ]

    found = await audit.judged(adopted("coder"), (), audit.Eyes(story, story), builders.NOW)

    told = found.restrictions
    assert [one.partition(": ")[2] for one in told.pending] == [
        "Services to port 3000 of workspaces in coder, chosen by com.coder.workspace.id",
        "workspaces in coder",
    ]
    assert told.hash in told.command
    assert told.confirmed == ()
    shown = audit.rendered(found, "table", everything=False)
    assert "Service coder/app (port 3000)" in shown
    assert told.command in shown
    assert story.writes == []
