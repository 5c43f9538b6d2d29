"""External provisioners and workspace proxies whose egress the spec restricts, a policy for each Deployment.

Somebody else made them, under labels of his own: the policy selects as their Deployment does. Where that
selects other Pods as well, nothing is written, for those would be cut too.
"""

from collections.abc import Iterator

from coder_cva.desired import egress_kinds, egress_places
from coder_cva.desired.egress_kinds import Kind
from coder_cva.desired.egress_subject import Subject
from coder_cva.desired.enforcement import CONTROL_PLANE_EGRESS
from coder_cva.desired.metadata import name_in
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment, Labels, Meta
from coder_cva.snapshot.world import World
from coder_cva.values import selectors


def subjects(world: World) -> Iterator[Subject]:
    """The Deployments of provisioners and proxies in the namespaces that consent, if they are restricted."""
    for kind in egress_kinds.KINDS:
        if any(egress_kinds.said(world, kind)):
            for one in egress_kinds.found(world, kind):
                yield _subject(world, kind, one.deployment)


def _subject(world: World, kind: Kind, live: Deployment) -> Subject:
    owner, space = world.deployment, live.meta.namespace
    here = [one for one in world.snapshot.within(Need.PODS, space) if _is_of(live, one.meta)]
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
        strangers=_strangers(world, kind, live),
    )


def _strangers(world: World, kind: Kind, live: Deployment) -> tuple[str, ...]:
    """What else the Deployment's selector selects in its namespace, or would once it runs; sorted.

    A Pod is told by what it runs: whether its ReplicaSet has been read yet does not matter.
    """
    space = live.meta.namespace
    pods = (
        f"Pod {one.meta.path}"
        for one in world.snapshot.within(Need.PODS, space)
        if one.shape.role != kind.role and _is_of(live, one.meta)
    )
    others = (
        f"Deployment {one.meta.path}"
        for one in world.snapshot.within(Need.DEPLOYMENTS, space)
        if one.shape.role != kind.role and selectors.matches(live.selector, _labels(one))
    )
    return tuple(sorted((*others, *pods)))


def _is_of(live: Deployment, meta: Meta) -> bool:
    return selectors.matches(live.selector, meta.labels)


def _labels(one: Deployment) -> Labels:
    return one.template_meta.labels
