from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from coder_cva.desired.admission import build_admission
from coder_cva.desired.disruption import build_disruption_budget
from coder_cva.desired.networking import build_network_policies
from coder_cva.desired.placement import placement
from support import builders as b
from support.coder_manifests import chart_coderd
from support.deployments import adopted, managed
from support.workspace_manifests import (
    devcontainer_deployment,
    envbox_pod,
    seed_pod,
    workspace_deployment,
)

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
FAST = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "fast"},
    "provisioner": "ebs.csi.aws.com",
}
OTHERS = [
    b.node("control-plane-1", b.CONTROL_PLANE, zone="a"),
    b.node("workspaces-1", b.WORKSPACES, zone="a"),
    b.node("workspaces-2", b.WORKSPACES, zone="b"),
    b.namespace("dev", annotations={"cva.coder.com/deployment": "coder/coder"}),
    FAST,
    *b.all_running(
        [
            workspace_deployment("one"),
            devcontainer_deployment("two", "dev"),
            envbox_pod("three"),
            seed_pod("four"),
        ]
    ),
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "app", "namespace": "dev"},
        "spec": {
            "selector": {"app.kubernetes.io/name": "coder-workspace"},
            "ports": [{"port": 80, "targetPort": 8888}],
        },
    },
]


def resource(make: Any) -> dict[str, Any]:
    made: dict[str, Any] = make("coder")
    made["spec"]["workspaces"]["storage"] = {
        "storageClassName": "fast",
        "minSize": "5Gi",
        "maxSize": "500Gi",
    }
    made["spec"]["workspaces"]["nodePool"]["tolerations"] = [
        {"key": "coder.com/workspaces", "operator": "Exists", "effect": "NoSchedule"}
    ]
    return made


SCENARIOS = {
    "managed": (resource(managed), OTHERS),
    "adopted": (resource(adopted), [*OTHERS, *b.all_running(chart_coderd(replicas=3))]),
}


def rendered(world: World) -> str:
    """Everything that the builders make of a world, as one text."""
    parts = [
        one(world) for one in (build_network_policies, build_disruption_budget, build_admission)
    ]
    told = {
        "placement": placement(world),
        "withheld": [f"{one.reason}: {one.message}" for part in parts for one in part.withheld],
        "previews": [
            {"rule": one.rule, "message": one.message, "resources": list(one.resources)}
            for part in parts
            for one in part.previews
        ],
    }
    documents = [told, *(one for part in parts for one in part.objects)]
    return yaml.dump_all(documents, Dumper=Readable, sort_keys=False, width=1000)


class Readable(yaml.SafeDumper):
    """Expressions of several lines stand as they are; nothing is abbreviated by reference."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature is yaml's
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Readable.add_representer(str, _text)


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_rendered_is_what_was_reviewed(name: str) -> None:
    """A change of any rendered byte is a change of a file that a reviewer reads.

    ``GOLDEN=write pytest tests/unit/desired`` writes the files anew.
    """
    spec, manifests = SCENARIOS[name]
    text, path = rendered(b.world(spec, manifests)), GOLDEN / f"{name}.yaml"
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SCENARIOS)
@given(st.randoms())
@settings(max_examples=25)
def test_equal_clusters_give_equal_bytes(name: str, random: Any) -> None:
    """However the objects were listed, what is rendered is the same."""
    spec, manifests = SCENARIOS[name]
    shuffled = [*manifests]
    random.shuffle(shuffled)
    assert rendered(b.world(spec, shuffled)) == rendered(b.world(spec, manifests))
