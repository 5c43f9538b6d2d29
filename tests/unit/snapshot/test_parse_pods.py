import pytest

from coder_cva.snapshot import parse_pods
from coder_cva.snapshot.parse_pods import pod
from coder_cva.snapshot.records import Meta, Pod
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
    assert shape.host_images == ("ghcr.io/coder/envbox:latest",)
    assert shape.volume_types == ("emptyDir", "hostPath", "persistentVolumeClaim")
    assert shape.privileged


def test_an_ephemeral_volume_is_a_claim_of_its_pods_name() -> None:
    """Kubernetes makes it for the Pod, so a template has none yet."""
    spec = {
        "volumes": [
            {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
            {"name": "home", "persistentVolumeClaim": {"claimName": "home"}},
        ]
    }
    shape = read(builders.pod("dev", spec=spec)).shape
    template = parse_pods.shape(spec, Meta(name=""))

    assert (shape.claims, shape.own_claims) == (("dev-scratch", "home"), ("dev-scratch",))
    assert (template.claims, template.own_claims) == (("home",), ())


CLAIM = {"name": "home", "persistentVolumeClaim": {"claimName": "home"}}
MOUNT = {"name": "home", "mountPath": "/home/coder"}


@pytest.mark.parametrize(
    ("volume", "containers", "expected"),
    [
        (CLAIM, {"containers": [{"volumeMounts": [MOUNT]}]}, ("persistentVolumeClaim",)),
        (CLAIM, {"containers": [{"volumeDevices": [MOUNT]}]}, ("persistentVolumeClaim",)),
        (CLAIM, {"containers": [{}]}, ()),
        (CLAIM, {"containers": [{"volumeMounts": [{**MOUNT, "name": "other"}]}]}, ()),
        (CLAIM, {"containers": [{"volumeMounts": [{**MOUNT, "readOnly": True}]}]}, ()),
        (CLAIM, {"initContainers": [{"volumeMounts": [MOUNT]}]}, ()),
        (
            CLAIM,
            {"initContainers": [{"restartPolicy": "Always", "volumeMounts": [MOUNT]}]},
            ("persistentVolumeClaim",),
        ),
        (
            {"name": "home", "persistentVolumeClaim": {"claimName": "home", "readOnly": True}},
            {"containers": [{"volumeMounts": [MOUNT]}]},
            (),
        ),
        ({"name": "home"}, {"containers": [{"volumeMounts": [MOUNT]}]}, ("emptyDir",)),
    ],
)
def test_what_is_written_to_is_mounted_for_writing_by_a_container_that_stays(
    volume: dict[str, object], containers: dict[str, object], expected: tuple[str, ...]
) -> None:
    """A volume that is only listed keeps nothing, nor does one that is only read or only prepared."""
    body = builders.pod("dev", spec={"containers": [{}], "volumes": [volume], **containers})

    assert read(body).shape.written_types == expected


def test_devices_are_asked_for_by_limits_and_by_resource_claims() -> None:
    """Extended resources are qualified by a domain; CPU, memory and storage are none."""
    limits = {"cpu": "2", "memory": "2Gi", "nvidia.com/gpu": 1, "amd.com/gpu": "0"}
    spec = {
        "initContainers": [{"resources": {"limits": {"example.com/fpga": "1"}}}],
        "containers": [{"resources": {"limits": limits}}],
    }
    shape = read(builders.pod("dev", spec=spec)).shape
    claiming = read(builders.pod("dev", spec={"resourceClaims": [{"name": "gpu"}]})).shape

    assert shape.devices == ("example.com/fpga", "nvidia.com/gpu")
    assert not shape.claims_devices
    assert (claiming.devices, claiming.claims_devices) == ((), True)


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
    meta = {**template["metadata"], "name": "a"}
    body: dict[str, object] = {"metadata": meta, "spec": {"containers": containers}}

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


@pytest.mark.parametrize(
    ("condition", "since"),
    [
        ({"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-23T09:00:00Z"}, ""),
        (
            {"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-23T09:00:00Z"},
            "2026-11-23T09:00:00Z",
        ),
        (
            {"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-11-23T09:00:00Z"},
            "2026-11-23T09:00:00Z",
        ),
        ({"type": "Ready", "status": "False", "lastTransitionTime": 3}, ""),
        ({"type": "Ready", "status": "False"}, ""),
    ],
)
def test_since_when_a_pod_is_not_ready(condition: dict[str, object], since: str) -> None:
    """Only while it is not; a node that is lost makes it unknown."""
    body: dict[str, object] = {
        "metadata": {"name": "dev"},
        "status": {"conditions": [condition]},
    }
    assert read(body).unready_since == since
