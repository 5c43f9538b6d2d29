from __future__ import annotations

from coder_cva.desired.volume_previews import previews as volume_previews
from support import builders as b
from support.deployments import adopted, managed
from support.workspace_manifests import envbox_pod, workspace_deployment


def test_whom_a_refusal_would_hit_is_told_before_it_takes_effect() -> None:
    """Workspaces with volumes of their node are named while they are only warned about."""
    running = b.all_running([envbox_pod("box"), workspace_deployment("dev")])
    for spec in (managed("coder"), adopted("coder")):
        (preview,) = volume_previews(b.world(spec, b.pools(), running))
        assert preview.rule == "CVA-STO-004"
        assert preview.resources == ("Pod coder/coder-alice-box",)


def test_nothing_is_foretold_where_nothing_would_be_hit() -> None:
    """Without such workspaces, with the rule Off, or with the refusal in force, there is no preview."""
    box = b.all_running([envbox_pod("box")])
    denied, off = managed("coder"), managed("coder")
    denied["spec"]["workspaces"]["storage"] = {"hostVolumes": "Deny"}
    off["spec"]["enforcement"] = {"rules": {"CVA-STO-004": "Off"}}
    assert volume_previews(b.world(managed("coder"), b.pools())) == ()
    assert volume_previews(b.world(denied, b.pools(), box)) == ()
    assert volume_previews(b.world(off, b.pools(), box)) == ()
