"""Building the programs: once, whole or not at all, and saying what goes on."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import binaries, factory, versions
from harness.errors import HarnessError
from harness.progress import Terminal
from harness.waiting import wait_for

TESTS = Path(__file__).parents[2]

# Stands in for the Go tool chain: the program that it "builds" is a script.
FAKE_GO = """#!/bin/sh
echo "$@" >> "$LOG"
test "$1" = version && { echo "go version go1.26.0"; exit $VERSION_EXIT; }
while test $# -gt 1; do
  test "$1" = -o && out="$2"
  shift
done
while test -e "$HOLD"; do sleep 0.02; done
test -z "$BREAKS" || { echo half > "$out"; echo "undefined: everything"; exit 1; }
printf '#!/bin/sh\\necho Kubernetes v1.37.2\\n' > "$out"
chmod +x "$out"
"""


@pytest.fixture
def go_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fake `go` first on the PATH and an empty cache; the file has one line for each call."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "go").write_text(FAKE_GO)
    (tools / "go").chmod(0o755)
    log = tmp_path / "calls"
    log.touch()
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CVA_BINARIES", raising=False)
    monkeypatch.setenv("LOG", str(log))
    monkeypatch.setenv("VERSION_EXIT", "0")
    monkeypatch.setenv("HOLD", str(tmp_path / "hold"))
    return log


def builds(log: Path) -> int:
    """How often `go build` was called."""
    return sum(line.startswith("build") for line in log.read_text().splitlines())


def files(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_builds_once(go_log: Path) -> None:
    """The first call builds every program with a line for each, the second builds nothing."""
    stream = io.StringIO()
    paths = binaries.ensure("1.37", Terminal(stream))
    assert builds(go_log) == len(paths) == 6
    assert all(os.access(path, os.X_OK) for path in paths.values())
    told = stream.getvalue()
    assert "building kube-apiserver v1.37.2 (1 of 6; about 11 min left from cold) …" in told
    assert "(6 of 6; about 1 min left from cold) … built" in told
    assert binaries.ensure("1.37", Terminal(stream)) == paths
    assert builds(go_log) == 6


def test_some_programs_alone(go_log: Path) -> None:
    """What only one program is needed for builds only that one."""
    assert list(binaries.ensure("1.37", Terminal(io.StringIO()), only=("kwok",))) == ["kwok"]
    assert binaries.kubectl().name == "kubectl"
    assert builds(go_log) == 2


@pytest.mark.parametrize(
    ("kind", "names"), [("kind", ["kwok", "kubectl"]), ("existing", ["kubectl"])]
)
def test_what_a_kind_of_cluster_needs(
    go_log: Path, monkeypatch: pytest.MonkeyPatch, kind: str, names: list[str]
) -> None:
    """`build` makes no control plane for those who bring one."""
    monkeypatch.setenv("CVA_CLUSTER", kind)
    assert list(factory.build("1.37")) == names
    assert builds(go_log) == len(names)


def test_worlds_share_what_is_the_same(go_log: Path) -> None:
    """The older world builds its own three servers and takes the rest from the newest."""
    newest = binaries.ensure("1.37", Terminal(io.StringIO()))
    oldest = binaries.ensure("1.34", Terminal(io.StringIO()))
    assert builds(go_log) == 9
    shared = {name for name in newest if newest[name] == oldest[name]}
    assert shared == {"etcd", "kwok", "kubectl"}


def test_a_failed_build(go_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure leaves nothing half-made and shows the end of the compiler's words."""
    monkeypatch.setenv("BREAKS", "yes")
    with pytest.raises(HarnessError, match=r"(?s)kube-apiserver failed .* 1:\nundefined: every"):
        binaries.ensure("1.37", Terminal(io.StringIO()))
    assert files(tmp_path / "cache") == ["build.lock"]


def test_what_is_there_is_not_built_again(go_log: Path) -> None:
    """After an interruption only the missing programs are built."""
    paths = binaries.ensure("1.37", Terminal(io.StringIO()))
    paths["kwok"].unlink()
    binaries.ensure("1.37", Terminal(io.StringIO()))
    assert builds(go_log) == 7


def test_a_killed_build(go_log: Path, tmp_path: Path) -> None:
    """What a killed process left half-made is removed by the next."""
    left = tmp_path / "cache" / "coder-cva" / "bin" / "building-abc"
    left.mkdir(parents=True)
    (left / "kwok").touch()
    binaries.ensure("1.37", Terminal(io.StringIO()))
    assert builds(go_log) == 6
    assert not left.exists()


