"""The annotations that keep autoscalers from taking the control plane's nodes away (protectNodes).

Clause: CVA-NODE-002. Only what is ours is ever changed: a node that we annotated says so itself, and a value that
somebody else gave is left alone and told. It takes the spec's word and the operator's own configuration,
because nodes belong to nobody's namespace.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.desired.plan import NodeEdit, Withheld
from coder_cva.snapshot import marks, scaling
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Node
from coder_cva.snapshot.world import World
from coder_cva.values.selectors import has_labels

EVERYWHERE: Final = "*"
"""Among the permitted namespaces: every one of them."""
OVERLAY: Final = "deploy/optional/protect-nodes.yaml"
_KEPT: Final = "true"
_SUBJECT: Final = "Annotations of nodes"
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Wishes:
    """Who wants nodes protected, as far as the operator is told that they may.

    ``complete`` says that every CoderDeployment could be understood: else nothing is taken back.
    """

    permitted: frozenset[str]
    owners: Sequence[CoderDeployment]
    complete: bool = True

    def wants(self, owner: CoderDeployment, node: Node) -> bool:
        """Whether a deployment wants this node protected, and may."""
        pool = owner.spec.control_plane.node_pool
        return (
            asks(owner)
            and pool is not None
            and may(owner.namespace, self.permitted)
            and has_labels(pool.selector, node.meta.labels)
        )

    def is_wanted(self, node: Node) -> bool:
        """Whether anybody wants it; one that is suspended does too."""
        return any(self.wants(one, node) for one in self.owners)


def asks(owner: CoderDeployment) -> bool:
    """Whether the spec asks for it. A region has no control plane to protect."""
    plane = owner.spec.control_plane
    return (
        plane.management != "None" and plane.node_pool is not None and plane.node_pool.protect_nodes
    )


def may(namespace: str, permitted: frozenset[str]) -> bool:
    """Whether the operator is told to annotate nodes for CoderDeployments of a namespace."""
    return namespace in permitted or EVERYWHERE in permitted


def edits(world: World) -> tuple[NodeEdit, ...]:
    """What this deployment wants and is not there, and what nobody wants any more."""
    owners = (world.deployment, *world.others)
    whole = len(world.living) <= len(owners)
    wishes = Wishes(world.may_annotate_nodes, owners, whole)
    nodes: tuple[Node, ...] = world.snapshot.items(Need.NODES)
    return (
        *(_given(one) for one in nodes if _is_lacking(one, world.deployment, wishes)),
        *abandoned(nodes, wishes),
    )


def abandoned(nodes: Iterable[Node], wishes: Wishes) -> tuple[NodeEdit, ...]:
    """What of ours is to be taken back: nobody wants it, or somebody else gave it another value since.

    An operator that is told to annotate nothing writes nothing on nodes, this neither.
    """
    if not wishes.permitted or not wishes.complete:
        return ()
    return tuple(
        NodeEdit(one.meta.name, one.meta.uid)
        for one in nodes
        if is_ours(one) and not one.meta.deleting and (not wishes.is_wanted(one) or _is_theirs(one))
    )


def is_ours(node: Node) -> bool:
    """Whether the annotation on a node is the operator's."""
    return marks.PROTECTED in node.meta.annotations


def withheld(world: World) -> tuple[Withheld, ...]:
    """Why nodes are not protected although the spec says so, and what of ours is left on nodes."""
    nodes: tuple[Node, ...] = world.snapshot.items(Need.NODES)
    permitted = world.may_annotate_nodes
    found: list[Withheld] = []
    if asks(world.deployment) and not may(world.deployment.namespace, permitted):
        found.append(Withheld(_SUBJECT, "NotPermitted", _permission(world), "CVA-NODE-002"))
    left = [one.meta.name for one in nodes if is_ours(one)]
    if left and not permitted:
        found.append(Withheld(_SUBJECT, "LeftOnNodes", _left(left), "CVA-NODE-002"))
    wishes = Wishes(permitted, (world.deployment,))
    theirs = [one for one in nodes if wishes.wants(world.deployment, one) and _is_theirs(one)]
    if theirs:
        found.append(Withheld(_SUBJECT, "ForeignAnnotation", _foreign(theirs), "CVA-NODE-002"))
    return tuple(found)


def _is_lacking(node: Node, owner: CoderDeployment, wishes: Wishes) -> bool:
    return wishes.wants(owner, node) and not node.meta.deleting and _value(node) is None


def _given(node: Node) -> NodeEdit:
    key = scaling.keeping(node)
    return NodeEdit(node.meta.name, node.meta.uid, {key: _KEPT, marks.PROTECTED: key})


def _value(node: Node) -> str | None:
    return node.meta.annotations.get(scaling.keeping(node))


def _is_theirs(node: Node) -> bool:
    """Whether somebody else says something else; who says the same needs nobody to say it again."""
    return _value(node) not in (None, _KEPT)


def _permission(world: World) -> str:
    here, there = world.deployment.namespace, world.operator_namespace
    names = ",".join(sorted({*world.may_annotate_nodes, here}))
    return (
        "spec.controlPlane.nodePool.protectNodes is true, and the operator is not told that it may annotate "
        f"nodes for namespace {here}. Whoever runs the operator allows it: kubectl apply -f {OVERLAY}; "
        f"kubectl -n {there} set env deployment/coder-cva-operator ALLOW_NODE_ANNOTATIONS={names}"
    )


def _left(names: list[str]) -> str:
    keys = (scaling.SCALE_DOWN_DISABLED, scaling.DO_NOT_DISRUPT, marks.PROTECTED)
    command = (
        f"kubectl annotate node {' '.join(names[:_NAMED])} {' '.join(f'{key}-' for key in keys)}"
    )
    return (
        f"{_some(names)} still carry annotations of the operator, which is no longer told to annotate nodes "
        f"(ALLOW_NODE_ANNOTATIONS), so it does not take them back: {command}"
    )


def _foreign(nodes: list[Node]) -> str:
    key, value = scaling.keeping(nodes[0]), _value(nodes[0])
    names = [one.meta.name for one in nodes]
    return (
        f"somebody else has set {key} to {value!r} on {_some(names)}, so it is left alone. To have it "
        f"protected: kubectl annotate node {' '.join(names[:_NAMED])} {key}-"
    )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"node{'s' * (len(names) > 1)} {', '.join(names[:_NAMED])}{more}"
