"""The Lease between real processes, one of which is frozen and woken."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).resolve().parents[2]
TERMS = ("3", "2", "0.3")
"""Duration, deadline and retry in seconds: the real ones' proportions, in a test's time."""


class Candidate:
    """A process of tests/support/candidate.py."""

    def __init__(self, kubeconfig: Path, namespace: str, holder: str, folder: Path) -> None:
        self.out = folder / f"{holder}.out"
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "support.candidate", str(kubeconfig), namespace, holder, *TERMS],
                stdin=subprocess.PIPE,
                stdout=out,
                env={"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT / 'tests'}", "HOME": str(folder)},
            )  # fmt: skip

    @property
    def said(self) -> list[tuple[float, bool]]:
        """When it said what."""
        lines = self.out.read_text().splitlines()
        pairs = [line.split() for line in lines if line.count(" ") == 1]
        return [(float(at), holds == "1") for at, holds in pairs]

    @property
    def holds(self) -> bool:
        """What it said last."""
        said = self.said
        return bool(said) and said[-1][1]

    def signal(self, number: int) -> None:
        """Sends a signal to this process."""
        os.kill(self.process.pid, number)

    def leave(self) -> None:
        """Ends it cleanly."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(60)

    def kill(self) -> None:
        """Ends it without ado."""
        with contextlib.suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.close()
        self.process.kill()
        self.process.wait(60)


@pytest.fixture
def stand(
    cluster: Provider, namespace: str, tmp_path: Path
) -> Iterator[Callable[[str], Candidate]]:
    """Starts candidates; none is left behind."""
    started: list[Candidate] = []

    def start(holder: str) -> Candidate:
        started.append(Candidate(cluster.kubeconfig, namespace, holder, tmp_path))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def spans(said: list[tuple[float, bool]]) -> list[tuple[float, float]]:
    """The stretches of time in which a candidate said that it holds the Lease."""
    found: list[tuple[float, float]] = []
    start = None
    for at, holds in said:
        if holds and start is None:
            start = at
        if holds:
            end = at
        if not holds and start is not None:
            found.append((start, end))
            start = None
    return found if start is None else [*found, (start, end)]


def test_a_frozen_leader_that_wakes_up_does_not_act(
    stand: Callable[[str], Candidate], kube: Kube, namespace: str
) -> None:
    """The other one takes over; the woken one says no at once; never do both say yes."""
    first = stand("first")
    wait_for(lambda: first.holds, what="the first to hold the Lease")
    second = stand("second")
    wait_for(lambda: second.said, what="the second to stand")
    time.sleep(1)
    assert not any(holds for _, holds in second.said)

    first.signal(signal.SIGSTOP)
    wait_for(lambda: second.holds, what="the second to take over")
    woken = time.monotonic()
    first.signal(signal.SIGCONT)
    time.sleep(1)

    # A line that was being printed when it was stopped may come with its old time.
    after = [holds for at, holds in first.said if at > woken]
    assert after
    assert not any(after)
    for start, end in spans(first.said):
        assert not any(begun < end and start < ended for begun, ended in spans(second.said))
    lease = kube.get("Lease", "shared", namespace)
    assert lease["spec"]["holderIdentity"] == "second"
    assert lease["spec"]["leaseTransitions"] == 1


def test_a_clean_end_hands_over_before_the_lease_expires(
    stand: Callable[[str], Candidate], kube: Kube, namespace: str
) -> None:
    """Releasing saves the others the waiting."""
    first = stand("first")
    wait_for(lambda: first.holds, what="the first to hold the Lease")
    second = stand("second")
    wait_for(lambda: second.said, what="the second to stand")

    first.leave()

    lease = kube.get("Lease", "shared", namespace)
    assert lease["spec"].get("holderIdentity") != "first"
    wait_for(lambda: second.holds, what="the second to take over")


def test_the_leader_stops_while_the_api_server_is_frozen(
    cluster: Provider, stand: Callable[[str], Candidate]
) -> None:
    """Without renewals nobody acts; afterwards somebody does."""
    first = stand("first")
    wait_for(lambda: first.holds, what="the first to hold the Lease")
    cluster.freeze("kube-apiserver")
    try:
        wait_for(lambda: not first.holds, what="the leader to stop")
    finally:
        cluster.thaw("kube-apiserver")
    wait_for(lambda: first.holds, what="the leader to come back")
