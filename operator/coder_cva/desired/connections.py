"""Connections to workspaces that are in use: what leads there, to which ports, and of which Pods.

A Service, an Ingress or an HTTPRoute before it, a port of a node, or a scrape annotation that leads to a
workspace's port is a connection that works today (CVA-NET-005): it stays allowed until the user says
otherwise. Not read, and so not seen, are EndpointSlices that somebody sets for a Service without a selector,
PodMonitors, and whoever dials a Pod's address.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from coder_cva.desired import hits, scraping
from coder_cva.desired.pod_ports import Port, targets, told
from coder_cva.snapshot import marks
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Labels, Service
from coder_cva.snapshot.world import World
from coder_cva.values.memo import Memo


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which Pods are labelled as workspaces: a podSelector can only say "and", never "or"."""

    name: str
    key: str
    value: str = ""
    is_usual: bool = False
    """Whether Coder's own templates label so: such Pods may come at any time."""

    @property
    def selector(self) -> dict[str, Any]:
        """The podSelector."""
        if self.value:
            return {"matchLabels": {self.key: self.value}}
        return {"matchExpressions": [{"key": self.key, "operator": "Exists"}]}

    def is_on(self, labels: Mapping[str, str]) -> bool:
        """Whether Pods with these labels are selected."""
        return labels.get(self.key) == self.value if self.value else self.key in labels


WORKSPACE_ID: Final = "com.coder.workspace.id"
KINDS: Final = (
    Kind("workspaces", "com.coder.resource", "true", is_usual=True),
    Kind("workspaces-by-name", marks.NAME, marks.WORKSPACE_NAME, is_usual=True),
    Kind("workspaces-by-app", "app", marks.WORKSPACE_NAME),
    Kind("workspaces-by-id", WORKSPACE_ID),
)
"""Labels that workspaces really have (Coder's templates), each with the name of its policy."""
_PASSING: Final = frozenset(
    {"pod-template-hash", "controller-revision-hash", "pod-template-generation"}
)
"""Labels that a Pod gets from its controller, and loses with the next change of its template."""


def kind_of(labels: Mapping[str, str]) -> Kind | None:
    """The first of the kinds that these labels are of; None where no label selects such a Pod."""
    return next((kind for kind in KINDS if kind.is_on(labels)), None)


@dataclass(frozen=True, slots=True, order=True)
class Reach:
    """Workspaces, by labels that they carry; ``present`` is one of which the value does not matter.

    There is always a label among them by which Pods are known as workspaces, so no other Pod is meant.
    """

    labels: tuple[tuple[str, str], ...]
    present: str = ""

    def is_on(self, labels: Labels) -> bool:
        """Whether a Pod with these labels is meant."""
        has_all = all(labels.get(key) == value for key, value in self.labels)
        return has_all and (not self.present or self.present in labels)


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """A connection in use: what leads to workspaces, to which of their ports, and whose."""

    subject: str
    ports: tuple[Port, ...]
    """() means that it may be any port."""
    reaches: tuple[Reach, ...] = ()
    """The workspaces concerned; () where no label selects them, so that nothing can close them either."""
    others: int = 0
    """How many workspaces the same labels select although nothing leads to them."""
    sort: hits.Sort = field(default_factory=hits.Sort)
    """Of which sort it is: what is alike but for the workspace shares one."""

    @property
    def resource(self) -> str:
        """What leads there, as findings and waivers name it."""
        return self.subject.partition(", ")[0]

    @property
    def hits(self) -> tuple[str, ...]:
        """Its classes, one for each port in their order, or one for every port."""
        return tuple(map(self.sort.hit, self.ports)) or (self.sort.hit(None),)

    @property
    def where(self) -> str:
        """The ports in words."""
        return f"port {told(self.ports)}" if self.ports else "every port"

    def __str__(self) -> str:
        more = f", also of {self.others} that no label tells apart" if self.others else ""
        return f"{self.subject} ({self.where}{more})"


def connections(world: World, namespace: str, workspaces: tuple[Workspace, ...]) -> tuple[Use, ...]:
    """What leads to ports of workspaces in a namespace, sorted; ``workspaces`` are all that are there."""
    index = Index(workspaces, world.memo)
    by_pods = _by_pods(world.memo.flat(_saying, workspaces), index)
    return tuple(sorted((*_by_services(world, namespace, index), *by_pods)))


_ByValue = dict[str, list[Workspace]]
"""Workspaces by the value of one label."""
_FEW: Final = 32
"""Values of a label for which no index of all of them is made."""


