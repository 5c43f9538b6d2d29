import pytest

from coder_cva.snapshot.parse_pods import pod
from coder_cva.snapshot.records import Pod
from support import builders, coder_manifests
from support.workspace_manifests import envbox_pod, workspace_id, workspace_pod


def read(body: dict[str, object]) -> Pod:
    """The record of a body that has a name."""
    found = pod(body)
    assert found is not None
    return found


def test_a_workspace_is_read_as_its_template_makes_it() -> None:
    """Agent, claim, volume types, requests, image: what rules ask of a workspace."""
    shape = read(builders.running(workspace_pod("dev")[1])).shape

    assert shape.agent
    assert shape.image == "codercom/enterprise-base:ubuntu"
    assert shape.claims == (f"coder-{workspace_id('dev')}-home",)
    assert shape.volume_types == ("persistentVolumeClaim",)
    assert (shape.cpu_request_millicores, shape.memory_request_bytes) == (250, 512 * 1024**2)
    assert not shape.privileged


def test_envbox_shows_what_it_takes_from_its_node() -> None:
    """Host paths, and that it is privileged."""
    shape = read(envbox_pod("dev")[1]).shape

    assert shape.host_paths == ("/lib/modules", "/usr/src")
    assert shape.volume_types == ("emptyDir", "hostPath", "persistentVolumeClaim")
    assert shape.privileged


def test_how_a_pod_fares() -> None:
    """Node, phase, readiness, and the scheduler's own words while it finds no node."""
    running = read(builders.running(builders.pod("a"), ["n1"]))
    waiting = read(builders.pending(builders.pod("a"), "0/3 nodes: too few CPUs"))

    assert (running.node, running.phase, running.ready, running.unschedulable) == (
        "n1",
        "Running",
        True,
        "",
    )
    assert (waiting.node, waiting.phase, waiting.ready) == ("", "Pending", False)
    assert waiting.unschedulable == "0/3 nodes: too few CPUs"  # fmt: skip


def test_a_gated_pod_is_not_unschedulable() -> None:
    """The scheduler has not looked at it yet."""
    body = builders.pending(builders.pod("a"))
    body["status"]["conditions"][0]["reason"] = "SchedulingGated"

    assert read(body).unschedulable == ""


@pytest.mark.parametrize(
    ("spec", "expected"),
    [({"serviceAccountName": "a"}, "a"), ({"serviceAccount": "b"}, "b"), ({}, "")],
)
def test_the_account_under_either_name(spec: dict[str, str], expected: str) -> None:
    """The API still writes the older field beside the newer one."""
    assert read(builders.pod("a", spec=spec)).shape.service_account == expected


def test_ports_of_coderd() -> None:
    """Name, number and protocol, sorted."""
    deployment = builders.flat(coder_manifests.chart_coderd(prometheus=True))[-1]
    body = builders.pod("a", spec=deployment["spec"]["template"]["spec"])

    assert read(body).shape.ports == (("http", 8080, "TCP"), ("prometheus-http", 2112, "TCP"))


def test_equal_scheduling_is_one_object() -> None:
    """Ten thousand Pods of one template hold one value."""
    first = read(workspace_pod("a", pod={"nodeSelector": {"pool": "x"}})[1])
    second = read(workspace_pod("b", pod={"nodeSelector": {"pool": "x"}})[1])

    assert first.shape.scheduling is second.shape.scheduling
    assert first.shape.scheduling.node_selector == {"pool": "x"}


def test_only_annotations_that_somebody_reads_are_kept() -> None:
    """Others may hold whole objects, with their secrets in them."""
    notes = {
        "prometheus.io/scrape": "true",
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "com.coder.user.email": "alice@example.com",
    }

    assert set(read(builders.pod("a", annotations=notes)).meta.annotations) == {
        "prometheus.io/scrape",
        "cluster-autoscaler.kubernetes.io/safe-to-evict",
        "karpenter.sh/do-not-disrupt",
    }
