"""Programs of others that the harness runs: their absence and their failures as sentences."""

from __future__ import annotations

import shutil
import subprocess
from typing import Protocol

from harness.errors import HarnessError

SHOWN_CHARACTERS = 2000


class Runner(Protocol):
    """Runs a command and returns what it printed."""

    def __call__(self, *command: str, timeout: float = 60) -> str:
        """Raise a HarnessError if the command is missing or fails."""


def run(*command: str, timeout: float = 60) -> str:
    """Run a command and return what it printed."""
    if shutil.which(command[0]) is None:
        raise HarnessError(f"there is no program {command[0]!r} on the PATH")
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=timeout
        )
    except subprocess.TimeoutExpired as error:
        raise HarnessError(f"{' '.join(command)} did not end within {timeout:g} s") from error
    if answer.returncode != 0:
        told = (answer.stderr or answer.stdout).strip()[-SHOWN_CHARACTERS:]
        raise HarnessError(
            f"{' '.join(command)} failed with exit code {answer.returncode}:\n{told}"
        )
    return answer.stdout
