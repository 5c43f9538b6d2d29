"""What runs on the harness's clusters behaves as on real ones, whichever kind is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.api import ApiError
from harness.errors import HarnessError
from harness.fixtures import own_cluster
from harness.kube import Kube
from harness.objects import (
    STATE,
    claim,
    condition,
    deployment,
    is_available,
    is_bound,
    is_ready,
    pod,
)
from harness.waiting import TimedOut, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.api import Object
    from harness.provider import Provider

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """A cluster with three nodes for the tests that break nothing for long."""
    with own_cluster(request) as cluster:
        cluster.nodes("node", 3)
        yield cluster


@pytest.fixture
def place(shared: Provider) -> str:
    """A namespace of the shared cluster."""
    return shared.kube.namespace()


class TestPods:
    """Pods behave as if a kubelet ran them."""

    def test_a_deployment_becomes_available(self, shared: Provider, place: str) -> None:
        """Pods are placed on nodes, start, and the Deployment is available."""
        made = shared.kube.create(deployment("web", place))
        shared.kube.wait_until(made, is_available)
        pods = shared.kube.list("pods", place, labels="app=web")
        assert all(one["spec"]["nodeName"].startswith("node-") for one in pods)
        assert len({one["status"]["podIP"] for one in pods}) == 3

    def test_deletion_completes(self, shared: Provider, place: str) -> None:
        """A deleted Deployment takes its Pods along, whatever their grace period is."""
        made = shared.kube.create(deployment("web", place, terminationGracePeriodSeconds=3600))
        shared.kube.wait_until(made, is_available)
        shared.kube.delete(made)
        shared.kube.wait_for(lambda: not shared.kube.list("pods", place))

    def test_a_finalizer_holds_a_pod(self, shared: Provider, place: str) -> None:
        """A Pod with a finalizer stays until the finalizer is removed."""
        manifest = pod("held", place)
        manifest["metadata"]["finalizers"] = ["harness.test/held"]
        held = shared.kube.wait_until(shared.kube.create(manifest), is_ready)
        shared.kube.delete(held)
        held = shared.kube.refresh(held)
        assert held["metadata"]["deletionTimestamp"]
        shared.kube.patch(held, {"metadata": {"finalizers": None}})
        shared.kube.wait_gone(held)

    def test_a_job_completes(self, shared: Provider, place: str) -> None:
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
        self, shared: Provider, place: str, state: str, phase: str, reason: str
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

        manifest = pod("ill", place, state=state)
        ill = shared.kube.wait_until(shared.kube.create(manifest), troubled)
        shared.kube.patch(ill, {"metadata": {"annotations": {STATE: None}}})
        shared.kube.wait_until(ill, is_ready)

    def test_a_healthy_pod_falls_ill(self, shared: Provider, place: str) -> None:
        """The annotation may come later: a ready Pod becomes unready."""
        well = shared.kube.wait_until(shared.kube.create(pod("well", place)), is_ready)
        shared.kube.patch(well, {"metadata": {"annotations": {STATE: "unready"}}})
        shared.kube.wait_until(well, lambda seen: not is_ready(seen))

    def test_readiness_gates(self, shared: Provider, place: str) -> None:
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

    def test_immediate(self, shared: Provider, place: str) -> None:
        """A claim of an Immediate class is bound at once; its deletion removes the volume."""
        bound = shared.kube.wait_until(
            shared.kube.create(claim("now", place, "immediate")),
            is_bound,
        )
        volume = shared.kube.get("PersistentVolume", bound["spec"]["volumeName"])
        assert volume["spec"]["capacity"] == {"storage": "1Gi"}
        shared.kube.delete(bound)
        shared.kube.wait_gone(volume)

    def test_wait_for_first_consumer(self, shared: Provider, place: str) -> None:
        """A claim of a WaitForFirstConsumer class is bound when a Pod wants it, then the Pod runs."""
        waiting = shared.kube.create(claim("later", place, "standard"))
        with pytest.raises(TimedOut):
            shared.kube.wait_until(waiting, lambda seen: seen["spec"].get("volumeName"), timeout=1)
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "later"}}]
        consumer = shared.kube.create(pod("consumer", place, volumes=volumes))
        shared.kube.wait_until(consumer, is_ready)
        assert shared.kube.refresh(waiting)["status"]["phase"] == "Bound"

    def test_a_class_of_the_tests_own(self, shared: Provider, place: str) -> None:
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
            is_bound,
        )
        shared.kube.delete(own_class)


class TestNodes:
    """Nodes come, fail, heal and go."""

    def test_labels_taints_and_capacity(self, shared: Provider, place: str) -> None:
        """A tainted pool takes only Pods that tolerate it and fit."""
        (name,) = shared.nodes(
            "pool",
            labels={"harness.test/tier": "gold"},
            taints=["harness.test/only=gold:NoSchedule"],
            capacity={"cpu": "2"},
        )
        toleration = {"key": "harness.test/only", "operator": "Exists"}
        wish: Object = {"nodeSelector": {"harness.test/tier": "gold"}}
        refused = shared.kube.create(pod("refused", place, **wish))
        placed = shared.kube.create(pod("placed", place, tolerations=[toleration], **wish))
        placed = shared.kube.wait_until(placed, is_ready)
        assert placed["spec"]["nodeName"] == name
        assert placed["status"]["hostIP"] == placed["status"]["hostIPs"][0]["ip"]
        shared.kube.wait_until(refused, lambda seen: condition(seen, "PodScheduled") == "False")
        assert shared.kube.get("Node", name)["status"]["allocatable"]["cpu"] == "2"
        shared.remove_node(name)

    def test_a_removed_node(self, shared: Provider, place: str) -> None:
        """The Pods of a removed node start on another."""
        made = shared.kube.wait_until(shared.kube.create(deployment("web", place)), is_available)
        name = shared.kube.list("pods", place)[0]["spec"]["nodeName"]
        shared.remove_node(name)
        shared.kube.wait_until(made, is_available)
        assert all(one["spec"]["nodeName"] != name for one in shared.kube.list("pods", place))
        assert shared.nodes("node") == [name]

    def test_a_failed_node(self, shared: Provider, place: str) -> None:
        """Its Pods are not ready and cannot even end; when it heals, both is made up for."""
        (name,) = shared.nodes("weak", labels={"harness.test/tier": "weak"})
        wish: Object = {"nodeSelector": {"harness.test/tier": "weak"}}
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
        self, shared: Provider, place: str, tmp_path: Path
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

    def test_impersonation(self, shared: Provider, place: str) -> None:
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

    def test_the_newest_serves_mutating_admission_policies(self, shared: Provider) -> None:
        """1.37 reports its version and serves the policy as v1."""
        assert shared.kube.get("/version")["gitVersion"].startswith("v1.37.")
        found = shared.kube.get("/apis/admissionregistration.k8s.io/v1")
        assert "mutatingadmissionpolicies" in {one["name"] for one in found["resources"]}

    def test_the_oldest_does_not(self, request: pytest.FixtureRequest) -> None:
        """1.34 serves no MutatingAdmissionPolicy, and runs Pods all the same."""
        with own_cluster(request, "1.34") as old:
            assert old.kube.get("/version")["gitVersion"].startswith("v1.34.")
            with pytest.raises(HarnessError, match="serves no MutatingAdmissionPolicy"):
                old.kube.list("MutatingAdmissionPolicy")
            old.nodes("node")
            made = old.kube.create(deployment("web", old.kube.namespace()))
            old.kube.wait_until(made, is_available)

    def test_audit(self, request: pytest.FixtureRequest) -> None:
        """With the audit on, every request and its user is on record."""
        with own_cluster(request, audit=True) as cluster:
            cluster.kube.acting_as("jane", "system:masters").list("pods", "kube-public")
            record = cluster.logs / "audit.log"
            wait_for(lambda: '"username":"jane"' in record.read_text(), timeout=60)
