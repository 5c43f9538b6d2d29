"""Objects as Coder's Helm charts render them: coderd, provisioners, proxies.

Written by hand from what Coder publishes about its charts (helm/coder, helm/provisioner of
coder/coder). Plain manifests: they can be applied to an API server, and worlds are made from them.
"""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]

POOL = "coder.com/node-group"
"""The label by which the tests tell the two node pools apart."""
IMAGE = "ghcr.io/coder/coder"
VERSION = "2.30.0"
WORKSPACE_RULES: list[dict[str, Any]] = [
    {
        "apiGroups": [group],
        "resources": resources,
        "verbs": [
            "create",
            "delete",
            "deletecollection",
            "get",
            "list",
            "patch",
            "update",
            "watch",
        ],
    }
    for group, resources in (("", ["pods", "persistentvolumeclaims"]), ("apps", ["deployments"]))
]
DEFAULT_RESOURCES = {"cpu": "2000m", "memory": "4096Mi"}
"""What the chart asks for where the values say nothing; less memory than any tier."""


def chart_coderd(
    namespace: str = "coder",
    *,
    release: str = "coder",
    name: str = "coder",
    replicas: int = 1,
    version: str = VERSION,
    resources: dict[str, str] | None = None,
    env: list[dict[str, Any]] | None = None,
    pod: dict[str, Any] | None = None,
    pod_annotations: dict[str, str] | None = None,
    component: bool = True,
    database: bool = True,
    prometheus: bool = False,
    managed_by: str = "Helm",
    service_type: str = "LoadBalancer",
) -> list[Manifest]:
    """ServiceAccount, Role, RoleBinding, Service and Deployment of a release of the chart ``coder``.

    ``pod`` is laid over the Pod spec (nodeSelector, affinity, tolerations); ``component`` is the
    annotation that only newer charts write; ``managed_by`` is Helm, Argo CD, Flux or "".
    """
    labels = _labels("coder", release, version, managed_by)
    variables = [*_coderd_env(namespace, name, database=database), *(env or [])]
    if prometheus:
        variables.append({"name": "CODER_PROMETHEUS_ENABLE", "value": "true"})
    container = _container("server", version, variables, resources, prometheus=prometheus)
    container["ports"].insert(0, {"name": "http", "containerPort": 8080, "protocol": "TCP"})
    container["readinessProbe"] = _readiness()
    annotations = {"app.kubernetes.io/component": "coderd"} if component else {}
    return [
        *_identity(namespace, name, labels, managed_by),
        _service(namespace, name, labels, release, service_type),
        _deployment(
            namespace,
            name,
            labels,
            {**annotations, **(pod_annotations or {})},
            replicas,
            {**_pod_spec(name, container, 60), "affinity": _affinity(), **(pod or {})},
            managed_by,
        ),
    ]


def chart_proxy(
    namespace: str = "coder",
    *,
    release: str = "coder-proxy",
    replicas: int = 1,
    component: bool = True,
) -> list[Manifest]:
    """A workspace proxy: the same chart with ``workspaceProxy: true``, under the same name label."""
    labels = _labels("coder", release, VERSION, "Helm")
    variables = [
        {"name": "CODER_HTTP_ADDRESS", "value": "0.0.0.0:8080"},
        {"name": "CODER_PRIMARY_ACCESS_URL", "value": "https://coder.example.com"},
        _secret_env("CODER_PROXY_SESSION_TOKEN", "coder-proxy-token", "token"),
    ]
    container = _container("wsproxy server", VERSION, variables, None, prometheus=False)
    container["ports"].insert(0, {"name": "http", "containerPort": 8080, "protocol": "TCP"})
    container["readinessProbe"] = _readiness()
    annotations = {"app.kubernetes.io/component": "wsproxy"} if component else {}
    spec = {**_pod_spec(release, container, 60), "affinity": _affinity()}
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(release, namespace, labels, "Helm"),
    }
    return [
        account,
        _service(namespace, release, labels, release, "LoadBalancer"),
        _deployment(namespace, release, labels, annotations, replicas, spec, "Helm"),
    ]


