"""Fixtures that all tests share, how long a property test may take, and which tests share a worker."""

import pytest
from hypothesis import settings

pytest_plugins = ["harness.fixtures"]

# A machine that builds a cluster beside the tests is slow at times: that is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

_SHARED = "unattended"
"""The fixture of a cluster that several files share."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """A file's tests run on one worker, so that a cluster of theirs is started once and not on each of them."""
    if item.get_closest_marker("xdist_group") is None:
        shares = _SHARED in getattr(item, "fixturenames", ())
        own = f"{item.path.parent.name}/{item.path.stem}"
        item.add_marker(pytest.mark.xdist_group(_SHARED if shares else own))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for clusters begins, the longest first: else one worker waits for it alone at the end.

    Everything else keeps its random order.
    """
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    marks = {one.name for one in item.iter_markers()}
    return ("cluster" not in marks) + ("slow" not in marks)
