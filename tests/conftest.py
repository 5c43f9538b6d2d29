"""Fixtures that all tests share, and how long a property test may take."""

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