def chart_provisioner(
    namespace: str = "coder",
    *,
    release: str = "coder-provisioner",
    replicas: int = 1,
    component: bool = True,
    resources: dict[str, str] | None = None,
    url: str | None = None,
    key: bool = True,
    env: list[dict[str, Any]] | None = None,
) -> list[Manifest]:
    """External provisioners: the chart ``coder-provisioner``; no Service, no probes, 600 s of grace.

    Without a key, which is the recommended way, they have the older shared secret (PSK).
    """
    labels = _labels("coder-provisioner", release, VERSION, "Helm")
    proof = (
        _secret_env("CODER_PROVISIONER_DAEMON_KEY", "coder-provisioner-key", "key")
        if key
        else _secret_env("CODER_PROVISIONER_DAEMON_PSK", "coder-provisioner-psk", "psk")
    )
    address = url or f"http://coder.{namespace}.svc.cluster.local"
    variables = [{"name": "CODER_URL", "value": address}, proof, *(env or [])]
    container = _container("provisionerd start", VERSION, variables, resources, prometheus=False)
    annotations = {"app.kubernetes.io/component": "provisionerd"} if component else {}
    spec = _pod_spec("coder-provisioner", container, 600)
    return [
        *_identity(namespace, "coder-provisioner", labels, "Helm"),
        _deployment(namespace, "coder-provisioner", labels, annotations, replicas, spec, "Helm"),
    ]


def coder_k8s_coderd(namespace: str = "coder", *, name: str = "coder") -> Manifest:
    """coderd as coder-k8s makes it: its own labels, the image's entry point, flags as arguments."""
    labels = {
        "app.kubernetes.io/name": "coder-control-plane",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/managed-by": "coder-k8s",
    }
    container = {
        "name": "coder",
        "image": f"{IMAGE}:v{VERSION}",
        "args": ["--http-address=0.0.0.0:8080"],
        "ports": [{"name": "http", "containerPort": 8080}],
    }
    made = _deployment(namespace, name, labels, {}, 1, {"containers": [container]}, "")
    made["spec"]["selector"] = {"matchLabels": labels}
    made["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "coder.com/v1alpha1",
            "kind": "CoderControlPlane",
            "name": name,
            "uid": "00000000-0000-4000-8000-00000000c0de",
            "controller": True,
        }
    ]
    return made


def workspace_binding(
    namespace: str, *, account: str = "coder", of: str = "coder", name: str = "coder"
) -> list[Manifest]:
    """Role and RoleBinding that the chart makes in a further namespace (``workspaceNamespaces``)."""
    labels = _labels("coder", account, VERSION, "Helm")
    role, binding = _identity(namespace, account, labels, "Helm")[1:]
    binding["metadata"]["name"] = name
    binding["subjects"] = [{"kind": "ServiceAccount", "name": account, "namespace": of}]
    return [role, binding]


def _labels(chart: str, release: str, version: str, managed_by: str) -> dict[str, str]:
    labels = {
        "helm.sh/chart": f"{chart}-{version}",
        "app.kubernetes.io/name": chart,
        "app.kubernetes.io/instance": release,
        "app.kubernetes.io/part-of": chart,
        "app.kubernetes.io/version": version,
        "app.kubernetes.io/managed-by": "Helm",
    }
    if managed_by == "Flux":
        labels["helm.toolkit.fluxcd.io/name"] = release
    return labels if managed_by else {k: v for k, v in labels.items() if "managed-by" not in k}


def _metadata(name: str, namespace: str, labels: dict[str, str], managed_by: str) -> dict[str, Any]:
    release = labels.get("app.kubernetes.io/instance", name)
    notes = {
        "Helm": {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace},
        "Argo CD": {"argocd.argoproj.io/tracking-id": f"{release}:apps/Deployment:{namespace}/{name}"},
    }  # fmt: skip
    return {
        "name": name,
        "namespace": namespace,
        "labels": dict(labels),
        "annotations": notes.get(managed_by, {}),
    }


