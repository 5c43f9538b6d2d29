"""Whether an alarm is about coderd: its expressions against the labels that coderd's series have."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from coder_cva.rules.alarms import Alarm
from coder_cva.snapshot import environment
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.records_monitoring import AlarmFile, Expression
from coder_cva.snapshot.world import World
from coder_cva.values import selectors
from coder_cva.values.label_matching import holds
from coder_cva.values.promql import Matcher, Series

_SPELLINGS: Final = {
    "namespace": ("namespace", "exported_namespace", "kubernetes_namespace"),
    "pod": ("pod", "exported_pod", "pod_name", "kubernetes_pod_name"),
    "container": ("container", "exported_container", "container_name"),
    "deployment": ("deployment", "exported_deployment"),
}
"""How scrapers and exporters call the labels by which coderd's series are told from others."""
_UP: Final = "up"
"""The one series that every target has: of it also other labels say whose it is."""
_USUAL_JOBS: Final = frozenset(
    {"coder", "coderd", "kubernetes-pods", "kubernetes-service-endpoints"}
)
_PROVISIONER_POD: Final = "coder-provisioner-5d8f6c7b9d-x2x4z"
"""A Pod of the chart ``coder-provisioner``, as Kubernetes names it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """coderd as its series name it: the values that each label may have."""

    labels: Mapping[str, Collection[str]]
    targets: Collection[str]
    """What the other labels of ``up`` may say, ``job`` for one."""

    def is_meant(self, one: Series) -> bool:
        """Whether a series may be coderd's; a pattern that is not understood refutes nothing."""
        return all(
            any(holds(matcher, value) is not False for value in values)
            for matcher in one.matchers
            if (values := self._values(one.metric, matcher)) is not None
        )

    def is_alone(self, one: Series) -> bool:
        """Whether a series is coderd's by the names of its Pods, and surely not that of external provisioners."""
        pods = [it for it in one.matchers if it.label in _SPELLINGS["pod"]]
        return all(any(holds(it, value) for value in self.labels["pod"]) for it in pods) and any(
            holds(it, _PROVISIONER_POD) is False for it in pods
        )

    def _values(self, metric: str, matcher: Matcher) -> Collection[str] | None:
        """What the label may say; None where it says nothing about whose series it is."""
        if matcher.label in self.labels:
            return self.labels[matcher.label]
        is_chosen = metric == _UP and matcher.operator in ("=", "=~")
        return self.targets if is_chosen and matcher.label != "__name__" else None


def subject(world: World, live: Deployment) -> Subject:
    """coderd, by its Deployment, its Pods and its Services."""
    meta = live.meta
    pods = [one.meta.name for one in world.coderd_pods]
    said = {
        "namespace": [meta.namespace],
        "pod": pods or [f"{meta.name}-5d8f6c7b9d-x2x4z"],
        "container": [str(environment.container(live).get("name", ""))],
        "deployment": [meta.name],
    }
    services = {
        one.meta.name
        for one in world.snapshot.within(Need.SERVICES, meta.namespace)
        if one.selector and selectors.has_labels(one.selector, live.template_meta.labels)
    }
    jobs = {meta.name, *services, *_USUAL_JOBS}
    return Subject(
        {spelt: said[label] for label, spellings in _SPELLINGS.items() for spelt in spellings},
        sorted(jobs | {f"{meta.namespace}/{one}" for one in jobs}),
    )


@dataclass(frozen=True, slots=True)
class Found:
    """An alarm of somebody's, where it stands, and coderd's series in it."""

    file: AlarmFile
    name: str
    series: tuple[Series, ...]


def about(files: Collection[AlarmFile], who: Subject) -> tuple[Found, ...]:
    """The alarms with series that may be coderd's, those behind recorded ones too."""
    recorded = {one.name: one for file in files for one in file.expressions if not one.is_alarm}
    found = (
        Found(file, one.name, tuple(_series(one, recorded, who, frozenset())))
        for file in files
        for one in file.expressions
        if one.is_alarm
    )
    return tuple(one for one in found if one.series)


def _series(
    one: Expression, recorded: Mapping[str, Expression], who: Subject, seen: frozenset[str]
) -> Iterator[Series]:
    for it in one.series:
        behind = recorded.get(it.metric)
        if not who.is_meant(it):
            continue
        if behind is None:
            yield it
        elif it.metric not in seen:
            yield from _series(behind, recorded, who, seen | {it.metric})


def covering(alarm: Alarm, found: Collection[Found]) -> Found | None:
    """The first alarm that counts for this one."""
    return next((one for one in found if any(alarm.asks(it.metric) for it in one.series)), None)
