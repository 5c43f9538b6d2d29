"""coderd's Pod template, as Coder's own chart makes it, placed and sized as the architecture says.

Source of names, ports, probes, environment and security context: the goldens of Coder's Helm chart
``coder`` (helm/coder/tests/testdata). What differs, differs for a clause, which is named.
"""

from typing import Any, Final

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.sizing.model import Replica
from coder_cva.values.quantity import byte_text, cpu_text

HTTP_PORT: Final = 8080
HTTPS_PORT: Final = 8443
PROMETHEUS_PORT: Final = 2112
RELAY_PORT: Final = 6222
"""Routes of the NATS that is embedded in newer replicas; they reach each other by Pod address."""
GRACE_SECONDS: Final = 60

STAY: Final = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
}
"""CVA-NODE-002: no scale-down may drop a replica. Autoscalers read these from Pods, not Deployments."""


def pod_template(
    owner: CoderDeployment, replica: Replica, labels: dict[str, str]
) -> dict[str, Any]:
    """The template; ``labels`` are the Deployment's own. Entries that are None are not said."""
    plane = owner.spec.control_plane
    return {
        "metadata": {
            "labels": {**plane.pod_labels, **labels},
            "annotations": {
                "prometheus.io/scrape": "true",
                "prometheus.io/port": str(PROMETHEUS_PORT),
                "app.kubernetes.io/component": "coderd",
                **STAY,
                **plane.pod_annotations,
            },
        },
        "spec": _pod_spec(owner, replica, labels),
    }


def _pod_spec(owner: CoderDeployment, replica: Replica, labels: dict[str, str]) -> dict[str, Any]:
    plane = owner.spec.control_plane
    pool = plane.node_pool
    return {
        "serviceAccountName": owner.name,
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "imagePullSecrets": [{"name": name} for name in plane.image.pull_secrets] or None,
        "affinity": {
            "nodeAffinity": _prefer_pool(dict(pool.selector) if pool else {}),
            "podAntiAffinity": _apart(labels),
        },
        "tolerations": [one.dump() for one in pool.tolerations] or None if pool else None,
        "topologySpreadConstraints": [
            _spread("topology.kubernetes.io/zone", labels),
            _spread("kubernetes.io/hostname", labels),
        ],
        "containers": [_container(owner, replica)],
        "volumes": [
            {"name": f"tls-{name}", "secret": {"secretName": name}}
            for name in plane.tls.secret_names
        ]
        or None,
    }


def _container(owner: CoderDeployment, replica: Replica) -> dict[str, Any]:
    plane = owner.spec.control_plane
    amounts = {"cpu": cpu_text(replica.cpu_millicores), "memory": byte_text(replica.memory_bytes)}
    return {
        "name": "coder",
        "image": f"{plane.image.repository}:v{plane.version}",
        "imagePullPolicy": plane.image.pull_policy,
        "command": ["/opt/coder"],
        "args": ["server"],
        "env": environment(owner),
        "envFrom": [one.dump() for one in plane.env_from] or None,
        "ports": _ports(tls=bool(plane.tls.secret_names)),
        # CVA-CTL-002: the reference architectures give one figure, so request and limit are equal.
        "resources": {"requests": amounts, "limits": dict(amounts)},
        # No liveness probe: it killed replicas during long migrations, so Coder's chart ships none.
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": f"tls-{name}", "mountPath": f"/etc/ssl/certs/coder/{name}", "readOnly": True}
            for name in plane.tls.secret_names
        ]
        or None,
    }


