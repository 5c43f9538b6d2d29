"""Fixtures that all tests share, how long a property test may take, and which tests begin."""

import pytest
from hypothesis import Phase, settings

pytest_plugins = ["harness.fixtures"]

# A machine that builds a cluster beside the tests is slow at times: that is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
# Run hundreds of times by `make mutants`: few examples, always the same, and no search for the shortest.
settings.register_profile(
    "mutants",
    deadline=None,
    max_examples=25,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits for clusters begins, the longest first: else one worker waits for it alone at the end.

    Everything else keeps its random order.
    """
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    marks = {one.name for one in item.iter_markers()}
    return ("cluster" not in marks) + ("slow" not in marks)
