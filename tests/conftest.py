"""Fixtures that all tests share, and how long a property test may take."""

from hypothesis import settings

pytest_plugins = ["harness.fixtures"]

# A machine that builds a cluster beside the tests is slow at times: that is no failure.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
