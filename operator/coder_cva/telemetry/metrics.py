"""Prometheus metrics. Labels are bounded: CoderDeployments, clause ids, verdicts, kinds, actions.

All are prefixed ``coder_cva_``; units stand in the names, as Prometheus asks.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

REGISTRY: Final = CollectorRegistry()

_WHO: Final = ("namespace", "name")
_RECONCILES = Counter(
    "coder_cva_reconciles",
    "Passes over a CoderDeployment, by outcome.",
    (*_WHO, "outcome"),
    registry=REGISTRY,
)
_SECONDS = Histogram(
    "coder_cva_reconcile_seconds",
    "Duration of one pass.",
    registry=REGISTRY,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_WRITES = Counter(
    "coder_cva_writes",
    "Objects written or refused, by kind and action.",
    ("kind", "action"),
    registry=REGISTRY,
)
_CLAUSES = Gauge(
    "coder_cva_clause_verdict",
    "1 for the verdict that a clause of the architecture has now.",
    (*_WHO, "clause", "verdict"),
    registry=REGISTRY,
)
_CONDITIONS = Gauge(
    "coder_cva_condition",
    "1 for the status that a condition has now.",
    (*_WHO, "condition", "status"),
    registry=REGISTRY,
)
_FINDINGS = Gauge(
    "coder_cva_findings", "Findings by severity.", (*_WHO, "severity"), registry=REGISTRY
)
_WORKSPACES = Gauge(
    "coder_cva_workspaces", "Workspace Pods that were recognised.", _WHO, registry=REGISTRY
)
_ROUND_TRIP = Gauge(
    "coder_cva_database_round_trip_seconds",
    "Median round trip to the database, from this replica of the operator.",
    _WHO,
    registry=REGISTRY,
)
_REVIEWS = Counter(
    "coder_cva_admission_reviews",
    "Objects that the API server asked this replica's webhook about, by policy and outcome.",
    ("policy", "outcome"),
    registry=REGISTRY,
)
_REVIEW_SECONDS = Histogram(
    "coder_cva_admission_review_seconds",
    "How long the webhook took to judge one object.",
    registry=REGISTRY,
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2),
)
_CERTIFICATE_ENDS = Gauge(
    "coder_cva_webhook_certificate_end_timestamp_seconds",
    "When the certificate ends that this replica's webhook serves by.",
    registry=REGISTRY,
)
_PROBES = Counter(
    "coder_cva_webhook_probes",
    "Dry runs by which the leader tries whether the API server gets through to the webhook, by outcome.",
    ("outcome",),
    registry=REGISTRY,
)
_PROBE_SECONDS = Gauge(
    "coder_cva_webhook_probe_seconds",
    "How long the last of them took that was answered, the API server's own part included.",
    ("engine",),
    registry=REGISTRY,
)
_REACHED = Gauge(
    "coder_cva_webhook_reached",
    "1 where the API server gets through to the webhook, 0 where not; no sample while nobody tries.",
    ("engine",),
    registry=REGISTRY,
)
_LEADER = Gauge(
    "coder_cva_leader", "1 while this replica of the operator leads.", registry=REGISTRY
)
_KINDS = Gauge(
    "coder_cva_kind_readable", "1 where a kind could be read, else 0.", ("kind",), registry=REGISTRY
)

_WEBHOOK: Final = "Webhook"
"""The one value of the label ``engine``, so that there can be no sample at all."""
VERDICTS: Final = ("passed", "failed", "unknown", "notApplicable")
SEVERITIES: Final = ("critical", "high", "medium", "low", "advisory")
TRUTHS: Final = ("True", "False", "Unknown")
OUTCOMES: Final = ("settled", "progressing", "stalled", "starting", "failed", "not-leading", "gone")
REVIEWS: Final = ("changed", "unchanged", "warned", "refused", "failed")
_SHOWN: Final[dict[tuple[str, str], frozenset[tuple[Gauge, tuple[str, ...]]]]] = {}
"""The samples that a CoderDeployment has now."""


def exposition() -> tuple[bytes, str]:
    """All metrics in Prometheus' text form, and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST


