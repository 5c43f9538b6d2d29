"""pytest's view of the harness: `pytest_plugins = ["harness.fixtures"]`.

Every cluster of a test run is held by `running`, so that its logs are kept when something failed.
What the chosen kind of cluster cannot do (`Unsupported`) skips the test with the error's sentence;
on the native cluster, which can do everything, it stays an error.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from harness import environment, factory
from harness.errors import HarnessError, Unsupported
from harness.versions import NEWEST, OLDEST

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from harness.kube import Kube
    from harness.provider import Provider

    Cluster = TypeVar("Cluster", bound=Provider)

_KEPT = pytest.StashKey[list[str]]()
_FROM_WORKER = "coder_cva_logs"


@contextmanager
def running(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Cluster]:
    """Start a cluster and end it; its logs are kept if a test failed meanwhile, or the block did.

    Args:
        request: of the fixture or the test that needs the cluster.
        cluster: one that has not been started.
    """
    failures = request.session.testsfailed
    is_broken = True
    try:
        # Building from cold takes minutes: its progress must not be captured.
        capture = request.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            cluster.up()
        yield cluster
        is_broken = False
    except (pytest.skip.Exception, Unsupported):
        is_broken = False
        raise
    finally:
        has_failed = is_broken or request.session.testsfailed > failures
        kept = cluster.down(keep_logs=has_failed)
        if kept:
            request.config.stash[_KEPT].append(str(kept))


@contextmanager
def own_cluster(
    request: pytest.FixtureRequest,
    world: str = NEWEST,
    *,
    audit: bool = False,
    apiserver: Sequence[str] = (),
) -> Iterator[Provider]:
    """A cluster that a test may break, for the length of the block; see `factory.own_cluster`."""
    started = factory.own_cluster(world, audit=audit, apiserver=apiserver)
    with running(request, started) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """A cluster of the newest world for the whole test run."""
    with running(request, factory.cluster(NEWEST)) as started:
        yield started


@pytest.fixture(scope="session")
def old_cluster(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """A cluster of the oldest world: it serves no MutatingAdmissionPolicy."""
    with running(request, factory.cluster(OLDEST)) as started:
        yield started


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


def pytest_configure(config: pytest.Config) -> None:
    """Begin to remember where logs were kept."""
    config.stash[_KEPT] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is about the native cluster where another kind is chosen."""
    try:
        kind = factory.chosen()
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from None
    if kind == factory.NATIVE:
        return
    reason = f"about the native cluster: unset {environment.CLUSTER}"
    for item in items:
        if item.get_closest_marker("native"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Skip a test whose fixtures ask for what the chosen kind of cluster cannot do."""
    with _unsupported_is_skipped(item):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Skip a test that asks for what the chosen kind of cluster cannot do."""
    with _unsupported_is_skipped(item):
        yield


@contextmanager
def _unsupported_is_skipped(item: pytest.Item) -> Iterator[None]:
    try:
        yield
    except Unsupported as error:
        is_excused = item.get_closest_marker("cluster") and factory.chosen() != factory.NATIVE
        if not is_excused:
            raise
        pytest.skip(str(error))


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
