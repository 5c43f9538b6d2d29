"""coderd's Pod: Coder's chart, with what the architecture adds."""

from __future__ import annotations

from typing import Any

import pytest

from support.coder_manifests import chart_coderd
from support.deployments import DATABASE_SECRET
from support.managed_coder import rendered, resource

Manifest = dict[str, Any]
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def template(**control_plane: Any) -> Manifest:
    """The Pod template of a managed coderd."""
    made: Manifest = rendered(resource(**control_plane))["spec"]["template"]
    return made


def container(**control_plane: Any) -> Manifest:
    """Its one container."""
    (found,) = template(**control_plane)["spec"]["containers"]
    return dict(found)


def variables(**control_plane: Any) -> dict[str, Manifest]:
    """Its environment, by name in order."""
    return {one["name"]: one for one in container(**control_plane)["env"]}


def charts_template(**values: Any) -> Manifest:
    """The Pod template of Coder's own chart."""
    (found,) = (it for it in chart_coderd(prometheus=True, **values) if it["kind"] == "Deployment")
    made: Manifest = found["spec"]["template"]
    return made


@pytest.mark.parametrize(
    "field", ["name", "command", "args", "ports", "readinessProbe", "imagePullPolicy"]
)
def test_the_container_is_the_charts(field: str) -> None:
    """Dashboards, Services and people find what they know."""
    assert container()[field] == charts_template()["spec"]["containers"][0][field]


def test_the_environment_is_the_charts_and_more() -> None:
    """Every variable of the chart is there; what comes on top is said for a clause."""
    ours, charts = set(variables()), {it["name"] for it in charts_template()["spec"]["containers"][0]["env"]}  # fmt: skip

    assert charts <= ours
    assert ours - charts == {"CODER_PROVISIONER_DAEMONS"}


def test_a_variable_stands_below_what_it_refers_to() -> None:
    """Kubernetes expands $(NAME) only from what stands above."""
    names = list(variables())

    assert names.index("KUBE_POD_IP") < names.index("CODER_DERP_SERVER_RELAY_URL")


def test_the_database_comes_by_reference_only() -> None:
    """CVA-DB-001: an external PostgreSQL, and its URL in no manifest."""
    reference = {"secretKeyRef": {"name": DATABASE_SECRET, "key": "url"}}

    assert variables()["CODER_PG_CONNECTION_URL"] == {
        "name": "CODER_PG_CONNECTION_URL",
        "valueFrom": reference,
    }


def test_the_users_own_variables_come_last() -> None:
    """After everything of ours, in their order."""
    own = [{"name": "CODER_B", "value": "1"}, {"name": "CODER_A", "value": "2"}]

    assert container(env=own)["env"][-2:] == own


def test_encryption_costs_a_core_and_brings_its_keys() -> None:
    """CVA-CTL-003: one more CPU for every replica, keys by reference."""
    keys = {"keysSecretRef": {"name": "keys", "key": "list"}}

    plain, encrypted = container(), container(encryption=keys)

    more = int(encrypted["resources"]["requests"]["cpu"]) - int(
        plain["resources"]["requests"]["cpu"]
    )
    assert more == 1
    wanted = variables(encryption=keys)["CODER_EXTERNAL_TOKEN_ENCRYPTION_KEYS"]
    assert wanted["valueFrom"] == {"secretKeyRef": {"name": "keys", "key": "list"}}


@pytest.mark.parametrize("own", [{}, {"resources": {"cpu": "3", "memory": "12Gi"}}])
def test_requests_are_limits(own: dict[str, Any]) -> None:
    """CVA-CTL-002: the reference architectures give one figure."""
    amounts = container(**own)["resources"]

    assert amounts["requests"] == amounts["limits"]
    if own:
        assert amounts["requests"] == own["resources"]


def test_no_probe_kills_a_long_migration() -> None:
    """Readiness only, as in Coder's chart."""
    assert {"livenessProbe", "startupProbe"}.isdisjoint(container())


def test_autoscalers_are_told_on_the_pod() -> None:
    """CVA-NODE-002: they read the Pods' annotations, not the Deployment's."""
    notes = template()["metadata"]["annotations"]

    assert notes["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    assert notes["karpenter.sh/do-not-disrupt"] == "true"


def test_metrics_are_scraped_from_the_pod() -> None:
    """CVA-OBS-001: enabled, on its own port, with the annotations that Prometheus looks for."""
    notes = template()["metadata"]["annotations"]

    assert variables()["CODER_PROMETHEUS_ENABLE"]["value"] == "true"
    assert (notes["prometheus.io/scrape"], notes["prometheus.io/port"]) == ("true", "2112")


def test_the_template_requires_no_node() -> None:
    """A flip of the guard must never roll the Deployment: what is required comes at admission."""
    pool = {"selector": {"a": "b"}, "tolerations": [{"key": "a", "operator": "Exists"}]}
    spec = template(nodePool=pool)["spec"]

    affinity = spec["affinity"]["nodeAffinity"]
    assert REQUIRED not in affinity
    assert "nodeSelector" not in spec
    (term,) = affinity["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["preference"]["matchExpressions"] == [
        {"key": "a", "operator": "In", "values": ["b"]}
    ]
    assert spec["tolerations"] == pool["tolerations"]


def test_replicas_keep_apart_by_labels_that_they_have() -> None:
    """The chart's own anti-affinity names the release `coder`; ours names the label's real value."""
    made = rendered({**resource(), "metadata": {"name": "other", "namespace": "coder"}})
    labels = made["spec"]["template"]["metadata"]["labels"]
    spec = made["spec"]["template"]["spec"]

    (term,) = spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    (expression,) = term["podAffinityTerm"]["labelSelector"]["matchExpressions"]
    assert labels[expression["key"]] in expression["values"] == ["other"]
    for spread in spec["topologySpreadConstraints"]:
        assert spread["labelSelector"]["matchLabels"].items() <= labels.items()
        assert spread["whenUnsatisfiable"] == "ScheduleAnyway"


def test_it_satisfies_restricted_pod_security() -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards: what `restricted` asks for."""
    pod, one = template()["spec"], container()["securityContext"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert one["allowPrivilegeEscalation"] is False
    assert one["capabilities"] == {"drop": ["ALL"]}
    assert one["seccompProfile"] == {"type": "RuntimeDefault"}


def test_a_certificate_is_mounted_and_named() -> None:
    """Each Secret is a volume, a mount and an entry in both lists, in the user's order."""
    tls = {"secretNames": ["b", "a"]}

    found = variables(tls=tls)
    assert found["CODER_TLS_CERT_FILE"]["value"] == (
        "/etc/ssl/certs/coder/b/tls.crt,/etc/ssl/certs/coder/a/tls.crt"
    )
    mounts = [it["name"] for it in container(tls=tls)["volumeMounts"]]
    volumes = [it["name"] for it in template(tls=tls)["spec"]["volumes"]]
    assert mounts == volumes == ["tls-b", "tls-a"]
    assert found["CODER_ACCESS_URL"]["value"].startswith("https://")


def test_the_access_url_is_the_users_or_the_service() -> None:
    """Under the in-cluster Service at least Coder itself is reachable."""
    own = variables(accessURL="https://coder.example.com")

    assert own["CODER_ACCESS_URL"]["value"] == "https://coder.example.com"
    assert variables()["CODER_ACCESS_URL"]["value"] == "http://coder.coder.svc.cluster.local"