def _identity(
    namespace: str, account: str, labels: dict[str, str], managed_by: str
) -> list[Manifest]:
    rbac = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": _metadata(account, namespace, labels, managed_by),
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "Role",
            "metadata": _metadata(f"{account}-workspace-perms", namespace, labels, managed_by),
            "rules": [dict(rule) for rule in WORKSPACE_RULES],
        },
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": _metadata(account, namespace, labels, managed_by),
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": f"{account}-workspace-perms"},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        },
    ]


def _service(
    namespace: str, name: str, labels: dict[str, str], release: str, kind: str
) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(name, namespace, labels, "Helm"),
        "spec": {
            "type": kind,
            "sessionAffinity": "None",
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
            "selector": {
                "app.kubernetes.io/name": "coder",
                "app.kubernetes.io/instance": release,
            },
        },
    }


def _deployment(
    namespace: str,
    name: str,
    labels: dict[str, str],
    annotations: dict[str, str],
    replicas: int,
    spec: dict[str, Any],
    managed_by: str,
) -> Manifest:
    selected = ("app.kubernetes.io/name", "app.kubernetes.io/instance")
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(name, namespace, labels, managed_by),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {key: labels[key] for key in selected}},
            "template": {
                "metadata": {"labels": dict(labels), "annotations": dict(annotations)},
                "spec": spec,
            },
        },
    }


def _pod_spec(account: str, container: dict[str, Any], grace: int) -> dict[str, Any]:
    return {
        "serviceAccountName": account,
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": grace,
        "containers": [container],
    }


def _container(
    words: str,
    version: str,
    env: list[dict[str, Any]],
    resources: dict[str, str] | None,
    *,
    prometheus: bool,
) -> dict[str, Any]:
    amounts = resources or DEFAULT_RESOURCES
    scrape = {"name": "prometheus-http", "containerPort": 2112, "protocol": "TCP"}
    return {
        "name": "coder",  # the same in all of Coder's charts
        "image": f"{IMAGE}:v{version}",
        "imagePullPolicy": "IfNotPresent",
        "command": ["/opt/coder"],
        "args": words.split(),
        "env": env,
        "ports": [scrape] if prometheus else [],
        "resources": {"requests": dict(amounts), "limits": dict(amounts)},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "allowPrivilegeEscalation": False,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _coderd_env(namespace: str, name: str, *, database: bool) -> list[dict[str, Any]]:
    address = {"fieldRef": {"fieldPath": "status.podIP"}}
    made: list[dict[str, Any]] = [
        {"name": "CODER_HTTP_ADDRESS", "value": "0.0.0.0:8080"},
        {"name": "CODER_PROMETHEUS_ADDRESS", "value": "0.0.0.0:2112"},
        {"name": "CODER_PPROF_ADDRESS", "value": "0.0.0.0:6060"},
        {"name": "CODER_ACCESS_URL", "value": f"http://{name}.{namespace}.svc.cluster.local"},
        {"name": "KUBE_POD_IP", "valueFrom": address},
        {"name": "CODER_CLUSTER_HOST", "valueFrom": address},
        {"name": "CODER_DERP_SERVER_RELAY_URL", "value": "http://$(KUBE_POD_IP):8080"},
    ]
    if database:
        made.append(_secret_env("CODER_PG_CONNECTION_URL", "coder-db-url", "url"))
    return made


def _secret_env(name: str, secret: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _readiness() -> dict[str, Any]:
    return {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}}


def _affinity() -> dict[str, Any]:
    """The chart's own: it names the literal release ``coder`` and matches no other."""
    expression = {"key": "app.kubernetes.io/instance", "operator": "In", "values": ["coder"]}
    term = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchExpressions": [expression]},
    }
    soft = [{"weight": 1, "podAffinityTerm": term}]
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": soft}}
