"""What can go wrong in the harness, as errors whose text is meant for the person who runs it."""

from __future__ import annotations


class HarnessError(Exception):
    """A failure that a user can act on: the message says what happened and what to do."""


class Unsupported(HarnessError):
    """This kind of cluster cannot do what was asked of it."""
