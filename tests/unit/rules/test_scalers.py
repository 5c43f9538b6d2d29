"""Scalers on coderd: told once, by the clause whose matter they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.rules import scalers
from support import builders
from support.coder_manifests import chart_coderd
from support.deployments import adopted, managed

if TYPE_CHECKING:
    from coder_cva.rules.model import Finding

CODER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "coder"}
EVICTABLE = "cluster-autoscaler.kubernetes.io/safe-to-evict"


def made(api_version: str, kind: str, name: str, spec: Any, **metadata: Any) -> dict[str, Any]:
    """An object in coderd's namespace."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "coder", **metadata},
        "spec": spec,
    }


def keda(name: str = "load", **spec: Any) -> dict[str, Any]:
    """A ScaledObject on coderd."""
    return made("keda.sh/v1alpha1", "ScaledObject", name, {"scaleTargetRef": CODER, **spec})


def kedas_own(scaled: str = "load", least: int = 2, most: int = 5) -> dict[str, Any]:
    """The HorizontalPodAutoscaler that KEDA keeps for it."""
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": scaled, "uid": "u", "controller": True}  # fmt: skip
    spec = {"scaleTargetRef": CODER, "minReplicas": least, "maxReplicas": most}
    return made(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        f"keda-hpa-{scaled}",
        spec,
        ownerReferences=[owner],
    )


def vertical(mode: str | None = "Recreate", target: dict[str, str] = CODER, **metadata: Any) -> Any:
    """A VerticalPodAutoscaler on coderd."""
    policy = {} if mode is None else {"updatePolicy": {"updateMode": mode}}
    return made(
        "autoscaling.k8s.io/v1",
        "VerticalPodAutoscaler",
        "size",
        {"targetRef": target, **policy},
        **metadata,
    )


def world(*manifests: Any, **coderd: Any) -> Any:
    """An adopted coderd beside these."""
    there = builders.all_running([chart_coderd(replicas=3, **coderd)], ["control-plane-1"])
    return builders.world(adopted("coder"), builders.pools(), there, *manifests)


def found(*manifests: Any, **coderd: Any) -> list[Finding]:
    """What CVA-NODE-002 is told about it."""
    return scalers.findings(world(*manifests, **coderd))


def test_nobody_scales_coderd() -> None:
    """Nothing is told, of another's scalers neither."""
    other = {**CODER, "name": "web"}

    assert found(vertical(target=other), keda(scaleTargetRef=other)) == []
    assert found(vertical(target={**CODER, "kind": "StatefulSet"})) == []


def test_without_coderd_nothing_is_told() -> None:
    """There is nothing to scale."""
    bare = builders.world(adopted("coder"), builders.pools(), keda())

    assert scalers.findings(bare) == []
    assert scalers.horizontal(bare) == []


def test_a_scaled_object_without_an_autoscaler_is_told() -> None:
    """KEDA does not run, or has not made it yet; who applies it is named."""
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    one = keda(maxReplicaCount=5)
    one["metadata"]["labels"] = labels

    (finding,) = found(one)

    assert (finding.rule, finding.resource) == ("CVA-NODE-002", "ScaledObject coder/load")
    assert finding.observed == "Deployment coder, 0 to 5 replicas"
    assert finding.remedy == (
        "kubectl -n coder delete scaledobject load, and take it out of what Helm applies"
    )


def test_keda_and_its_autoscaler_are_told_once() -> None:
    """By CVA-CTL-001, with the ScaledObject in the remedy."""
    both = world(keda(minReplicaCount=2, maxReplicaCount=5), kedas_own())

    assert scalers.findings(both) == []
    (finding,) = scalers.horizontal(both)
    assert finding.rule == "CVA-CTL-001"
    assert finding.remedy == "kubectl -n coder delete scaledobject load"


def test_the_autoscaler_of_another_scaled_object_hides_nothing() -> None:
    """Each is known by its owner's name."""
    assert [one.resource for one in found(keda("night"), kedas_own("load"))] == [
        "ScaledObject coder/night"
    ]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"minReplicaCount": 3, "maxReplicaCount": 3}, False),
        ({"minReplicaCount": 3, "maxReplicaCount": 3, "idleReplicaCount": 0}, True),
        ({"minReplicaCount": 0, "maxReplicaCount": 1}, True),
        ({"minReplicaCount": 3, "maxReplicaCount": 4}, True),
    ],
)
def test_as_many_at_least_as_at_most_is_static(spec: dict[str, Any], told: bool) -> None:
    """To none KEDA scales by itself, also where its autoscaler knows but one number."""
    own = kedas_own(least=1, most=1)

    assert bool(found(keda(**spec), own)) is told
    assert scalers.horizontal(world(own)) == []


def test_a_paused_scaled_object_scales_nobody() -> None:
    """As somebody does before maintenance."""
    one = keda()
    one["metadata"]["annotations"] = {"autoscaling.keda.sh/paused-replicas": "3"}

    assert found(one) == []


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("Off", False),
        ("Initial", False),
        ("InPlace", False),
        ("Recreate", True),
        ("InPlaceOrRecreate", True),
        ("Auto", True),
        (None, True),
    ],
)
def test_a_vertical_autoscaler_is_told_where_it_evicts(mode: str | None, told: bool) -> None:
    """By its mode; the default evicts."""
    assert bool(found(vertical(mode))) is told


def test_the_remedy_of_a_vertical_autoscaler_is_a_patch() -> None:
    """It may go on recommending."""
    (finding,) = found(vertical(labels={"argocd.argoproj.io/instance": "platform"}))

    assert finding.resource == "VerticalPodAutoscaler coder/size"
    assert finding.observed == "Recreate, on Deployment coder"
    assert finding.remedy == (
        "kubectl -n coder patch verticalpodautoscaler size --type=merge -p "
        '\'{"spec":{"updatePolicy":{"updateMode":"Off"}}}\', and say the same in what Argo CD applies'
    )


def test_a_pod_that_says_itself_that_it_may_be_evicted() -> None:
    """In the values of the chart; what is not said is another matter."""
    (finding,) = found(pod_annotations={EVICTABLE: "true"})

    assert finding.resource == "Deployment coder/coder"
    assert EVICTABLE in finding.field
    assert finding.remedy.endswith(f"coder:\n  podAnnotations:\n    {EVICTABLE}: 'false'")
    assert found(pod_annotations={EVICTABLE: "false"}) == []
    assert found() == []


def test_a_managed_one_says_it_in_its_own_resource() -> None:
    """There the user's own annotation won over the operator's."""
    there = chart_coderd(replicas=3, pod_annotations={EVICTABLE: "true"}, managed_by="")
    owner = builders.uid_of("CoderDeployment", "coder", "coder")
    for one in there:
        one["metadata"]["labels"] = {
            "app.kubernetes.io/managed-by": "coder-cva-operator",
            "cva.coder.com/owner-uid": owner,
        }
    made_by_us = builders.world(
        managed("coder"), builders.pools(), builders.all_running(there, ["control-plane-1"])
    )

    (finding,) = scalers.findings(made_by_us)

    assert "in CoderDeployment coder/coder" in finding.remedy
    assert "podAnnotations" in finding.remedy


def test_an_owner_may_be_called_anything() -> None:
    """In a command each of its words is one word."""
    world = builders.world(adopted("coder"), *chart_coderd(replicas=3), kedas_own("load; reboot"))

    (finding,) = scalers.horizontal(world)

    assert "kubectl -n coder delete scaledobject 'load; reboot'" in finding.remedy
