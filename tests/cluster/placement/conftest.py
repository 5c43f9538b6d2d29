"""Policies of the builders in force on a cluster without an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.admission import Armed, arm
from support.deployments import managed
from support.placing import NODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube import Kube
    from harness.provider import Provider


@pytest.fixture(scope="module")
def kube(either_world: Provider) -> Kube:
    return either_world.kube


@pytest.fixture(scope="module")
def armed(kube: Kube) -> Iterator[Armed]:
    """A managed Coder with both pools required."""
    made = arm(kube, managed(kube.namespace("coder")), NODES)
    yield made
    made.disarm()


@pytest.fixture
def fresh(kube: Kube) -> Iterator[Armed]:
    """The same for one test, which may change it."""
    made = arm(kube, managed(kube.namespace("coder")), NODES)
    yield made
    made.disarm()
