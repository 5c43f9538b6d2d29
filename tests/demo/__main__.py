"""The command line: `python -m demo up | down | run | uninstall | status`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from demo import ground, play, run, uninstall
from demo.operator_process import OperatorProcess
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; 0 if it did what it says, 1 with a sentence if not."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name, verb, words in (
        ("up", _up, "play the demo on a fresh cluster, which stays up"),
        ("down", _down, "end the demo's cluster and operator"),
        ("status", _status, "say whether they run, and where to look"),
        ("run", run.run, "run the operator against $KUBECONFIG as the shipped ServiceAccount"),
        ("uninstall", uninstall.uninstall, "take everything of the operator from $KUBECONFIG"),
    ):
        verbs.add_parser(name, help=words, description=words).set_defaults(verb=verb)
    chosen: Callable[[], int] = parser.parse_args(arguments).verb
    try:
        return chosen()
    except HarnessError as error:
        sys.stdout.flush()
        print(f"\nerror: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; `make demo-down` ends what the demo left running", file=sys.stderr)
        return INTERRUPTED


def _up() -> int:
    play.up()
    return 0


def _down() -> int:
    if not ground.down(print):
        print("the demo was not up")
    return 0


def _status() -> int:
    cluster = ground.find()
    operator = OperatorProcess.of(cluster.folder)
    pid = operator.pid
    print(f"cluster   Kubernetes {cluster.world}, export KUBECONFIG={cluster.kubeconfig}")
    print(f"operator  {f'process {pid}' if pid else 'does not run'}, log {operator.log}")
    return 0 if pid else 1


if __name__ == "__main__":
    sys.exit(main())
