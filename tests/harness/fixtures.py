"""pytest's view of the harness: `pytest_plugins = ["harness.fixtures"]`."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from harness.factory import cluster as new_cluster
from harness.versions import NEWEST, OLDEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube import Kube
    from harness.provider import Provider

_KEPT = pytest.StashKey[list[str]]()
_FROM_WORKER = "coder_cva_logs"


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """A cluster of the newest world for the whole test run."""
    with _running(request, NEWEST) as running:
        yield running


@pytest.fixture(scope="session")
def old_cluster(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """A cluster of the oldest world: it serves no MutatingAdmissionPolicy."""
    with _running(request, OLDEST) as running:
        yield running


@pytest.fixture(scope="session")
def kube(cluster: Provider) -> Kube:
    """The administrator's client of `cluster`."""
    return cluster.kube


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """A namespace of the test's own, deleted in the background afterwards."""
    name = kube.namespace()
    yield name
    kube.delete(kube.get("Namespace", name))


@contextmanager
def _running(request: pytest.FixtureRequest, world: str) -> Iterator[Provider]:
    started = new_cluster(world)
    try:
        # Building from cold takes minutes: its progress must not be captured.
        capture = request.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            started.up()
        yield started
    finally:
        kept = started.down(keep_logs=bool(request.session.testsfailed))
        if kept:
            request.config.stash[_KEPT].append(str(kept))


def pytest_configure(config: pytest.Config) -> None:
    """Begin to remember where logs were kept."""
    config.stash[_KEPT] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand on what a worker of pytest-xdist kept: its own output is not shown."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_FROM_WORKER] = session.config.stash[_KEPT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker kept; one that crashed has no output."""
    node.config.stash[_KEPT] += getattr(node, "workeroutput", {}).get(_FROM_WORKER, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name the folders of the clusters' logs after a failure."""
    for path in config.stash[_KEPT]:
        terminalreporter.write_line(f"the cluster's logs are in {path}")
