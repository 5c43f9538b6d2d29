"""A pool and a workspace in, what of the workspace's own wishes no node of the pool meets out (CVA-NODE-005).

A Pod that asks for the pool beside wishes which the pool does not meet stays Pending for ever. Which nodes
meet what is the scheduler's reckoning: node selector, required node affinity, devices, volumes, taints.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coder_cva.api.v1alpha1.scheduling import NodePool
from coder_cva.rules import claims
from coder_cva.snapshot import pools, volume_topology
from coder_cva.snapshot.controllers import controllers
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.records import Node, NodeExpression, NodeTerm, PodShape
from coder_cva.snapshot.shapes import mappings, text, texts
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import dig
from coder_cva.values.selectors import has_labels

_NAME: Final = "metadata.name"
_TERMS: Final = (
    "nodeAffinity",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "nodeSelectorTerms",
)


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume that a workspace keeps: its claim's name, its own, and where it can be attached."""

    claim: str
    name: str
    terms: tuple[NodeTerm, ...]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a workspace asks of its node beside room; ``node_name`` is the template's, past the scheduler."""

    node_name: str = ""
    selector: tuple[tuple[str, str], ...] = ()
    terms: tuple[NodeTerm, ...] = ()
    devices: tuple[str, ...] = ()
    volumes: tuple[Volume, ...] = ()

    def without_choice(self) -> "Wishes":
        """What is left of them where the template leaves the node open."""
        return Wishes(devices=self.devices, volumes=self.volumes)

    @property
    def choice(self) -> str:
        """The nodes that the template itself chooses, in words; "" where it leaves that open."""
        if self.node_name:
            return f"node name {self.node_name}"
        if self.selector:
            return f"node selector {','.join('='.join(one) for one in self.selector)}"
        return f"node affinity {volume_topology.place(self.terms)}" if self.terms else ""


class PoolFit:
    """The workspaces' pool, asked about one workspace after the other; an index is made once."""

    def __init__(self, world: World, pool: NodePool) -> None:
        self._pool = world.pool(pool.selector)
        self._tolerations = [one.dump() for one in pool.tolerations]
        self._volumes = claims.volumes(world)
        self._controllers = controllers(world.snapshot, world.memo)
        self._open: dict[int, tuple[Node, ...]] = {}
        self._taken: dict[tuple[int, object], bool] = {}

    def wishes(self, workspace: Workspace) -> Wishes:
        """What a workspace asks for.

        Its affinity is the Deployment's where there is one: on its Pods stands also what admission wrote.
        """
        shape = workspace.pod.shape
        template = self._controllers.deployment_of(workspace.pod.meta)
        return Wishes(
            node_name=template.node_name if template is not None else "",
            selector=tuple(sorted(shape.scheduling.node_selector.items())),
            terms=tuple(_terms(template.shape if template is not None else shape)),
            devices=shape.devices,
            volumes=tuple(self._kept(workspace)),
        )

    def nodes(self, workspace: Workspace) -> tuple[Node, ...]:
        """The pool's nodes that are ready and open to this workspace, with the pool's tolerations added."""
        scheduling = workspace.pod.shape.scheduling
        if id(scheduling) not in self._open:
            tolerations = [*self._tolerations, *scheduling.tolerations]
            found = (one for one in self._pool if pools.is_open(one, tolerations))
            self._open[id(scheduling)] = tuple(found)
        return self._open[id(scheduling)]

    def unattached(self, workspace: Workspace, wishes: Wishes) -> Volume | None:
        """The first volume that none of these nodes can attach."""
        return next((one for one in wishes.volumes if not self._any(workspace, one.terms)), None)

    def lacking(self, workspace: Workspace, wishes: Wishes) -> list[str]:
        """The devices that none of these nodes has."""
        return [one for one in wishes.devices if not self._any(workspace, one)]

    def takes(self, workspace: Workspace, wishes: Wishes) -> bool:
        """Whether one of these nodes meets everything at once."""
        return not wishes.node_name and self._any(workspace, wishes)

    def _any(self, workspace: Workspace, asked: "Wishes | tuple[NodeTerm, ...] | str") -> bool:
        """Whether a node meets it: all wishes, the place of a volume, or a device. Asked once for each kind."""
        key = (id(workspace.pod.shape.scheduling), _shared(asked))
        if key not in self._taken:
            self._taken[key] = any(_meets(one, asked) for one in self.nodes(workspace))
        return self._taken[key]

    def _kept(self, workspace: Workspace) -> Iterator[Volume]:
        """Volumes with a place; those that go with the Pod are made anew where the next one is."""
        shape = workspace.pod.shape
        for claim in shape.claims:
            found = self._volumes.get((workspace.pod.meta.namespace, claim))
            if found is not None and found.node_terms is not None and claim not in shape.own_claims:
                yield Volume(claim, found.meta.name, found.node_terms)


def _shared(asked: Wishes | tuple[NodeTerm, ...] | str) -> object:
    """What many workspaces ask for alike: the names of their claims are their own."""
    if not isinstance(asked, Wishes):
        return asked
    places = tuple(one.terms for one in asked.volumes)
    return (asked.selector, asked.terms, asked.devices, places)


def _meets(node: Node, asked: Wishes | tuple[NodeTerm, ...] | str) -> bool:
    if isinstance(asked, str):
        return asked in node.devices
    labels = {**node.meta.labels, _NAME: node.meta.name}
    if isinstance(asked, tuple):
        return _is_one_of(labels, asked)
    return (
        has_labels(dict(asked.selector), labels)
        and (not asked.terms or _is_one_of(labels, asked.terms))
        and set(asked.devices) <= set(node.devices)
        and all(_is_one_of(labels, one.terms) for one in asked.volumes)
    )


def _is_one_of(labels: Mapping[str, str], terms: tuple[NodeTerm, ...]) -> bool:
    return any(
        bool(term) and all(volume_topology.meets(labels, one) for one in term) for term in terms
    )


def _terms(shape: PodShape) -> Iterator[NodeTerm]:
    """The terms of the required node affinity: alternatives, of which an empty one selects no node."""
    for term in mappings(dig(shape.scheduling.affinity, *_TERMS)):
        parts = (mappings(term.get(part)) for part in ("matchExpressions", "matchFields"))
        yield tuple(_expression(one) for part in parts for one in part)


def _expression(raw: Mapping[str, Any]) -> NodeExpression:
    return NodeExpression(text(raw.get("key")), text(raw.get("operator")), texts(raw.get("values")))