def reviewed(policy: str, outcome: str, seconds: float) -> None:
    """Counts an answer of the webhook: ``outcome`` is one of ``REVIEWS``."""
    _REVIEWS.labels(policy, outcome).inc()
    _REVIEW_SECONDS.observe(seconds)


def probed(outcome: str, seconds: float | None = None) -> None:
    """Counts a dry run; ``seconds`` where it was answered."""
    _PROBES.labels(outcome).inc()
    if seconds is not None:
        _PROBE_SECONDS.labels(_WEBHOOK).set(seconds)


def webhook_reached(*, is_reached: bool | None) -> None:
    """Shows whether the API server gets through; None while that is not known, or not tried."""
    if is_reached is None:
        _REACHED.clear()
        _PROBE_SECONDS.clear()
    else:
        _REACHED.labels(_WEBHOOK).set(int(is_reached))


def certificate_ends(timestamp: float) -> None:
    """Tells when the webhook's certificate ends, in seconds since 1970."""
    _CERTIFICATE_ENDS.set(timestamp)


def reconciled(namespace: str, name: str, outcome: str, seconds: float) -> None:
    """Counts a pass: ``outcome`` is one of ``OUTCOMES``."""
    _RECONCILES.labels(namespace, name, outcome).inc()
    _SECONDS.observe(seconds)


def wrote(kind: str, action: str) -> None:
    """Counts an object that was created, configured, deleted, foreign or failed."""
    _WRITES.labels(kind, action).inc()


def leading(*, leads: bool) -> None:
    """Shows whether this replica leads."""
    _LEADER.set(int(leads))


def readable(kinds: Mapping[str, bool]) -> None:
    """Shows which kinds can be read."""
    for kind, is_readable in kinds.items():
        _KINDS.labels(kind).set(int(is_readable))


def database_round_trip(namespace: str, name: str, seconds: float | None) -> None:
    """Shows the last median that was measured; None where there is none: it has no sample then."""
    if seconds is not None:
        _ROUND_TRIP.labels(namespace, name).set(seconds)
    else:
        _ROUND_TRIP.remove(namespace, name)


def show_status(namespace: str, name: str, status: Mapping[str, Any]) -> None:
    """Sets the gauges of a CoderDeployment from the status that was just worked out.

    What the status does not say has no sample: a count that could not be made is not 0.
    """
    who = (namespace, name)
    now = {(gauge, (*who, *labels)): value for gauge, labels, value in _samples(status)}
    for (gauge, labels), value in now.items():
        gauge.labels(*labels).set(value)
    for gauge, labels in _SHOWN.get(who, frozenset()) - now.keys():
        gauge.remove(*labels)
    _SHOWN[who] = frozenset(now)


def _samples(status: Mapping[str, Any]) -> Iterator[tuple[Gauge, tuple[str, ...], int]]:
    for clause, said in status.get("verdicts", {}).items():
        for verdict in VERDICTS:
            yield _CLAUSES, (clause, verdict), int(said.split(" ")[0] == verdict)
    for condition in status.get("conditions", []):
        for truth in TRUTHS:
            yield _CONDITIONS, (condition["type"], truth), int(condition["status"] == truth)
    if "findingsBySeverity" in status:
        for severity in SEVERITIES:
            yield _FINDINGS, (severity,), status["findingsBySeverity"].get(severity, 0)
    if "count" in status.get("workspaces", {}):
        yield _WORKSPACES, (), status["workspaces"]["count"]


def forget(namespace: str, name: str) -> None:
    """Removes everything about a CoderDeployment that is gone."""
    for gauge, labels in _SHOWN.pop((namespace, name), frozenset()):
        gauge.remove(*labels)
    _ROUND_TRIP.remove(namespace, name)
    for outcome in OUTCOMES:
        _RECONCILES.remove(namespace, name, outcome)


def stand_by() -> None:
    """Removes what only the leader knows: two replicas must not contradict each other."""
    for metric in (
        _RECONCILES,
        _CLAUSES,
        _CONDITIONS,
        _FINDINGS,
        _WORKSPACES,
        _KINDS,
        _ROUND_TRIP,
        _PROBES,
        _PROBE_SECONDS,
        _REACHED,
    ):
        metric.clear()
    _SHOWN.clear()
