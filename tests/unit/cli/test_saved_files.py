"""`coder_cva audit --snapshot`: files instead of a cluster."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from coder_cva.cli import main, save_script, saved_files
from coder_cva.reports.json_model import VERSION
from coder_cva.snapshot.model import Absence, Unavailable
from coder_cva.snapshot.needs import SOURCES
from coder_cva.snapshot.saved import stem
from support import builders, coder_manifests
from support.deployments import adopted

if TYPE_CHECKING:
    from pathlib import Path

KUBECTL = """#!/bin/sh
echo "$*" >>"{log}"
case "$*" in
  *services*) echo no >&2; exit 1;;
  *) echo '{{"apiVersion": "v1", "kind": "List", "items": []}}';;
esac
"""


def cluster() -> list[dict[str, Any]]:
    """An adopted Coder, live."""
    manifests = [builders.pools(), builders.namespace("coder"), coder_manifests.chart_coderd()]
    return [builders.live(one) for one in builders.flat(manifests)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cluster in files: one kind in a list of its own, empty ones by name, without Services."""
    found = tmp_path / "saved"
    found.mkdir()
    for source in SOURCES.values():
        items = [one for one in cluster() if one["kind"] == source.kind]
        if source.kind != "Service":
            said = {"apiVersion": "v1", "kind": "List", "items": items}
            (found / f"{stem(source)}.json").write_text(json.dumps(said))
    (found / "saved-at.txt").write_text("2026-11-23T09:00:00Z\n")
    return found


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """What to judge by."""
    file = tmp_path / "coderdeployment.yaml"
    file.write_text(yaml.safe_dump(adopted("coder")))
    return file


def report(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """The audit's report as a program reads it."""
    code = main.main(["audit", *map(str, arguments), "-o", "json"])
    said = capsys.readouterr()
    assert code in (0, 1, 3), said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


def verdicts(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Verdict and reason of each clause."""
    return {one["id"]: (one["verdict"], one["reason"]) for one in found["clauses"]}


def test_a_folder_is_judged_as_of_the_moment_in_which_it_was_saved(
    folder: Path, manifest: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No cluster is asked; what is not in the folder is unknown, with the command that saves it."""
    found = report(capsys, "--snapshot", folder, "-f", manifest)

    assert found["report"] == VERSION
    assert found["moment"] == "2026-11-23T09:00:00+00:00"
    assert verdicts(found)["CVA-CTL-001"] == ("failed", "")
    assert verdicts(found)["CVA-OBS-001"] == ("unknown", "NotSaved")
    (services,) = [one for one in found["clauses"] if one["id"] == "CVA-OBS-001"]
    assert "kubectl get services --all-namespaces -o json >services.json" in services["message"]


def test_one_file_of_yaml_packed_or_not_says_the_same(
    folder: Path, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several documents in a file, and a file beside a folder."""
    whole = [json.loads(one.read_text()) for one in sorted(folder.glob("*.json"))]
    plain, packed = tmp_path / "all.yaml", tmp_path / "all.json.gz"
    plain.write_text(yaml.safe_dump_all(whole))
    items = [item for one in whole for item in one["items"]]
    packed.write_bytes(gzip.compress(json.dumps({"kind": "List", "items": items}).encode()))
    expected = verdicts(report(capsys, "--snapshot", folder, "-f", manifest))

    for file in (plain, packed):
        found = verdicts(report(capsys, "--snapshot", file, "--snapshot", folder, "-f", manifest))
        assert found == expected


def test_the_saved_coderdeployment_is_found(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a manifest the one that was applied then counts."""
    live = builders.live(adopted("coder"))
    (folder / "coderdeployments.json").write_text(json.dumps(live))

    assert report(capsys, "--snapshot", folder)["deployment"] == "coder/coder"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.json", b'{"kind": "Li', "a.json cannot be read"),
        ("a.yaml", b"\x00", "a.yaml cannot be read"),
        ("a.yml", b"\xff", "a.yml cannot be read"),
        ("a.json.gz", b"\x1f\x8b", "a.json.gz cannot be read"),
        ("saved-at.txt", b"yesterday", "holds no moment like"),
    ],
)
def test_what_cannot_be_used_is_said(
    folder: Path,
    manifest: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    data: bytes,
    words: str,
) -> None:
    """Exit code 2, and the file's name; nothing is judged by half a snapshot."""
    (folder / name).write_bytes(data)

    assert main.main(["audit", "--snapshot", str(folder), "-f", str(manifest)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert str(folder) in said.err


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    """A misspelt path is no empty cluster."""
    with pytest.raises(saved_files.Unusable, match="none is neither a file nor a folder"):
        saved_files.reader([tmp_path / "none"])


def test_a_broken_archive_is_said(tmp_path: Path) -> None:
    """Also where it ends in the middle."""
    file = tmp_path / "a.json.gz"
    file.write_bytes(gzip.compress(b"{}" * 100)[:-9])

    with pytest.raises(saved_files.Unusable, match="cannot be read"):
        saved_files.reader([file])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--snapshot", "."], "say which with its name and -n, or judge by a manifest with -f"),
        (["--snapshot", ".", "--context", "a"], "leave out --kubeconfig and --context"),
    ],
)
def test_what_is_missing_is_said(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    """With the remedy."""
    monkeypatch.chdir(folder)

    assert main.main(["audit", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_an_empty_folder_is_no_cluster(tmp_path: Path) -> None:
    """Every kind would be unknown, and nobody would know why."""
    with pytest.raises(saved_files.Unusable, match="holds no file"):
        saved_files.reader([tmp_path])


async def test_secrets_are_never_there(folder: Path) -> None:
    """Whoever asks for one is told so."""
    reader = saved_files.reader([folder])

    found = await reader.snapshot(frozenset({("coder", "db")}))

    assert found.secrets == {
        ("coder", "db"): Unavailable(Absence.NOT_SAVED, "Secrets are never saved")
    }


def test_the_script_saves_what_is_read_and_no_secret(tmp_path: Path) -> None:
    """With a kubectl that may read everything but Services: they are left out, all else is there."""
    log, bin_folder, saved = tmp_path / "log", tmp_path / "bin", tmp_path / "saved"
    bin_folder.mkdir()
    kubectl = bin_folder / "kubectl"
    kubectl.write_text(KUBECTL.format(log=log))
    kubectl.chmod(0o755)
    script = tmp_path / "save.sh"
    script.write_text(save_script.render())

    said = subprocess.run(
        ["sh", str(script), str(saved), "--context", "prod"],
        env={"PATH": f"{bin_folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )

    asked = log.read_text().splitlines()
    assert all(one.endswith("--context prod") for one in asked)
    assert not any("secret" in one for one in asked)
    assert said.stderr.splitlines()[-1].startswith("not saved: ")
    missing = {one for one in SOURCES.values() if not (saved / f"{stem(one)}.json").is_file()}
    assert {one.kind for one in missing} == {"Service"}
    assert not list(saved.glob("*.part"))
    assert (saved.stat().st_mode & 0o077) == 0
    reader = saved_files.reader([saved])
    assert reader.moment is not None
    assert abs((datetime.now(UTC) - reader.moment).total_seconds()) < 600
