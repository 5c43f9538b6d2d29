"""Where the harness keeps things: built programs, named clusters, clusters of a test run."""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness import environment

APPLICATION = "coder-cva"
MANIFESTS = Path(__file__).parent / "manifests"


def cache() -> Path:
    """Programs built once and used by every cluster of this user."""
    return _base("XDG_CACHE_HOME", ".cache") / APPLICATION


def state() -> Path:
    """Named clusters, which outlive the command that started them."""
    return _base("XDG_STATE_HOME", ".local/state") / APPLICATION


def scratch() -> Path:
    """A new folder for a cluster that lives no longer than the process that asked for it."""
    return Path(tempfile.mkdtemp(prefix=f"{APPLICATION}-"))


def _base(variable: str, default: str) -> Path:
    value = environment.variable(variable)
    # The XDG specification: a relative path is invalid and is to be ignored.
    return Path(value) if value.startswith("/") else Path.home() / default