def test_a_terminated_build_ends_the_compiler(go_log: Path, tmp_path: Path) -> None:
    """SIGTERM ends the tool chain too, and leaves nothing half-made."""
    (tmp_path / "hold").touch()
    build = [sys.executable, "-m", "harness", "build"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(build, env=environment, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: builds(go_log) == 1)
        process.terminate()
        assert process.wait() == 143
    assert files(tmp_path / "cache") == ["build.lock"]


def test_two_processes_at_once(go_log: Path, tmp_path: Path) -> None:
    """The second process waits for the first, says so, and builds nothing again."""
    hold = tmp_path / "hold"
    hold.touch()
    build = [sys.executable, "-m", "harness", "build"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            build, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    with start() as first:
        wait_for(lambda: builds(go_log) == 1)
        with start() as second:
            assert second.stderr
            assert "another process is building" in second.stderr.readline()
            hold.unlink()
            second.communicate()
        first.communicate()
    assert (first.returncode, second.returncode) == (0, 0)
    assert builds(go_log) == 6


def test_no_go(go_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Go the message says what to install and what to do instead."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(HarnessError, match=r"no `go`. Install Go 1\.26.* or newer.*CVA_BINARIES"):
        binaries.ensure("1.37", Terminal(io.StringIO()))


def test_a_go_that_is_too_old(go_log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Go itself says of its age is passed on, with the remedy."""
    monkeypatch.setenv("VERSION_EXIT", "1")
    with pytest.raises(HarnessError, match=r"this Go cannot build kube-apiserver: .*Install Go"):
        binaries.ensure("1.37", Terminal(io.StringIO()))
    assert builds(go_log) == 0


class TestReadyBinaries:
    """A folder of programs instead of a build."""

    @pytest.fixture
    def folder(self, go_log: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A folder with every program, named in the environment."""
        folder = go_log.with_name("ready")
        folder.mkdir()
        for program in versions.programs("1.37"):
            (folder / program.name).write_text("#!/bin/sh\necho Kubernetes v1.37.9\n")
            (folder / program.name).chmod(0o755)
        monkeypatch.setenv("CVA_BINARIES", str(folder))
        return folder

    def test_used_as_they_are(self, folder: Path, go_log: Path) -> None:
        """Nothing is built, and another patch version of the same minor is fine."""
        paths = binaries.ensure("1.37")
        assert {path.parent for path in paths.values()} == {folder}
        assert go_log.read_text() == ""

    def test_only_what_is_used_has_to_be_there(self, folder: Path) -> None:
        """Who needs kwok alone need not bring an API server."""
        (folder / "kube-apiserver").unlink()
        assert binaries.ensure("1.37", only=("kwok",)) == {"kwok": folder / "kwok"}

    def test_missing_ones_are_named(self, folder: Path) -> None:
        """Every missing program is in the message, and where it was looked for."""
        (folder / "kwok").unlink()
        (folder / "etcd").chmod(0o644)
        with pytest.raises(HarnessError, match=f"no program named etcd, kwok .*{folder}"):
            binaries.ensure("1.37")

    @pytest.mark.usefixtures("folder")
    def test_another_minor_is_refused(self) -> None:
        """Programs of another minor would make tests claim what they did not see."""
        with pytest.raises(HarnessError, match=r"is to be a 1\.34, but --version tells: .*v1\.37"):
            binaries.ensure("1.34")

    def test_worlds_in_folders_of_their_own(self, folder: Path) -> None:
        """What lies in a folder named after the world is preferred."""
        (folder / "1.34").mkdir()
        special = folder / "1.34" / "kube-apiserver"
        special.write_text("#!/bin/sh\necho Kubernetes v1.34.4\n")
        special.chmod(0o755)
        paths = binaries.ensure("1.34")
        assert paths["kube-apiserver"] == special
        assert paths["etcd"] == folder / "etcd"


def test_an_unknown_world() -> None:
    """A wrong world is answered with the right ones."""
    with pytest.raises(ValueError, match=r"no world '1\.20': choose one of 1\.37, 1\.34"):
        versions.programs("1.20")


@pytest.mark.parametrize("world", ["1.37", "1.34"])
def test_pins_and_stamps_agree(world: str) -> None:
    """The version that a program reports is the one that its go.mod pins."""
    module_of = {"etcd": "go.etcd.io/etcd/server/v3", "kwok": "sigs.k8s.io/kwok"}
    for program in versions.programs(world):
        pins = (program.module_folder / "go.mod").read_text()
        assert f"{module_of.get(program.name, 'k8s.io/kubernetes')} {program.version}" in pins
        assert (program.module_folder / "go.sum").exists()
        assert f"\t{program.package}\n" in pins or f"tool {program.package}\n" in pins
