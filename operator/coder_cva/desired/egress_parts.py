"""External provisioners and workspace proxies whose egress the spec restricts, a policy for each Deployment.

Somebody else made them, under labels of his own: the policy selects as their Deployment does. Where that
selects other Pods as well, nothing is written, for those would be cut too.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from coder_cva.desired import egress_kinds, egress_places
from coder_cva.desired.egress_kinds import Kind
from coder_cva.desired.egress_subject import Subject
from coder_cva.desired.enforcement import CONTROL_PLANE_EGRESS
from coder_cva.desired.metadata import name_in
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment, Pod
from coder_cva.snapshot.world import World, selected
from coder_cva.values import selectors


def subjects(world: World) -> Iterator[Subject]:
    """The Deployments of provisioners and proxies in the namespaces that consent, if they are restricted."""
    for kind in egress_kinds.KINDS:
        if any(egress_kinds.said(world, kind)):
            for one in egress_kinds.found(world, kind):
                yield _subject(world, kind, one.deployment)


def _subject(world: World, kind: Kind, live: Deployment) -> Subject:
    owner, space = world.deployment, live.meta.namespace
    here = world.memo.flat(selected, world.snapshot.items(Need.PODS), space, live.selector)
    is_said = kind.to_coderd in {one.line for one in egress_kinds.listed(world, kind)}
    return Subject(
        end=kind.end,
        told=f"{kind.short} of Deployment {live.meta.path}",
        short=kind.short,
        whose=f"{kind.short} in {space}",
        namespace=space,
        rule=CONTROL_PLANE_EGRESS,
        selectors=((name_in(owner, space, kind.name, live.meta.name, "egress"), live.selector),),
        pods=(live.template_meta.labels, *(one.meta.labels for one in here)),
        is_restricted=egress_kinds.is_restricted(world, kind),
        is_metadata_closed=egress_kinds.is_closed(world, kind),
        list_field=kind.list_field,
        list=egress_kinds.listed(world, kind),
        wanted=kind.wanted,
        dialled=() if is_said else egress_places.dialled(world, live, kind.end),
        to_coderd=kind.to_coderd,
        on_node=live.shape.host_network,
        strangers=_strangers(world, kind, live, here),
    )


def _strangers(
    world: World, kind: Kind, live: Deployment, here: tuple[Pod, ...]
) -> tuple[str, ...]:
    """What else the Deployment's selector selects in its namespace, or would once it runs; sorted.

    A Pod is told by what it runs: whether its ReplicaSet has been read yet does not matter.
    """
    pods = (f"Pod {one.meta.path}" for one in here if one.shape.role != kind.role)
    every = world.snapshot.items(Need.DEPLOYMENTS)
    made = world.memo.flat(_making, every, live.meta.namespace, live.selector)
    others = (f"Deployment {one.meta.path}" for one in made if one.shape.role != kind.role)
    return tuple(sorted((*others, *pods)))


def _making(
    deployments: tuple[Deployment, ...], namespace: str, selector: Mapping[str, Any]
) -> tuple[Deployment, ...]:
    """The Deployments of a namespace whose Pods a selector selects."""
    return tuple(
        one
        for one in deployments
        if one.meta.namespace == namespace and selectors.matches(selector, one.template_meta.labels)
    )
