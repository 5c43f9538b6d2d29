"""Who would not fit onto the pool is told while it still runs elsewhere."""

from __future__ import annotations

from typing import Any

from coder_cva.desired.fit_previews import previews
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from support import builders as b
from support.coder_manifests import chart_coderd
from support.deployments import adopted
from support.workspace_manifests import workspace_deployment, workspace_id

STRAY = b.node("stray", "stray", cpu="64", memory="256Gi")


def large(name: str, **requests: str) -> Any:
    """A workspace that asks for this much."""
    made = workspace_deployment(name)
    container = made[-1]["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"requests": requests, "limits": requests}
    return made


def told(*manifests: Any, placement: str = "Auto", rules: Any = None, **rest: Any) -> list[Any]:
    """The previews of an adopted Coder; everything runs on the stray node."""
    cr = adopted("coder")
    cr["spec"]["workspaces"]["nodePool"]["placement"] = placement
    cr["spec"]["enforcement"] = {"rules": rules or {}}
    running = b.all_running(manifests, nodes=["stray"])
    pool = b.node("workspaces-1", b.WORKSPACES, cpu="8", memory="32Gi")
    return list(previews(b.world(cr, STRAY, pool, running, **rest)))


def test_a_workspace_that_no_node_of_the_pool_could_hold_is_named() -> None:
    """With what it asks for; others are not."""
    (only,) = told(large("big", cpu="16", memory="16Gi"), large("small", cpu="1", memory="1Gi"))

    assert only.rule == "CVA-NODE-005"
    (pod,) = only.resources
    assert pod.startswith(f"Pod coder/coder-{workspace_id('big')}")
    assert pod.endswith("(16 CPU, 16Gi)")
    assert "placement: Preferred" in only.message
    assert only.hits == ()


def test_devices_that_the_pool_lacks_do_not_fit_either() -> None:
    """Nor does more memory than a node has."""
    (only,) = told(
        large("gpu", cpu="1", memory="1Gi", **{"nvidia.com/gpu": "1"}),
        large("fat", cpu="1", memory="64Gi"),
    )

    assert len(only.resources) == 2
    assert any("nvidia.com/gpu" in one for one in only.resources)


def test_silence_where_nobody_would_be_bound() -> None:
    """Preferred, Off, nodes that cannot be read, a pool without nodes."""
    big = large("big", cpu="16", memory="16Gi")

    assert told(big, placement="Preferred") == []
    assert told(big, rules={"CVA-NODE-005": "Off"}) == []
    assert previews(b.world(adopted("coder"), STRAY, b.all_running(big, nodes=["stray"]))) == ()
    blind = b.world(adopted("coder"), unavailable={Need.NODES: Absence.FORBIDDEN})
    assert previews(blind) == ()


def test_coderd_is_told_where_the_spec_requires_its_pool() -> None:
    """The guard of Auto looks for room itself."""
    cr = adopted("coder")
    coderd = b.all_running(chart_coderd(), nodes=["stray"])
    small = b.node("control-plane-1", b.CONTROL_PLANE, cpu="1", memory="1Gi")
    assert previews(b.world(cr, STRAY, small, coderd)) == ()

    cr["spec"]["controlPlane"]["nodePool"]["placement"] = "Required"
    (only,) = previews(b.world(cr, STRAY, small, coderd))

    assert (only.rule, only.resources) == ("CVA-NODE-003", ("Deployment coder/coder",))
