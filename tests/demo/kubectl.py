"""kubectl of the demo's cluster: run for real, and shown as one would type it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import environment
from harness.errors import HarnessError

if TYPE_CHECKING:
    from demo.narrator import Narrator

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 120


@dataclass(frozen=True)
class Kubectl:
    """The program, the cluster that it talks to, and who is told of it.

    Commands run in the repository's root, so that the paths in them are those that a reader types.
    """

    program: Path
    kubeconfig: Path
    narrator: Narrator

    def show(self, *arguments: str, refusal: bool = False) -> str:
        """Run a command, show it with its answer, and return the answer.

        Args:
            arguments: what follows ``kubectl``.
            refusal: whether an exit code other than 0 is what one wants to see.

        Raises:
            HarnessError: it failed; the message holds what it said.
        """
        answer = self.run(*arguments, refusal=refusal)
        self.narrator.command(("kubectl", *arguments), answer)
        return answer

    def run(self, *arguments: str, refusal: bool = False) -> str:
        """Run a command without a word about it; its answer, warnings first."""
        try:
            done = subprocess.run(
                [self.program, *arguments],
                cwd=ROOT,
                env=environment.for_child(KUBECONFIG=str(self.kubeconfig)),
                capture_output=True,
                text=True,
                check=False,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            words = " ".join(arguments)
            raise HarnessError(f"kubectl {words} did not end within {SECONDS} s") from error
        if done.returncode and not refusal:
            raise HarnessError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stderr + done.stdout