def environment(owner: CoderDeployment) -> list[dict[str, Any]]:
    """coderd's environment: the chart's, the architecture's, then the user's own.

    A variable that a later one refers to comes first, because Kubernetes expands ``$(NAME)`` only
    from what stands above it.
    """
    spec, plane = owner.spec, owner.spec.control_plane
    pod_ip = {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}
    scheme = "https" if plane.tls.secret_names else "http"
    in_cluster = f"{scheme}://{owner.name}.{owner.namespace}.svc.cluster.local"
    made: list[dict[str, Any]] = [
        {"name": "CODER_HTTP_ADDRESS", "value": f"0.0.0.0:{HTTP_PORT}"},
        {"name": "CODER_PROMETHEUS_ENABLE", "value": "true"},
        {"name": "CODER_PROMETHEUS_ADDRESS", "value": f"0.0.0.0:{PROMETHEUS_PORT}"},
        {"name": "CODER_PPROF_ADDRESS", "value": "0.0.0.0:6060"},
        {"name": "CODER_ACCESS_URL", "value": plane.access_url or in_cluster},
        {"name": "KUBE_POD_IP", "valueFrom": pod_ip},
        {"name": "CODER_CLUSTER_HOST", "valueFrom": pod_ip},
        {"name": "CODER_DERP_SERVER_RELAY_URL", "value": f"http://$(KUBE_POD_IP):{HTTP_PORT}"},
        {"name": "CODER_PROVISIONER_DAEMONS", "value": str(spec.provisioners.built_in_daemons)},
    ]
    if plane.wildcard_access_url:
        made.append({"name": "CODER_WILDCARD_ACCESS_URL", "value": plane.wildcard_access_url})
    if spec.database is not None and spec.database.url_secret_ref is not None:
        made.append(_from_secret("CODER_PG_CONNECTION_URL", spec.database.url_secret_ref))
    if plane.encryption is not None:
        keys = plane.encryption.keys_secret_ref
        made.append(_from_secret("CODER_EXTERNAL_TOKEN_ENCRYPTION_KEYS", keys))
    return [*made, *_tls(plane.tls.secret_names), *(one.dump() for one in plane.env)]


def _tls(secrets: tuple[str, ...]) -> list[dict[str, Any]]:
    if not secrets:
        return []
    folders = [f"/etc/ssl/certs/coder/{name}" for name in secrets]
    return [
        {"name": "CODER_TLS_ENABLE", "value": "true"},
        {"name": "CODER_TLS_ADDRESS", "value": f"0.0.0.0:{HTTPS_PORT}"},
        {"name": "CODER_TLS_CERT_FILE", "value": ",".join(f"{one}/tls.crt" for one in folders)},
        {"name": "CODER_TLS_KEY_FILE", "value": ",".join(f"{one}/tls.key" for one in folders)},
    ]


def _from_secret(name: str, ref: Any) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": ref.name, "key": ref.key}}}


def _ports(*, tls: bool) -> list[dict[str, Any]]:
    named = [("http", HTTP_PORT), *([("https", HTTPS_PORT)] if tls else [])]
    return [
        {"name": name, "containerPort": number, "protocol": "TCP"}
        for name, number in (*named, ("prometheus-http", PROMETHEUS_PORT))
    ]


def _prefer_pool(selector: dict[str, str]) -> dict[str, Any]:
    """CVA-NODE-003, in the preferred form: what is required is added at admission, while it can be met."""
    expressions = [
        {"key": key, "operator": "In", "values": [value]} for key, value in sorted(selector.items())
    ]
    terms = (
        [{"weight": 100, "preference": {"matchExpressions": expressions}}] if expressions else []
    )
    return {"preferredDuringSchedulingIgnoredDuringExecution": terms}


def _apart(labels: dict[str, str]) -> dict[str, Any]:
    """Replicas keep off each other's nodes, by the label that they really have.

    The chart's own default names the literal release ``coder``, and matches nothing elsewhere.
    """
    term = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {
            "matchExpressions": [
                {
                    "key": "app.kubernetes.io/instance",
                    "operator": "In",
                    "values": [labels["app.kubernetes.io/instance"]],
                }
            ]
        },
    }
    return {
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": term}]
    }


def _spread(key: str, labels: dict[str, str]) -> dict[str, Any]:
    """Even over zones and nodes where that is possible; never a reason to stay Pending."""
    chosen = {
        name: labels[name] for name in ("app.kubernetes.io/name", "app.kubernetes.io/instance")
    }
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": chosen},
    }
