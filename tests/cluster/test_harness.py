"""What the cluster harness promises, on real control planes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import control, ports
from harness.api import ApiError, Unreachable
from harness.errors import HarnessError
from harness.kube import Kube
from harness.native import NativeCluster
from harness.waiting import TimedOut, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.api import Object

pytestmark = pytest.mark.cluster

TESTS = Path(__file__).parent.parent

HOLDS_A_CLUSTER = """
from harness.native import NativeCluster
cluster = NativeCluster()
cluster.up()
print(cluster.folder, flush=True)
input()
"""


@contextmanager
def own(**options: object) -> Iterator[NativeCluster]:
    """A cluster for one test that breaks it."""
    cluster = NativeCluster(**options)  # type: ignore[arg-type]
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


def deployment(name: str, namespace: str, **pod: object) -> Object:
    """A Deployment of three Pods."""
    labels = {"app": name}
    spec = {"containers": [{"name": "main", "image": "registry.test/main:1"}], **pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def pod(name: str, namespace: str, *, annotations: Object | None = None, **spec: object) -> Object:
    """A Pod of one container."""
    containers = [{"name": "main", "image": "registry.test/main:1"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
        "spec": {"containers": containers, **spec},
    }


def claim(name: str, namespace: str, storage_class: str) -> Object:
    """A claim of one gibibyte."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def condition(seen: Object, kind: str) -> str:
    """The status of one condition, or an empty text."""
    conditions = seen.get("status", {}).get("conditions", [])
    return next((c["status"] for c in conditions if c["type"] == kind), "")


def is_ready(seen: Object) -> bool:
    """Whether a Pod or a Node is ready."""
    return condition(seen, "Ready") == "True"


def is_available(seen: Object) -> bool:
    """Whether all three Pods of the Deployment above are."""
    return bool(seen.get("status", {}).get("availableReplicas") == 3)


