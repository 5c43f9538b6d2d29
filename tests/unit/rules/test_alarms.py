"""Alarms: whether one is about coderd, and that a remedy, applied, is what was missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from coder_cva.rules.alarm_subjects import about, subject
from coder_cva.rules.alarms import ALARMS, LICENCE, PROVISIONERS
from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import RuleResult, Verdict
from coder_cva.snapshot.needs import Need
from support import builders
from support import monitoring_manifests as made
from support.coder_manifests import chart_coderd
from support.corpus import merged
from support.deployments import adopted

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

LICENSED = {"spec": {"controlPlane": {"highAvailabilityLicensed": True}}}
PARTS = made.programs((made.GRAFANA, made.LOKI, made.ALERTMANAGER))


def world(*more: Any, namespace: str = "coder", **chart: Any) -> World:
    coderd = chart_coderd(namespace, replicas=3, prometheus=True, **chart)
    there = [coderd, PARTS, *more]
    return builders.world(
        merged(adopted(namespace), LICENSED),
        builders.pools(),
        builders.all_running(there, ["control-plane-1"]),
    )


def result(world: World, clause: str) -> RuleResult:
    (found,) = [one for one in evaluate(world, strict=True).results if one.id == clause]
    return found


def is_about_coderd(expression: str, *files: Any) -> bool:
    here = world(
        made.prometheus_rule({"A": expression}), made.service_monitor(), *files, made.prometheus()
    )
    assert here.coderd is not None
    who = subject(here, here.coderd.deployment)
    return bool(about(here.snapshot.items(Need.PROMETHEUS_RULES), who))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("up == 0", True),
        ('up{job="coder-prom"}', True),
        ('up{job="coder/coder"}', True),
        ('up{job=~"coder.*"}', True),
        ('up{job=~"[a-z]+"}', True),
        ('up{job!="kubelet"}', True),
        ('up{job="kubelet"}', False),
        ('up{app="shop"}', False),
        ('up{namespace="coder",container="coder"}', True),
        ('up{namespace="other"}', False),
        ('x{job="kubelet"}', True),
        ('x{exported_namespace="other"}', False),
        ('x{pod=~"coder-.*",pod!~".*provisioner.*"}', True),
        ('x{pod=~"coder-provisioner-.*"}', False),
        ('x{deployment="coder"}', True),
        ('x{deployment!="coder"}', False),
        ('x{container=""}', False),
        ('a{namespace="other"} or b', True),
    ],
)
def test_whether_an_alarm_is_about_coderd(expression: str, expected: bool) -> None:
    """By its labels; of `up` also by the job, which of others is the exporter's."""
    assert is_about_coderd(expression) is expected


def test_recorded_series_are_followed_and_never_for_ever() -> None:
    """Also where they stand for each other."""
    loop = made.prometheus_rule(
        {}, name="loop", recorded={"a:x": "b:x + up", "b:x": "a:x", "c:x": 'y{namespace="other"}'}
    )

    assert is_about_coderd("a:x > 1", loop)
    assert not is_about_coderd("c:x > 1", loop)
    assert not is_about_coderd('a:x{namespace="other"} > 1', loop)


@pytest.mark.parametrize("namespace", ["coder", "dev-tools"])
@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"ruleSelector": {}, "ruleNamespaceSelector": None},
        {"ruleSelector": {"matchExpressions": [{"key": "role", "operator": "Exists"}]}},
    ],
    ids=["by labels", "of its own namespace", "by an expression"],
)
def test_the_remedies_applied_are_all_alarms(namespace: str, spec: dict[str, Any]) -> None:
    """Whoever pastes them has what was asked for, in whichever way the Prometheus chooses."""
    before = world(made.prometheus(**spec), namespace=namespace)
    missing = result(before, "CVA-OBS-003")
    assert [one.resource.removeprefix("Alarm ") for one in missing.findings] == sorted(
        one.name for one in (*ALARMS, LICENCE, PROVISIONERS)
    )

    pasted = [yaml.safe_load(one.remedy.partition(":\n")[2]) for one in missing.findings]
    after = result(world(made.prometheus(**spec), pasted, namespace=namespace), "CVA-OBS-003")

    assert after.verdict is Verdict.PASSED, after.findings
    assert len({one["metadata"]["name"] for one in pasted}) == len(pasted)


@pytest.mark.parametrize(
    "spec", [{}, {"podMonitorSelector": {}, "podMonitorNamespaceSelector": None}]
)
@pytest.mark.parametrize("namespace", ["coder", "dev-tools"])
def test_the_pod_monitor_applied_leads_to_coderd(namespace: str, spec: dict[str, Any]) -> None:
    """The remedy of CVA-OBS-002, taken word for word."""
    before = result(world(made.prometheus(**spec), namespace=namespace), "CVA-OBS-002")
    (finding,) = before.findings

    pasted = yaml.safe_load(finding.remedy.partition(":\n")[2])
    after = result(world(made.prometheus(**spec), pasted, namespace=namespace), "CVA-OBS-002")

    assert after.verdict is Verdict.PASSED, after.findings
