"""Programs of monitoring are known by names and images, also behind a mirror of the registry."""

from __future__ import annotations

import pytest

from coder_cva.catalogue.monitoring import PARTS, program_of, programs


@pytest.mark.parametrize(
    ("names", "image", "program"),
    [
        (("grafana",), "docker.io/kiwigrid/k8s-sidecar:1.30", "Grafana"),
        ((), "grafana/grafana:12", "Grafana"),
        ((), "registry.example.com:5000/mirror/grafana/grafana@sha256:01", "Grafana"),
        ((), "docker.io/grafana/grafana-image-renderer:4", ""),
        ((), "quay.io/prometheus/prometheus:v3", "Prometheus"),
        ((), "quay.io/prometheus/node-exporter:v1", ""),
        (("prometheus-operator",), "quay.io/prometheus-operator/prometheus-operator:v0.85", ""),
        (("prometheus-node-exporter",), "", ""),
        ((), "gke.gcr.io/prometheus-engine/prometheus:v2", "Google Cloud Managed Service for Prometheus"),
        (("prometheus",), "gke.gcr.io/prometheus-engine/prometheus:v2", "Google Cloud Managed Service for Prometheus"),
        ((), "mcr.microsoft.com/azuremonitor/containerinsights/ciprod/prometheus-collector/images:6", "Azure Monitor"),
        ((), "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:1", "Amazon CloudWatch"),
        (("cloudwatch-agent",), "", "Amazon CloudWatch"),
        ((), "gcr.io/datadoghq/agent:7", "Datadog"),
        ((), "docker.io/grafana/alloy:v1", "Grafana Alloy"),
        (("gke-metrics-agent",), "gke.gcr.io/prometheus-engine/x:1", "GKE metrics agent"),
        ((), "cr.fluentbit.io/fluent/fluent-bit:4.1.0", "Fluent Bit"),
        (("fluent-bit",), "public.ecr.aws/aws-observability/aws-for-fluent-bit:2", "AWS for Fluent Bit"),
        (("fluentbit-gke",), "gke.gcr.io/fluent-bit:v1", "GKE logging agent"),
        ((), "docker.elastic.co/beats/filebeat:9.1.0", "Filebeat"),
        (("coder",), "ghcr.io/coder/coder:v2.30.0", ""),
        ((), "", ""),
    ],
)  # fmt: skip
def test_a_program_is_known(names: tuple[str, ...], image: str, program: str) -> None:
    """Others before collectors, collectors before the parts: an image's last word may be the same."""
    assert program_of(names, image) == program


def test_the_parts_are_those_of_coders_bundle() -> None:
    """Each has something by which it is known."""
    known = programs()

    assert tuple(known.parts) == PARTS
    for one in (
        *known.parts.values(),
        *known.logs.values(),
        *known.collectors.values(),
        *known.others.values(),
        *known.system.values(),
    ):
        assert one.names
        assert all(image == image.strip("/") and ":" not in image for image in one.images)


def test_what_also_collects_logs_is_known_by_name() -> None:
    """A name that is misspelt here would be nobody's."""
    known = programs()

    assert known.also_logs <= {*known.collectors, *known.others, *known.system}
