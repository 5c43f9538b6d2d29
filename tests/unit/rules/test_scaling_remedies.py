from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from coder_cva.rules import scaling_remedies
from coder_cva.snapshot.parse_cluster import node
from coder_cva.snapshot.records_scaling import Limit
from coder_cva.snapshot.scaling import Group, Scaler
from support import builders

if TYPE_CHECKING:
    from coder_cva.snapshot.records import Node

POOL = {"b": "2", "a": "1"}


def made(labels: Any = None, annotations: Any = None) -> Node:
    body = builders.node("n1", labels=labels)
    body["metadata"]["annotations"] = annotations or {}
    found = node(body)
    assert found is not None
    return found


def group(scaler: Scaler, name: str = "ns/x", **rest: Any) -> Group:
    return Group(scaler, "key", name, f"group {name}", "words", size=3, least=1, **rest)


@pytest.mark.parametrize(
    ("key", "still", "growing"),
    [
        (
            "eks.amazonaws.com/nodegroup",
            "aws eks update-nodegroup-config --cluster-name CLUSTER --nodegroup-name web --scaling-config minSize=3,maxSize=3",
            "minSize=1,maxSize=9",
        ),
        (
            "alpha.eksctl.io/nodegroup-name",
            "eksctl scale nodegroup --cluster=CLUSTER --name=web --nodes-min=3 --nodes-max=3",
            "--nodes-min=1 --nodes-max=9",
        ),
        (
            "cloud.google.com/gke-nodepool",
            "gcloud container clusters update CLUSTER --node-pool=web --no-enable-autoscaling",
            "--enable-autoscaling --total-min-nodes=1 --total-max-nodes=9",
        ),
        (
            "kubernetes.azure.com/agentpool",
            "--cluster-name CLUSTER --name web --disable-cluster-autoscaler",
            "--enable-cluster-autoscaler --min-count 1 --max-count 9",
        ),
        (
            "kops.k8s.io/instancegroup",
            "kops edit instancegroup web, minSize: 3 and maxSize: 3",
            "minSize: 1 and maxSize: 9",
        ),
        (
            "doks.digitalocean.com/node-pool-id",
            "doctl kubernetes cluster node-pool update CLUSTER web --auto-scale=false --count=3",
            "--auto-scale --min-nodes=1 --max-nodes=9",
        ),
        ("purpose", "smallest and the largest size of group ns/x to 3 both", "to 1 and 9"),
    ],
)
def test_the_command_is_the_providers_own(key: str, still: str, growing: str) -> None:
    """By the label that names the group; where there is none the change is said in words."""
    there, of_status = made({key: "web"}), group(Scaler.CLUSTER_AUTOSCALER)

    assert still in scaling_remedies.keep_size(of_status, [there], POOL)
    assert growing in scaling_remedies.let_grow(of_status, there, 9)


def test_a_cluster_that_its_nodes_name_is_named() -> None:
    labels = {"eks.amazonaws.com/nodegroup": "web", "alpha.eksctl.io/cluster-name": "prod"}

    said = scaling_remedies.keep_size(group(Scaler.CLUSTER_AUTOSCALER), [made(labels)], POOL)

    assert "--cluster-name prod" in said


@pytest.mark.parametrize(
    ("one", "patch"),
    [
        (Limit("cpu", 8000, 8000), {"cpu": "16"}),
        (Limit("memory", 0, 1024**3), {"memory": "2Gi"}),
        (Limit("nodes", 5, 5), {"nodes": "10"}),
        (Limit("nvidia.com/gpu", 0, 0), {"nvidia.com/gpu": "2"}),
    ],
)
def test_limits_that_are_used_up_are_doubled(one: Limit, patch: dict[str, str]) -> None:
    """In the units of the resource, as one patch."""
    full = group(Scaler.KARPENTER, "ws", grows=True, full=True, limits=(one,))

    said = scaling_remedies.let_grow(full, None, 9)

    assert said.startswith("kubectl patch nodepool ws --type=merge -p '")
    assert json.loads(said.split("'")[1]) == {"spec": {"limits": patch}}


def test_a_machine_set_gets_an_autoscaler_of_its_own() -> None:
    """The whole object, to be applied as it stands."""
    there = made(annotations={"machine.openshift.io/machine": "openshift-machine-api/set-a-x1"})

    said = scaling_remedies.bring_under_autoscaler(there, 2, 9)

    body = yaml.safe_load(said.partition(":\n")[2])
    assert body["metadata"] == {"name": "set-a", "namespace": "openshift-machine-api"}
    assert body["spec"]["scaleTargetRef"]["name"] == "set-a"
    assert (body["spec"]["minReplicas"], body["spec"]["maxReplicas"]) == (2, 9)


def test_without_a_providers_label_the_change_is_said_in_words() -> None:
    said = scaling_remedies.bring_under_autoscaler(made(), 2, 9)

    assert said == "have cluster-autoscaler scale its group between 2 and 9"


def test_nodes_are_held_by_the_labels_of_their_pool() -> None:
    """Each autoscaler by its own annotation; a command that names a hundred nodes nobody reads."""
    status, karpenter = group(Scaler.CLUSTER_AUTOSCALER), group(Scaler.KARPENTER, "ws", grows=True)
    by_labels = "kubectl annotate node -l a=1,b=2"

    held = f"Until then: {by_labels} cluster-autoscaler.kubernetes.io/scale-down-disabled=true"
    assert scaling_remedies.keep_size(status, [made()], POOL).endswith(held)
    held = f"Until then: {by_labels} karpenter.sh/do-not-disrupt=true"
    assert scaling_remedies.keep_size(karpenter, [made()], POOL).endswith(held)
