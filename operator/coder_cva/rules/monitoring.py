"""Which programs of monitoring run in the cluster, and what each Prometheus of the Prometheus Operator takes."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from coder_cva.catalogue.monitoring import PARTS, program_of, programs
from coder_cva.snapshot import marks
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Labels, Meta, Pod
from coder_cva.snapshot.records_monitoring import PrometheusServer, Selection
from coder_cva.snapshot.world import World
from coder_cva.values import selectors

SEEING: Final = frozenset({Need.PODS, Need.PROMETHEUSES, Need.NAMESPACES})
"""What seeing all this takes."""
_NAMING: Final = (marks.NAME, "k8s-app")


_OPERATOR: Final = "prometheus-operator"


@dataclass(frozen=True, slots=True)
class Monitoring:
    """What runs: for each program the first of its Pods, and the Prometheus resources.

    ``plain`` are the Prometheus servers whose configuration is a file, which nobody reads here;
    ``log_collectors`` all Pods of what collects logs, each with its program.
    """

    running: Mapping[str, str]
    log_collectors: tuple[tuple[str, Pod], ...]
    plain: tuple[str, ...]
    servers: tuple[PrometheusServer, ...]
    namespaces: Mapping[str, Labels]
    """The labels of every namespace."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of Coder's bundle that are there, in their order."""
        return tuple(one for one in PARTS if one in self.running)

    @property
    def collectors(self) -> tuple[str, ...]:
        """What collects by annotations, as its chart configures it: each with one of its Pods."""
        named = self._of(programs().collectors)
        return (*(f"Prometheus ({one})" for one in self.plain), *named)

    @property
    def others(self) -> tuple[str, ...]:
        """Monitoring of another make: each with one of its Pods."""
        return self._of(programs().others)

    @property
    def system(self) -> tuple[str, ...]:
        """A cloud's own agents, which ask no workload: each with one of its Pods."""
        return self._of(programs().system)

    def _of(self, known: Collection[str]) -> tuple[str, ...]:
        return tuple(f"{name} ({pod})" for name, pod in self.running.items() if name in known)


def monitoring(world: World) -> Monitoring:
    """What runs in the whole cluster. A workspace in which somebody tries Grafana is none of it."""
    running, plain = dict[str, str](), set[str]()
    found = world.memo.flat(_programs, world.snapshot.items(Need.PODS))
    for program, pod in found:
        running.setdefault(program, pod.meta.path)
        if program == "Prometheus" and pod.meta.labels.get(marks.MANAGED_BY) != _OPERATOR:
            plain.add(pod.meta.path)
    return Monitoring(
        dict(sorted(running.items())),
        tuple(one for one in found if one[0] in programs().logs),
        tuple(sorted(plain)[:1]),
        world.snapshot.items(Need.PROMETHEUSES),
        {one.meta.name: one.meta.labels for one in world.snapshot.items(Need.NAMESPACES)},
    )


def _programs(pods: tuple[Pod, ...]) -> tuple[tuple[str, Pod], ...]:
    """The Pods of programs that are known, each with its program."""
    found = []
    for pod in pods:
        if pod.phase != "Running" or pod.meta.deleting or _is_workspace(pod):
            continue
        names = tuple(pod.meta.labels[key] for key in _NAMING if key in pod.meta.labels)
        program = program_of(names, pod.shape.image)
        if program:
            found.append((program, pod))
    return tuple(found)


def _is_workspace(pod: Pod) -> bool:
    return pod.shape.agent or any(key in pod.meta.labels for key in marks.WORKSPACE_LABELS)


def takes(seen: Monitoring, server: PrometheusServer, selection: Selection, meta: Meta) -> bool:
    """Whether a Prometheus takes an object: by the object's labels, and by its namespace's."""
    is_chosen = selectors.matches(selection.objects, meta.labels)
    return is_chosen and _reaches(seen, server, selection, meta.namespace)


def _reaches(seen: Monitoring, server: PrometheusServer, selection: Selection, name: str) -> bool:
    if selection.namespaces is None:
        return name == server.meta.namespace
    labels = seen.namespaces.get(name)
    return labels is not None and selectors.matches(selection.namespaces, labels)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object has to be, and with which labels, so that some Prometheus takes it."""

    server: str
    namespace: str
    labels: Mapping[str, str]


def place(
    seen: Monitoring, choices: Iterable[tuple[PrometheusServer, Selection]], wanted: str
) -> Place | None:
    """For an object that is to be in the wanted namespace, else in the Prometheus' own; None if none takes any."""
    for server, selection in choices:
        labels = _labels(selection.objects)
        if labels is None:
            continue
        for namespace in (wanted, server.meta.namespace):
            if _reaches(seen, server, selection, namespace):
                return Place(server.meta.path, namespace, labels)
    return None


def _labels(selector: Mapping[str, object] | None) -> Mapping[str, str] | None:
    """The fewest labels that a selector selects, None where none are found."""
    if selector is None:
        return None
    found: dict[str, str] = {}
    exact, expressions = selector.get("matchLabels"), selector.get("matchExpressions")
    if isinstance(exact, Mapping):
        found |= exact
    for one in expressions if isinstance(expressions, list) else ():
        if one["operator"] == "In" and one["values"]:
            found.setdefault(one["key"], one["values"][0])
        elif one["operator"] == "Exists":
            found.setdefault(one["key"], "true")
    return found if selectors.matches(selector, found) else None