class Index:
    """The workspaces of a namespace by their labels: a template may make a Service for each.

    A label is looked up from when it is asked for: workspaces have many, and selectors name few.
    """

    def __init__(self, workspaces: tuple[Workspace, ...], memo: Memo) -> None:
        self._every = workspaces
        self._memo = memo
        self._parts: dict[str, tuple[_ByValue, ...]] = {}
        self._asked: Counter[str] = Counter()
        self._whole: dict[str, _ByValue] = {}

    def selected(self, reach: Reach) -> list[Workspace]:
        """The workspaces that are meant. Only those are looked at that carry its rarest label."""
        candidates: list[Sequence[Workspace]] = [
            self._having(key, value) for key, value in reach.labels
        ]
        fewest = min(candidates, key=len, default=self._every)
        return [one for one in fewest if reach.is_on(one.pod.meta.labels)]

    def _having(self, key: str, value: str) -> Sequence[Workspace]:
        """The workspaces with this label. Whoever asks for many values of a key gets an index of all."""
        if key not in self._parts:
            self._parts[key] = self._memo.parts(_by_value, self._every, key)
        self._asked[key] += 1
        if self._asked[key] <= _FEW:
            return [one for part in self._parts[key] for one in part.get(value, ())]
        if key not in self._whole:
            self._whole[key] = _merged(self._parts[key])
        return self._whole[key].get(value, ())


def _merged(parts: Iterable[_ByValue]) -> _ByValue:
    found: _ByValue = {}
    for part in parts:
        for value, those in part.items():
            found.setdefault(value, []).extend(those)
    return found


def _by_value(workspaces: tuple[Workspace, ...], key: str) -> _ByValue:
    found: _ByValue = {}
    for one in workspaces:
        value = one.pod.meta.labels.get(key)
        if value is not None:
            found.setdefault(value, []).append(one)
    return found


def _by_services(world: World, namespace: str, index: Index) -> Iterator[Use]:
    for service in world.snapshot.within(Need.SERVICES, namespace):
        if not service.selector or service.type == "ExternalName":
            continue
        led = index.selected(_own(service.selector))
        # A Service of a workspace that is stopped now leads to it again when it starts.
        if not led and kind_of(service.selector) is None:
            continue
        shapes = tuple(one.pod.shape for one in led)
        ports = targets(service, shapes) | scraping.named(service.meta.annotations, shapes)
        # A headless one without ports gives away the Pods' addresses, for whatever port.
        served = tuple(sorted(ports)) if service.ports else ()
        if served or not service.ports:
            sort = hits.of_service(namespace, service.selector, led)
            yield Use(_subject(world, service), served, _reaches(service.selector, led), sort=sort)


def _own(selector: Labels) -> Reach:
    return Reach(tuple(sorted(selector.items())))


def _reaches(selector: Labels, led: list[Workspace]) -> tuple[Reach, ...]:
    """The Service's own selector, with a label beside it where it alone may select other Pods too."""
    if kind_of(selector) is not None:
        return (_own(selector),)
    kinds = {kind_of(one.pod.meta.labels) for one in led} - {None}
    return tuple(sorted(_narrowed(selector, kind) for kind in kinds if kind is not None))


def _narrowed(selector: Labels, kind: Kind) -> Reach:
    if kind.value:
        return _own({**selector, kind.key: kind.value})
    return Reach(_own(selector).labels, kind.key)


def _subject(world: World, service: Service) -> str:
    through = world.routes.get((service.meta.namespace, service.meta.name), ())
    subject = f"Service {service.meta.path}"
    return f"{subject}, through {', '.join(through[:3])}" if through else subject


_Said = tuple[Workspace, tuple[tuple[str, tuple[Port, ...]], ...]]
"""A workspace, and what its Pod says that leads to which of its ports."""


def _saying(workspaces: tuple[Workspace, ...]) -> tuple[_Said, ...]:
    told = ((one, tuple(_said(one))) for one in workspaces)
    return tuple((one, said) for one, said in told if said)


def _by_pods(saying: tuple[_Said, ...], index: Index) -> Iterator[Use]:
    """What Pods say of themselves: scrape annotations, and ports of their node that lead to them."""
    led: defaultdict[tuple[str, tuple[Port, ...], hits.Sort], list[Workspace]] = defaultdict(list)
    meant: defaultdict[tuple[Reach | None, tuple[Port, ...]], set[str]] = defaultdict(set)
    for one, said in saying:
        for what, ports in said:
            who = one.controller or f"Pod {one.pod.meta.name}"
            space = one.pod.meta.namespace
            led[f"{what} of {who} in {space}", ports, hits.of_pods(space, what)].append(one)
            meant[_telling(one.pod.meta.labels), ports].add(one.pod.meta.name)
    for (subject, ports, sort), those in led.items():
        found = {_telling(one.pod.meta.labels) for one in those}
        reaches = tuple(sorted(one for one in found if one is not None))
        others = sum(len(index.selected(one)) - len(meant[one, ports]) for one in reaches)
        yield Use(subject, ports, reaches, others, sort)


def _said(workspace: Workspace) -> Iterator[tuple[str, tuple[Port, ...]]]:
    meta, shape = workspace.pod.meta, workspace.pod.shape
    if shape.host_network:
        return  # no policy covers it, and its ports are the node's
    for name, ports in scraping.sources(meta.annotations, (shape,)):
        yield f"annotation {name}", tuple(sorted(ports))
    if shape.host_ports:
        yield "hostPort", shape.host_ports


def _telling(labels: Labels) -> Reach | None:
    """The narrowest selector that surely is on this workspace, and stays on it when it starts again."""
    if labels.get(WORKSPACE_ID):
        return _own({WORKSPACE_ID: labels[WORKSPACE_ID]})
    if kind_of(labels) is None:
        return None
    return _own({key: value for key, value in labels.items() if key not in _PASSING})
