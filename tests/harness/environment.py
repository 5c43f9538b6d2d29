"""The one place where the harness looks at the environment."""

from __future__ import annotations

import os

CLUSTER = "CVA_CLUSTER"
BINARIES = "CVA_BINARIES"
KUBECONFIG = "CVA_KUBECONFIG"
YES = "CVA_YES"
KIND_PROVIDER = "KIND_EXPERIMENTAL_PROVIDER"
"""kind's own variable: which container runtime makes its nodes."""


def variable(name: str) -> str:
    """The value of a variable; unset is the same as empty."""
    return os.environ.get(name, "")


def for_child(**more: str) -> dict[str, str]:
    """Our environment with some variables changed, for a program that we start."""
    return {**os.environ, **more}
