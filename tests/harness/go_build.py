"""Building one program with the Go tool chain, all or nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness import environment
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.progress import Step
    from harness.versions import Program

LOG_TAIL_LINES = 25
TICK_SECONDS = 0.5
BUILDING = "building-"


def check_go(program: Program) -> None:
    """Refuse with a sentence where Go is missing or cannot build this program."""
    needed = _needed_go(program.module_folder / "go.mod")
    remedy = (
        f"Install Go {needed} or newer (https://go.dev/dl), or name a folder of ready programs "
        "in CVA_BINARIES."
    )
    if shutil.which("go") is None:
        raise HarnessError(f"building {program.name} needs Go, and there is no `go`. {remedy}")
    # Asked inside the module: Go may fetch the tool chain that go.mod names, by itself.
    answer = subprocess.run(
        ["go", "version"],
        cwd=program.module_folder,
        env=_go_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        told = (answer.stderr or answer.stdout).strip()
        raise HarnessError(f"this Go cannot build {program.name}: {told}. {remedy}")


def build(program: Program, target: Path, step: Step) -> None:
    """Build into a folder beside the target and move the program there when it is whole."""
    target.parent.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=BUILDING, dir=target.parent.parent) as folder:
        made = Path(folder) / program.name
        log = Path(folder) / "log"
        code = _run(_command(program, made), program.module_folder, log, step)
        if code != 0:
            step.done("failed")
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
            raise HarnessError(f"go build of {program.name} failed with exit code {code}:\n{tail}")
        target.parent.mkdir(exist_ok=True)
        made.replace(target)
    step.done("built")


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed build left; only for who holds the lock on the folder."""
    for left in folder.glob(f"{BUILDING}*"):
        shutil.rmtree(left, ignore_errors=True)


def _command(program: Program, made: Path) -> list[str]:
    flags = ["-trimpath", "-mod=readonly", "-buildvcs=false", f"-ldflags={program.ldflags}"]
    return ["go", "build", *flags, "-o", str(made), program.package]


def _run(command: list[str], folder: Path, log: Path, step: Step) -> int:
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=_go_environment(), stdout=out, stderr=subprocess.STDOUT
        )
        try:
            while not _ends(process):
                step.tick()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    return process.returncode


def _ends(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(TICK_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _go_environment() -> dict[str, str]:
    # Without cgo no C compiler is needed; a go.work of the user's must not change the pins.
    return environment.for_child(CGO_ENABLED="0", GOWORK="off")


def _needed_go(go_mod: Path) -> str:
    line = re.search(r"^go (\S+)", go_mod.read_text(), re.MULTILINE)
    return line.group(1) if line else "1.26"
