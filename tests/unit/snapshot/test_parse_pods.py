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


def test_ports_of_the_node_that_lead_to_a_pod() -> None:
    """The container's port and protocol: there the connection arrives."""
    ports = [
        {"containerPort": 22, "hostPort": 2222},
        {"containerPort": 53, "hostPort": 53, "protocol": "UDP"},
        {"containerPort": 80},
    ]
    container = {"name": "main", "image": "nginx", "ports": ports}

    shape = read(builders.pod("a", spec={"containers": [container]})).shape

    assert shape.host_ports == ((22, "TCP"), (53, "UDP"))


def test_containers_beside_coders_own_that_declare_no_port() -> None:
    """Also lasting ones before it; not coderd itself, nor what ends before it starts."""
    template = builders.flat(coder_manifests.chart_coderd())[-1]["spec"]["template"]
    beside = [{"name": "vault", "image": "v"}, {"name": "web", "ports": [{"containerPort": 80}]}]
    before = [{"name": "proxy", "restartPolicy": "Always"}, {"name": "migrate"}]
    spec = {"containers": [*beside, *template["spec"]["containers"]], "initContainers": before}
    body = {**template, "metadata": {**template["metadata"], "name": "a"}, "spec": spec}

    assert read(body).shape.silent == ("proxy", "vault")


def test_of_others_no_container_is_noted() -> None:
    """Of ten thousand workspaces nobody asks for it."""
    assert read(workspace_pod("a")[1]).shape.silent == ()


def test_a_sidecar_beside_an_image_of_ones_own_is_told_apart() -> None:
    """Where the name label alone says whose Pod it is, Coder's image is still Coder's container."""
    template = coder_manifests.coder_k8s_coderd()["spec"]["template"]
    containers = [{"name": "vault", "image": "v"}, *template["spec"]["containers"]]
    body = {
        "metadata": {**template["metadata"], "name": "a"},
        "spec": {"containers": containers},
    }

    assert read(body).shape.silent == ("vault",)


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
        "pyroscope.io/port": "6060",
        "profiles.grafana.com/cpu.port_name": "http",
        "k8s.grafana.com/metrics.portNumber": "9090",
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "com.coder.user.email": "alice@example.com",
    }

    assert set(read(builders.pod("a", annotations=notes)).meta.annotations) == {
        "prometheus.io/scrape",
        "pyroscope.io/port",
        "profiles.grafana.com/cpu.port_name",
        "k8s.grafana.com/metrics.portNumber",
        "cluster-autoscaler.kubernetes.io/safe-to-evict",
        "karpenter.sh/do-not-disrupt",
    }
