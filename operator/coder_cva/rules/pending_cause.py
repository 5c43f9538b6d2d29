"""A workspace that waits for a node in, what keeps it from the nodes of its pool out (CVA-NODE-004)."""

from dataclasses import dataclass, field
from enum import StrEnum

from coder_cva.rules import scheduler_words
from coder_cva.rules.pool_fit import PoolFit
from coder_cva.rules.scheduler_words import Reason, Words
from coder_cva.snapshot import pools, volume_topology
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.records import Node
from coder_cva.snapshot.world import World


class Kind(StrEnum):
    """What has to change before a workspace gets a node of its pool."""

    CLAIM = "claim"
    EMPTY = "empty"
    """The pool has no node."""
    AWAY = "away"
    """None of its nodes is ready and open to new Pods."""
    TAINT = "taint"
    VOLUME = "volume"
    DEVICES = "devices"
    CHOICE = "choice"
    TOO_LARGE = "too large"
    """No node of the pool would hold it, were it empty."""
    ROOM = "room"
    ATTACHMENTS = "attachments"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Cause:
    """A kind of cause, what it is about (a place, devices, a choice), and the scheduler's words.

    Causes are alike where these and the kind of the words are; numbers of nodes do not count.
    """

    kind: Kind
    about: str = ""
    said: tuple[str, ...] = ()
    words: Words = field(compare=False, default=Words("", frozenset(), ()))


class Causes:
    """The causes of one world; what all workspaces share is worked out once."""

    def __init__(self, world: World) -> None:
        pool = world.deployment.spec.workspaces.node_pool
        self._nodes = world.pool(pool.selector)
        self._there = [one for one in self._nodes if pools.is_up(one)]
        self._fit = PoolFit(world, pool)

    def of(self, workspace: Workspace) -> Cause:
        """The first thing that has to change."""
        words = scheduler_words.read(workspace.pod.unschedulable)
        kind, about = self._kind(workspace, words)
        return Cause(kind, about, words.kind, words)

    def _kind(self, workspace: Workspace, words: Words) -> tuple[Kind, str]:
        if Reason.CLAIM in words.reasons:
            return Kind.CLAIM, ""
        tolerations = workspace.pod.shape.scheduling.tolerations
        tolerated = [one for one in self._there if not pools.repelled(one.taints, tolerations)]
        if not tolerated:
            return self._without_node(), ""
        return self._unmet(workspace) or self._crowded(workspace, words, tolerated)

    def _without_node(self) -> Kind:
        if self._there:
            return Kind.TAINT
        return Kind.AWAY if self._nodes else Kind.EMPTY

    def _unmet(self, workspace: Workspace) -> tuple[Kind, str] | None:
        """A wish of its own that no node of the pool meets."""
        wishes = self._fit.wishes(workspace)
        volume = self._fit.unattached(workspace, wishes)
        if volume is not None:
            return Kind.VOLUME, volume_topology.place(volume.terms)
        lacking = self._fit.lacking(workspace, wishes)
        if lacking:
            return Kind.DEVICES, ", ".join(lacking)
        if wishes.choice and not self._fit.takes(workspace, wishes):
            return Kind.CHOICE, wishes.choice
        return None

    def _crowded(self, workspace: Workspace, words: Words, nodes: list[Node]) -> tuple[Kind, str]:
        """What only the scheduler knows of: how much is left of each node."""
        shape = workspace.pod.shape
        if words.reasons & {Reason.ROOM, Reason.PODS}:
            holds = any(
                one.cpu_millicores >= shape.cpu_request_millicores
                and one.memory_bytes >= shape.memory_request_bytes
                for one in nodes
            )
            return (Kind.ROOM if holds else Kind.TOO_LARGE), ""
        if Reason.ATTACHMENTS in words.reasons:
            return Kind.ATTACHMENTS, ""
        return Kind.OTHER, ""
