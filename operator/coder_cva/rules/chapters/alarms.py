"""Observability: somebody is told when Coder fares badly (CVA-OBS-003)."""

from collections.abc import Iterator
from typing import Final

from coder_cva.rules import alarm_subjects, remedies
from coder_cva.rules.alarm_subjects import Found, Subject
from coder_cva.rules.alarms import ALARMS, LICENCE, PROVISIONERS, Alarm, manifest
from coder_cva.rules.model import Finding, Judgement, Rule, failed, unknown, verdict
from coder_cva.rules.monitoring import SEEING, Monitoring, monitoring, place, takes
from coder_cva.rules.subjects import CODERD, are, named, no_coderd
from coder_cva.snapshot import environment
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.records_monitoring import AlarmFile
from coder_cva.snapshot.world import World

_RULE: Final = "CVA-OBS-003"
_BUILT_IN: Final = "CODER_PROVISIONER_DAEMONS"
_NEEDS: Final = SEEING | {Need.SERVICES, Need.PROMETHEUS_RULES, Need.ALARM_CONFIG_MAPS}


def alarms_are_set(world: World) -> Judgement:
    """CVA-OBS-003: the alarms of Coder's observability chart are there, or others over the same series.

    Alarms are seen in PrometheusRules that a Prometheus takes, and in the ConfigMap of that chart. Which of the
    others somebody does not want is said by a waiver.
    """
    if world.coderd is None:
        return no_coderd(world)
    live, seen = world.coderd.deployment, monitoring(world)
    files = _files(world, seen)
    if not seen.servers and not files:
        return _nothing_to_read(live, seen)
    who = alarm_subjects.subject(world, live)
    found = alarm_subjects.about(files, who)
    wanted = _wanted(world, live)
    covered = {one.name: alarm_subjects.covering(one, found) for one in wanted}
    missing = [one for one in wanted if covered[one.name] is None]
    idle = alarm_subjects.about(world.snapshot.items(Need.PROMETHEUS_RULES), who)
    findings = [
        *(
            _missing(one, alarm_subjects.covering(one, idle), _remedy(live, seen, one))
            for one in missing
        ),
        *_ever(live, found, who),
    ]
    there = [f"{it.name} of {it.file.meta.path}" for it in covered.values() if it is not None]
    return verdict(
        findings,
        held=f"each of {are(len(wanted), 'alarm')} is there: {named(there)}",
        broken=f"{len(there)} of {are(len(wanted), 'alarm')} are there; missing: "
        f"{', '.join(one.name for one in missing) or 'none'}",
    )


def _files(world: World, seen: Monitoring) -> tuple[AlarmFile, ...]:
    """What some Prometheus takes: PrometheusRules by its selectors, the chart's ConfigMap by its own mount."""
    rules = (
        one
        for one in world.snapshot.items(Need.PROMETHEUS_RULES)
        if any(takes(seen, server, server.rules, one.meta) for server in seen.servers)
    )
    maps = world.snapshot.items(Need.ALARM_CONFIG_MAPS) if seen.plain else ()
    return (*rules, *maps)


def _nothing_to_read(live: Deployment, seen: Monitoring) -> Judgement:
    """Alarms are kept where nobody reads them here, or there is nothing that could raise one."""
    elsewhere = [*seen.collectors, *seen.others]
    elsewhere += [f"Grafana ({seen.running['Grafana']})"] if "Grafana" in seen.running else []
    if elsewhere:
        return unknown(
            "AlarmsNotSeen",
            f"{named(elsewhere)} may raise alarms, and where it keeps them is not read: they are seen in PrometheusRules that "
            "a Prometheus of the Prometheus Operator takes, and in the ConfigMap coder-metrics-alerts of Coder's "
            "observability chart. State the others with evidence and a date in spec.attestations",
        )
    return failed(
        "nothing that raises alarms runs in this cluster",
        [
            Finding(
                _RULE,
                f"Deployment {live.meta.path}",
                expected=f"alarms: {', '.join(one.name for one in ALARMS)}",
                observed="no Prometheus runs in this cluster, nor monitoring of another make",
                remedy="install Coder's observability bundle, as CVA-OBS-002 says: it brings them. Where this Coder is "
                "watched from outside of the cluster, accept this in spec.waivers with the reason",
            )
        ],
    )


def _wanted(world: World, live: Deployment) -> list[Alarm]:
    """Alarms on seats where there is a licence, on built-in provisioners where there are some."""
    is_licensed = world.deployment.spec.control_plane.high_availability_licensed
    builds = _builds(live)
    return [*ALARMS, *([LICENCE] if is_licensed else []), *([PROVISIONERS] if builds else [])]


def _builds(live: Deployment) -> bool | None:
    """Whether coderd builds by itself, None where that stands elsewhere; it does unless it is told otherwise."""
    if environment.is_elsewhere(live, _BUILT_IN):
        return None
    return environment.literal(live, _BUILT_IN) != "0"


def _missing(alarm: Alarm, idle: Found | None, remedy: str) -> Finding:
    """One alarm that is not there, or that is there and that nobody takes."""
    lacks = "no alarm that a Prometheus takes is over such series of coderd's"
    if idle is not None:
        lacks = f"{idle.name} of {idle.file.kind} {idle.file.meta.path}, which no Prometheus takes"
    return Finding(
        _RULE,
        f"Alarm {alarm.name}",
        expected=f"an alarm that says: {alarm.about}",
        observed=lacks,
        remedy=remedy,
    )


def _remedy(live: Deployment, seen: Monitoring, alarm: Alarm) -> str:
    meta = live.meta
    places = {
        "namespace": meta.namespace,
        "deployment": meta.name,
        "container": str(environment.container(live).get("name", "")),
        "replicas": str(max(live.replicas, 1)),
        "labels": f'namespace="{meta.namespace}",pod=~"{meta.name}-[a-z0-9]+-[a-z0-9]+"',
    }
    where = place(seen, ((one, one.rules) for one in seen.servers), meta.namespace)
    if where is None:
        groups = manifest(alarm, places, meta.namespace, {})["spec"]
        return f"give this to the Prometheus that asks coderd, as a file of rules:\n{remedies.as_yaml(groups)}"
    rule = manifest(alarm, places, where.namespace, where.labels)
    return (
        f"kubectl apply -f - with this PrometheusRule, which Prometheus {where.server} takes:\n"
        f"{remedies.as_yaml(rule)}"
    )


def _ever(live: Deployment, found: tuple[Found, ...], who: Subject) -> Iterator[Finding]:
    """Alarms on provisioners that ask coderd, where coderd has none: they are raised for ever."""
    if _builds(live) is not False:
        return
    for one in found:
        if any(PROVISIONERS.asks(it.metric) and who.is_alone(it) for it in one.series):
            yield Finding(
                _RULE,
                f"{one.file.kind} {one.file.meta.path}",
                f"alert {one.name}",
                "an alarm that asks the external provisioners, not coderd",
                f"it counts coderd's own provisioners, and {_BUILT_IN} is 0: it is raised for ever",
                "in Coder's observability bundle helm upgrade coder-observability coder-observability/coder-observability "
                f"--namespace {one.file.meta.namespace} --reuse-values --set "
                "global.coder.alerts.provisionerd.groups.Replicas.enabled=false; elsewhere take the alarm out",
            )


RULES: Final = (Rule(_RULE, alarms_are_set, CODERD | _NEEDS),)
