import pytest

from coder_cva.snapshot.model import Absence, Unavailable
from coder_cva.snapshot.needs import Need
from support import builders, coder_manifests
from support.deployments import adopted
from support.workspace_manifests import workspace_deployment, workspace_pod


def test_a_world_knows_its_coder() -> None:
    """From manifests to what is discovered, in one call."""
    world = builders.world(
        adopted("coder"),
        builders.pools(),
        builders.all_running(
            coder_manifests.chart_coderd(replicas=3), ["control-plane-1", "control-plane-2"]
        ),
        builders.all_running([workspace_deployment("a"), workspace_pod("b")]),
    )

    assert world.coderd is not None
    assert [one.node for one in world.coderd_pods] == [
        "control-plane-1",
        "control-plane-2",
        "control-plane-1",
    ]
    assert len(world.found.workspaces) == 2
    assert world.snapshot.missing() == {}


def test_an_impossible_world_is_refused() -> None:
    """A rule that passes on one proves nothing."""
    stray = builders.running(builders.pod("stray"), ["nowhere"])

    with pytest.raises(AssertionError, match=r"no cluster could show this: .*nowhere"):
        builders.world(adopted("coder"), stray)
    assert builders.world(adopted("coder"), stray, plausible=False).snapshot.items(Need.PODS)


def test_a_kind_can_be_kept_back() -> None:
    """It is unavailable with its reason, not empty."""
    world = builders.world(
        adopted("coder"), builders.pools(), unavailable={Need.NODES: Absence.FORBIDDEN}
    )

    assert world.snapshot.nodes == Unavailable(Absence.FORBIDDEN, "nodes is Forbidden")


def test_manifests_are_not_touched() -> None:
    """A manifest can be used in several worlds."""
    made = workspace_pod("a")
    before = repr(made)
    builders.world(adopted("coder"), builders.pools(), builders.all_running(made))

    assert repr(made) == before