def processes_of(folder: Path) -> list[int]:
    """Every living process that was started for the cluster in this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_text()
            except OSError:
                continue
            if str(folder) in command:
                found.append(int(entry.name))
    return found


@pytest.fixture(scope="module")
def shared() -> Iterator[NativeCluster]:
    """A cluster with three nodes for the tests that break nothing for long."""
    with own() as cluster:
        cluster.nodes("node", 3)
        yield cluster


@pytest.fixture
def place(shared: NativeCluster) -> str:
    """A namespace of the shared cluster."""
    return shared.kube.namespace()


class TestLife:
    """How clusters begin and end."""

    def test_two_clusters_side_by_side(self) -> None:
        """Clusters started at the same time share nothing."""
        both = [NativeCluster(), NativeCluster()]
        try:
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(NativeCluster.up, both))
            ids = {c.kube.get("Namespace", "kube-system")["metadata"]["uid"] for c in both}
            assert len(ids) == 2
        finally:
            for cluster in both:
                cluster.down()

    def test_nothing_is_left_after_down(self) -> None:
        """After `down` neither a process nor a file of the cluster exists."""
        with own() as cluster:
            folder = cluster.folder
            assert len(processes_of(folder)) >= 5
        assert processes_of(folder) == []
        assert not folder.exists()

    def test_a_killed_owner_leaves_no_process(self) -> None:
        """SIGKILL of the process that holds a cluster ends every process of it."""
        owner = subprocess.Popen(
            [sys.executable, "-c", HOLDS_A_CLUSTER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
        )
        with owner:
            assert owner.stdout
            folder = Path(owner.stdout.readline().strip())
            assert len(processes_of(folder)) >= 5
            owner.kill()
        wait_for(lambda: not processes_of(folder), timeout=30)
        wait_for(lambda: [path.name for path in folder.iterdir()] == ["logs"], timeout=30)
        shutil.rmtree(folder)

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    def test_a_killed_supervisor_takes_its_children_along(self, number: signal.Signals) -> None:
        """However the supervisor ends, no component outlives it, not even a frozen one."""
        with own() as cluster:
            cluster.freeze("kwok")
            supervisor = control.ask(cluster.folder, "status")["supervisor"]
            components = {state["pid"] for state in cluster.status().values()}
            os.kill(supervisor, number)
            wait_for(lambda: not components & set(processes_of(cluster.folder)), timeout=30)

    def test_a_taken_port_is_exchanged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """When somebody is quicker with a port, the cluster starts with others."""
        with own() as first:
            taken = int(first.kube.api.access.server.rpartition(":")[2])
            choices = iter([[*ports.free(2), taken]])
            free = ports.free
            monkeypatch.setattr(ports, "free", lambda count: next(choices, None) or free(count))
            with own() as second:
                assert second.kube.get("/version")["major"] == "1"
                assert second.kube.api.access.server != first.kube.api.access.server

    def test_a_component_that_cannot_start(self) -> None:
        """The error names the component, shows its last words and the folder of all logs."""
        cluster = NativeCluster(apiserver=["--no-such-flag"])
        with pytest.raises(HarnessError, match=r"kube-apiserver ended with exit code \d+") as error:
            cluster.up()
        assert "unknown flag: --no-such-flag" in str(error.value)
        logs = Path(str(error.value).rpartition(" ")[2])
        assert (logs / "kube-apiserver.log").exists()
        shutil.rmtree(logs.parent)
        assert not cluster.alive


class TestFaults:
    """What breaks, breaks as asked, and comes back."""

    def test_freeze_and_thaw(self, shared: NativeCluster) -> None:
        """Requests to a frozen API server hang; after the thaw it answers again."""
        shared.freeze("kube-apiserver")
        with pytest.raises(Unreachable, match="timed out"):
            shared.kube.api.request("GET", "/readyz", timeout=1)
        assert shared.status()["kube-apiserver"]["state"] == "frozen"
        shared.thaw("kube-apiserver")
        assert shared.kube.get("/readyz") == "ok"

    def test_lost_etcd(self, shared: NativeCluster, place: str) -> None:
        """Without etcd nothing can be written; when it is back, what was written is there."""
        shared.kube.create(pod("before", place))
        shared.stop("etcd")
        with pytest.raises((ApiError, Unreachable)):
            shared.kube.api.request("DELETE", f"/api/v1/namespaces/{place}", timeout=2)
        shared.start("etcd")
        assert shared.kube.get("Pod", "before", place)["metadata"]["name"] == "before"

    def test_restarted_server_keeps_its_address(self, shared: NativeCluster, place: str) -> None:
        """Clients that hold on to a kubeconfig find the API server again after a restart."""
        held = Kube.of(shared.kubeconfig)
        shared.restart("kube-apiserver")
        assert held.get("Namespace", place)["metadata"]["name"] == place

    def test_no_controllers(self, shared: NativeCluster, place: str) -> None:
        """While kube-controller-manager is stopped, a Deployment makes no Pods."""
        shared.stop("kube-controller-manager")
        made = shared.kube.create(deployment("web", place))
        with pytest.raises(TimedOut):
            shared.kube.wait_for(lambda: shared.kube.list("pods", place), timeout=1)
        shared.start("kube-controller-manager")
        shared.kube.wait_until(made, is_available)

    def test_unknown_component(self, shared: NativeCluster) -> None:
        """A wrong name is answered with the right ones."""
        with pytest.raises(HarnessError, match=r"there is no component 'kubelet'.*kwok"):
            shared.stop("kubelet")


class TestPods:
    """Pods behave as if a kubelet ran them."""

    def test_a_deployment_becomes_available(self, shared: NativeCluster, place: str) -> None:
        """Pods are placed on nodes, start, and the Deployment is available."""
        made = shared.kube.create(deployment("web", place))
        shared.kube.wait_until(made, is_available)
        pods = shared.kube.list("pods", place, labels="app=web")
        assert all(one["spec"]["nodeName"].startswith("node-") for one in pods)
        assert len({one["status"]["podIP"] for one in pods}) == 3

    def test_deletion_completes(self, shared: NativeCluster, place: str) -> None:
        """A deleted Deployment takes its Pods along, whatever their grace period is."""
        made = shared.kube.create(deployment("web", place, terminationGracePeriodSeconds=3600))
        shared.kube.wait_until(made, is_available)
        shared.kube.delete(made)
        shared.kube.wait_for(lambda: not shared.kube.list("pods", place))

    def test_a_finalizer_holds_a_pod(self, shared: NativeCluster, place: str) -> None:
        """A Pod with a finalizer stays until the finalizer is removed."""
        manifest = pod("held", place)
        manifest["metadata"]["finalizers"] = ["harness.test/held"]
        held = shared.kube.wait_until(shared.kube.create(manifest), is_ready)
        shared.kube.delete(held)
        held = shared.kube.refresh(held)
        assert held["metadata"]["deletionTimestamp"]
        shared.kube.patch(held, {"metadata": {"finalizers": None}})
        shared.kube.wait_gone(held)

    def test_a_job_completes(self, shared: NativeCluster, place: str) -> None:
        """The Pods of a Job end, and the Job is complete."""
        template = pod("ignored", place, restartPolicy="Never")
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "once", "namespace": place},
            "spec": {"template": {"spec": template["spec"]}},
        }
        shared.kube.wait_until(
            shared.kube.create(job), lambda seen: condition(seen, "Complete") == "True"
        )

    @pytest.mark.parametrize(
        ("state", "phase", "reason"),
        [
            ("image-pull", "Pending", "ImagePullBackOff"),
            ("crashloop", "Running", "CrashLoopBackOff"),
            ("unready", "Running", ""),
            ("pending", "Pending", ""),
        ],
    )
    def test_a_troubled_pod(
        self, shared: NativeCluster, place: str, state: str, phase: str, reason: str
    ) -> None:
        """The annotation makes the trouble, and its removal ends it."""

        def troubled(seen: Object) -> bool:
            waiting = [
                one.get("state", {}).get("waiting", {}).get("reason")
                for one in seen["status"].get("containerStatuses", [])
            ]
            is_placed = condition(seen, "PodScheduled") == "True"
            at_rest = is_placed and seen["status"]["phase"] == phase and not is_ready(seen)
            return at_rest and (not reason or waiting == [reason])

        manifest = pod("ill", place, annotations={"harness.test/state": state})
        ill = shared.kube.wait_until(shared.kube.create(manifest), troubled)
        shared.kube.patch(ill, {"metadata": {"annotations": {"harness.test/state": None}}})
        shared.kube.wait_until(ill, is_ready)

    def test_a_healthy_pod_falls_ill(self, shared: NativeCluster, place: str) -> None:
        """The annotation may come later: a ready Pod becomes unready."""
        well = shared.kube.wait_until(shared.kube.create(pod("well", place)), is_ready)
        shared.kube.patch(well, {"metadata": {"annotations": {"harness.test/state": "unready"}}})
        shared.kube.wait_until(well, lambda seen: not is_ready(seen))

    def test_readiness_gates(self, shared: NativeCluster, place: str) -> None:
        """A Pod with a readiness gate is ready when somebody opens the gate."""
        gates = [{"conditionType": "harness.test/open"}]
        gated = shared.kube.create(pod("gated", place, readinessGates=gates))
        shared.kube.wait_until(gated, lambda seen: condition(seen, "ContainersReady") == "True")
        assert not is_ready(shared.kube.refresh(gated))
        opened = {"type": "harness.test/open", "status": "True"}
        change = {"status": {"conditions": [opened]}}
        shared.kube.patch(gated, change, subresource="status", how="strategic")
        shared.kube.wait_until(gated, is_ready)


class TestVolumes:
    """Claims are bound as by a provisioner."""

    def test_immediate(self, shared: NativeCluster, place: str) -> None:
        """A claim of an Immediate class is bound at once; its deletion removes the volume."""
        bound = shared.kube.wait_until(
            shared.kube.create(claim("now", place, "immediate")),
            lambda seen: seen["status"].get("phase") == "Bound",
        )
        volume = shared.kube.get("PersistentVolume", bound["spec"]["volumeName"])
        assert volume["spec"]["capacity"] == {"storage": "1Gi"}
        shared.kube.delete(bound)
        shared.kube.wait_gone(volume)

    def test_wait_for_first_consumer(self, shared: NativeCluster, place: str) -> None:
        """A claim of a WaitForFirstConsumer class is bound when a Pod wants it, then the Pod runs."""
        waiting = shared.kube.create(claim("later", place, "standard"))
        with pytest.raises(TimedOut):
            shared.kube.wait_until(waiting, lambda seen: seen["spec"].get("volumeName"), timeout=1)
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "later"}}]
        consumer = shared.kube.create(pod("consumer", place, volumes=volumes))
        shared.kube.wait_until(consumer, is_ready)
        assert shared.kube.refresh(waiting)["status"]["phase"] == "Bound"

    def test_a_class_of_the_tests_own(self, shared: NativeCluster, place: str) -> None:
        """Whatever provisioner a class names, its claims are bound."""
        own_class = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": place},
            "provisioner": "disk.somewhere.test",
        }
        shared.kube.create(own_class)
        shared.kube.wait_until(
            shared.kube.create(claim("any", place, place)),
            lambda seen: seen["status"].get("phase") == "Bound",
        )
        shared.kube.delete(own_class)


class TestNodes:
    """Nodes come, fail, heal and go."""

    def test_labels_taints_and_capacity(self, shared: NativeCluster, place: str) -> None:
        """A tainted pool takes only Pods that tolerate it and fit."""
        (name,) = shared.nodes(
            "pool",
            labels={"harness.test/tier": "gold"},
            taints=["harness.test/only=gold:NoSchedule"],
            capacity={"cpu": "2"},
        )
        toleration = {"key": "harness.test/only", "operator": "Exists"}
        wish = {"nodeSelector": {"harness.test/tier": "gold"}}
        refused = shared.kube.create(pod("refused", place, **wish))
        placed = shared.kube.create(pod("placed", place, tolerations=[toleration], **wish))
        placed = shared.kube.wait_until(placed, is_ready)
        assert placed["spec"]["nodeName"] == name
        assert placed["status"]["hostIP"] == placed["status"]["hostIPs"][0]["ip"]
        shared.kube.wait_until(refused, lambda seen: condition(seen, "PodScheduled") == "False")
        assert shared.kube.get("Node", name)["status"]["allocatable"]["cpu"] == "2"
        shared.remove_node(name)

    def test_a_removed_node(self, shared: NativeCluster, place: str) -> None:
        """The Pods of a removed node start on another."""
        made = shared.kube.wait_until(shared.kube.create(deployment("web", place)), is_available)
        name = shared.kube.list("pods", place)[0]["spec"]["nodeName"]
        shared.remove_node(name)
        shared.kube.wait_until(made, is_available)
        assert all(one["spec"]["nodeName"] != name for one in shared.kube.list("pods", place))
        assert shared.nodes("node") == [name]

    def test_a_failed_node(self, shared: NativeCluster, place: str) -> None:
        """Its Pods are not ready and cannot even end; when it heals, both is made up for."""
        (name,) = shared.nodes("weak", labels={"harness.test/tier": "weak"})
        wish = {"nodeSelector": {"harness.test/tier": "weak"}}
        stays, ends = (shared.kube.create(pod(which, place, **wish)) for which in ("a", "b"))
        for one in (stays, ends):
            shared.kube.wait_until(one, is_ready)
        shared.fail_node(name)
        assert not is_ready(shared.kube.get("Node", name))
        shared.kube.wait_until(stays, lambda seen: not is_ready(seen))
        shared.kube.delete(ends)
        with pytest.raises(TimedOut):
            shared.kube.wait_gone(ends, timeout=1)
        shared.heal_node(name)
        shared.kube.wait_until(stays, is_ready)
        shared.kube.wait_gone(ends)
        shared.remove_node(name)


class TestRights:
    """Users have the rights that RBAC gives them."""

    def test_a_serviceaccount_has_only_its_own_rights(
        self, shared: NativeCluster, place: str, tmp_path: Path
    ) -> None:
        """The kubeconfig of a ServiceAccount may do what a Role says, and nothing else."""
        meta = {"name": "reader", "namespace": place}
        subject = {"kind": "ServiceAccount", **meta}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"}
        rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
        rbac = "rbac.authorization.k8s.io/v1"
        for manifest in (
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
            {"apiVersion": rbac, "kind": "Role", "metadata": meta, "rules": [rule]},
            {
                "apiVersion": rbac,
                "kind": "RoleBinding",
                "metadata": meta,
                "roleRef": role,
                "subjects": [subject],
            },
        ):
            shared.kube.create(manifest)
        path = shared.serviceaccount_kubeconfig(place, "reader", tmp_path / "kubeconfig")
        reader = Kube.of(path)
        reader.wait_for(lambda: reader.list("pods", place) == [])
        with pytest.raises(ApiError, match="403 Forbidden"):
            reader.list("secrets", place)
        with pytest.raises(ApiError, match="403 Forbidden"):
            reader.list("pods", "kube-system")
        assert path.stat().st_mode & 0o077 == 0

    def test_impersonation(self, shared: NativeCluster, place: str) -> None:
        """The administrator can look at the cluster as somebody else."""
        jane = shared.kube.acting_as("jane", "developers", "testers")
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        seen = jane.api.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
        assert seen["status"]["userInfo"]["username"] == "jane"
        assert {"developers", "testers"} <= set(seen["status"]["userInfo"]["groups"])
        with pytest.raises(ApiError, match="403 Forbidden"):
            jane.list("pods", place)


class TestWorlds:
    """Two minors, and what tells them apart."""

    def test_the_newest_serves_mutating_admission_policies(self, shared: NativeCluster) -> None:
        """1.37 reports its version and serves the policy as v1."""
        assert shared.kube.get("/version")["gitVersion"].startswith("v1.37.")
        found = shared.kube.get("/apis/admissionregistration.k8s.io/v1")
        assert "mutatingadmissionpolicies" in {one["name"] for one in found["resources"]}

    def test_the_oldest_does_not(self) -> None:
        """1.34 serves no MutatingAdmissionPolicy, and runs Pods all the same."""
        with own(world="1.34") as old:
            assert old.kube.get("/version")["gitVersion"].startswith("v1.34.")
            with pytest.raises(HarnessError, match="serves no MutatingAdmissionPolicy"):
                old.kube.list("MutatingAdmissionPolicy")
            old.nodes("node")
            made = old.kube.create(deployment("web", old.kube.namespace()))
            old.kube.wait_until(made, is_available)

    def test_audit(self) -> None:
        """With the audit on, every request and its user is on record."""
        with own(audit=True) as cluster:
            cluster.kube.acting_as("jane", "system:masters").list("pods", "kube-public")
            record = cluster.logs / "audit.log"
            wait_for(lambda: '"username":"jane"' in record.read_text(), timeout=10)


class TestCommandLine:
    """The same cluster by typing."""

    @pytest.fixture
    def harness(self, tmp_path: Path) -> Iterator[Command]:
        """The command line with a state folder of its own, cleaned up afterwards."""
        command = Command(tmp_path)
        yield command
        command("down", "--all")

    def test_up_use_down(self, harness: Command) -> None:
        """`up` prints how to use the cluster, again is a no-op, `down` removes it."""
        assert "is up; use it with" in harness("up", "--nodes", "1").stdout
        assert "is up already" in harness("up").stdout
        path = Path(harness("kubeconfig").stdout.strip())
        assert [one["metadata"]["name"] for one in Kube.of(path).list("nodes")] == ["node-0"]
        assert "kwok: frozen" in harness("fault", "freeze", "kwok").stdout
        assert "frozen" in harness("status").stdout
        harness("fault", "thaw", "kwok")
        assert harness("nodes", "ws", "--label", "a=b", "--taint", "c=d:NoSchedule").stdout == (
            "ws-0\n"
        )
        harness("node", "fail", "ws-0")
        assert "is gone" in harness("down").stdout
        assert processes_of(path.parent) == []
        assert harness("kubeconfig").returncode == 1

    def test_up_twice_at_the_same_time(self, harness: Command) -> None:
        """Of two simultaneous `up` one starts the cluster and the other finds it."""
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(harness, ["up", "up"]))
        assert [answer.returncode for answer in answers] == [0, 0]
        assert sorted("already" in answer.stdout for answer in answers) == [False, True]

    def test_stale_after_a_reboot(self, harness: Command) -> None:
        """What runs no more is told apart from what runs, and can be started anew."""
        folder = Path(harness("up").stdout.split("KUBECONFIG=")[1].strip()).parent
        os.kill(control.ask(folder, "status")["supervisor"], signal.SIGKILL)
        wait_for(lambda: not processes_of(folder))
        told = harness("kubeconfig")
        assert told.returncode == 1
        assert "left files but runs no more" in told.stderr
        assert "is up; use it with" in harness("up").stdout

    def test_a_removed_folder_ends_the_cluster(self, harness: Command) -> None:
        """A cluster whose folder was removed by hand does not run on unseen."""
        folder = Path(harness("up", "--nodes", "0").stdout.split("KUBECONFIG=")[1].strip()).parent
        folder.rename(folder.with_name("elsewhere"))
        wait_for(lambda: not processes_of(folder), timeout=30)


class Command:
    """Runs `python -m harness` as a user does."""

    def __init__(self, state: Path) -> None:
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(TESTS),
            "XDG_STATE_HOME": str(state),
            "CVA_CLUSTER": "native",
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one verb and return what it printed."""
        return subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
