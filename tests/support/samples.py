"""One live object of every kind that is watched, for tests that need a body to begin with."""

from __future__ import annotations

from typing import Any

from coder_cva.snapshot.needs import Need
from support import (
    builders,
    coder_manifests,
    databases,
    monitoring_manifests,
    scaling_manifests,
    workspace_manifests,
)
from support.kinds import needs_of

Manifest = dict[str, Any]


def samples() -> dict[Need, list[Manifest]]:
    """By need some bodies of that kind, as the API server gives them."""
    made = builders.flat(
        [
            builders.pools(1, 1),
            builders.namespace("coder", annotations={"cva.coder.com/deployment": "coder/coder"}),
            builders.all_running(
                [
                    coder_manifests.chart_coderd(prometheus=True, env=[secret_variable()]),
                    coder_manifests.chart_provisioner(),
                    coder_manifests.coder_k8s_coderd(name="other"),
                    workspace_manifests.workspace_deployment("one"),
                    workspace_manifests.workspace_pod("two"),
                    workspace_manifests.envbox_pod("three"),
                ]
            ),
            builders.pending(builders.pod("waiting")),
            monitoring_manifests.prometheus(),
            monitoring_manifests.pod_monitor(),
            monitoring_manifests.service_monitor(),
            monitoring_manifests.prometheus_rule(
                {"CoderdReplicas": 'sum(up{namespace="coder"}) < 1'}
            ),
            monitoring_manifests.scrape_config(),
            monitoring_manifests.bundle_alarms(),
            *_others(),
        ]
    )
    found: dict[Need, list[Manifest]] = {need: [] for need in Need}
    for body in made:
        for need in needs_of(body):
            found[need].append(builders.live(body))
    return found


def secret_variable() -> dict[str, Any]:
    """A secret in clear among coderd's variables, as nobody should have it."""
    return {"name": "CODER_OIDC_CLIENT_SECRET", "value": workspace_manifests.TOKEN}


def _others() -> list[Manifest]:
    selector = {"matchLabels": {"app.kubernetes.io/name": "coder"}}
    coder = {"name": "coder", "port": 80}
    return [
        _object("networking.k8s.io/v1", "Ingress", "web", {
            "rules": [{"host": "coder.example.com", "http": {"paths": [
                {"path": "/", "backend": {"service": {"name": "coder", "port": {"number": 80}}}}]}}],
            "defaultBackend": {"service": {"name": "fallback", "port": {"number": 80}}},
        }),
        _object("gateway.networking.k8s.io/v1", "HTTPRoute", "route", {
            "hostnames": ["coder.example.com"],
            "rules": [{"backendRefs": [coder, {**coder, "namespace": "other"}, {**coder, "kind": "Bucket", "name": "x"}, {**coder, "group": "x", "name": "y"}]}],
        }),
        _object("networking.k8s.io/v1", "NetworkPolicy", "deny", {"podSelector": selector, "policyTypes": ["Ingress"]}),
        _object("cilium.io/v2", "CiliumNetworkPolicy", "names", {"endpointSelector": selector, "egress": [{"toFQDNs": [{"matchName": "github.com"}]}]}),
        _object("policy/v1", "PodDisruptionBudget", "budget", {"selector": selector, "maxUnavailable": "25%"}),
        _object("autoscaling/v2", "HorizontalPodAutoscaler", "scaler", {
            "scaleTargetRef": {"kind": "Deployment", "name": "coder"}, "minReplicas": 2, "maxReplicas": 5,
        }),
        _object("keda.sh/v1alpha1", "ScaledObject", "scaled", {
            "scaleTargetRef": {"name": "coder"}, "minReplicaCount": 1, "maxReplicaCount": 5,
        }),
        _object("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", "sized", {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "coder"},
            "updatePolicy": {"updateMode": "Off"},
        }),
        {
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": "fast", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "ebs.csi.aws.com", "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": True,
        },
        builders.persistent_volume("pv-home", "coder/home", "eu-1a"),
        {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "ebs.csi.aws.com"}},
        *databases.everything(),
        builders.cluster_role("edit", coder_manifests.WORKSPACE_RULES),
        scaling_manifests.autoscaler_status([("workers", 1, 5, 3)]),
        scaling_manifests.autoscaler_status([("workers", 1, 5, 3)], namespace="openshift-machine-api", lines=True),
        scaling_manifests.node_pool("workspaces", labels={coder_manifests.POOL: "workspaces"}, limits={"cpu": "100"}, used={"cpu": "16"}),
        scaling_manifests.machine_deployment("md-0", sizes=(1, 5)),
        scaling_manifests.machine_autoscaler("prod-worker-a", 1, 5),
    ]  # fmt: skip


def _object(api_version: str, kind: str, name: str, spec: dict[str, Any]) -> Manifest:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "coder"},
        "spec": spec,
    }
