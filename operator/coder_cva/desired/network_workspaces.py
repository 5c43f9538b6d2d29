"""Workspaces accept no connections, but for those in use (CVA-NET-005: workspaces need no open ports).

Agents dial out, so nothing that Coder does needs a port of a workspace. A Service, an Ingress or a scrape
annotation that leads to one is a connection in use: it stays allowed on the Pods concerned, and is told,
until the user confirms that it may be closed (confirming.py).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from coder_cva.desired import confirming, enforcement, hits, isolation
from coder_cva.desired.connections import KINDS, Index, Kind, Use, connections, kind_of
from coder_cva.desired.enforcement import ISOLATION, Mode
from coder_cva.desired.metadata import metadata, name_in
from coder_cva.desired.network_exceptions import Opening, build_exception, openings
from coder_cva.desired.network_previews import Space, closed, is_on_node, is_selected, previews
from coder_cva.desired.plan import Part, Withheld
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import NetworkPolicy
from coder_cva.snapshot.world import World
from coder_cva.values.canonical import canonical
from coder_cva.values.manifest import Manifest

_SHOWN: Final = 5


def build(world: World) -> Part:
    """The policies of every namespace that consents, or what they would do where the rule is Audit."""
    if enforcement.mode(world.deployment, ISOLATION) is Mode.OFF:
        return Part()
    parts = [_namespace(world, name, here) for name, here in world.workspaces_by_namespace.items()]
    return Part(
        objects=tuple(manifest for part in parts for manifest in part.objects),
        withheld=tuple(reason for part in parts for reason in part.withheld),
        previews=tuple(preview for part in parts for preview in part.previews),
        restrictions=tuple(one for part in parts for one in part.restrictions),
    )


def _namespace(world: World, namespace: str, here: tuple[Workspace, ...]) -> Part:
    mode = confirming.mode_of(world, ISOLATION, hits.place(namespace))
    space = _space(world, namespace, here)
    told = tuple(previews(world, space, mode))
    if mode is not Mode.ENFORCE:
        return Part(previews=told)
    withheld = (*_pierced(world, space), *_uncovered(world, space))
    if space.pierced:
        return Part(withheld=withheld, previews=told)
    # What opens comes before what closes, so that nothing is cut in between.
    objects = (
        *(build_exception(world, namespace, one) for one in space.opened),
        *(_closing(world, namespace, kind) for kind in kinds_of(world, here)),
    )
    in_force = confirming.restriction(
        world,
        ISOLATION,
        namespace,
        confirmed=bool(space.closing) or enforcement.waits(world.deployment, ISOLATION),
    )
    return Part(objects=objects, withheld=withheld, previews=told, restrictions=(in_force,))


def _space(world: World, namespace: str, here: tuple[Workspace, ...]) -> Space:
    every = connections(world, namespace, here)
    uses, closing = parted(world, every)
    opened = openings(uses)
    return Space(
        name=namespace,
        closed=world.memo.flat(closed, here),
        workspaces=here,
        uses=uses,
        closing=closing,
        opened=opened,
        pierced=_others(world, namespace, here, uses, opened),
        by_hand=tuple(
            one
            for one in world.snapshot.within(Need.SERVICES, namespace)
            if not one.selector and one.type != "ExternalName"
        ),
    )


def still_open(world: World, namespace: str, uses: tuple[Use, ...]) -> tuple[Use, ...]:
    """Of the connections in use in a namespace those that the operator leaves open."""
    if confirming.mode_of(world, ISOLATION, hits.place(namespace)) is not Mode.ENFORCE:
        return uses
    return parted(world, uses)[0]


def parted(world: World, uses: tuple[Use, ...]) -> tuple[tuple[Use, ...], tuple[Use, ...]]:
    """Connections in use that stay open, and those that are closed because the user has confirmed it.

    Each port of a connection is looked at by itself.
    """
    if not world.confirmations:
        return uses, ()
    kept: list[Use] = []
    closed: list[Use] = []
    for one in uses:
        shut = _shut(world, one)
        ports = tuple(port for port, is_shut in zip(one.ports, shut, strict=False) if not is_shut)
        if not any(shut):
            kept.append(one)
        elif all(shut):
            closed.append(one)
        else:
            kept.append(replace(one, ports=ports))
            closed.append(replace(one, ports=tuple(it for it in one.ports if it not in ports)))
    return tuple(kept), tuple(closed)


def _shut(world: World, use: Use) -> list[bool]:
    """Of each port, or of every port, whether it is confirmed that it may be closed, and a policy can do so."""
    if not use.reaches or confirming.is_wanted(world, ISOLATION, use.resource):
        return [False]
    return [confirming.is_confirmed(world, ISOLATION, hit) for hit in use.hits]


def kinds_of(world: World, workspaces: tuple[Workspace, ...]) -> tuple[Kind, ...]:
    """The usual labels always, so that nothing changes when the last workspace stops; others if seen.

    A label that only names single workspaces is used where nothing better selects one of them.
    """
    seen = world.memo.flat(_kinds_of, workspaces)
    return tuple(kind for kind in KINDS if kind.is_usual or kind in seen)


def _kinds_of(workspaces: tuple[Workspace, ...]) -> tuple[Kind | None, ...]:
    return tuple({kind_of(one.pod.meta.labels) for one in workspaces})


def _closing(world: World, namespace: str, kind: Kind) -> Manifest:
    owner = world.deployment
    # No rule at all: an empty list would say the same; the API server drops it, and every apply would be a write.
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(owner, name_in(owner, namespace, kind.name), namespace),
        "spec": {"podSelector": kind.selector, "policyTypes": ["Ingress"]},
    }


def _others(
    world: World,
    namespace: str,
    here: tuple[Workspace, ...],
    uses: tuple[Use, ...],
    opened: tuple[Opening, ...],
) -> tuple[NetworkPolicy, ...]:
    """Policies of others that isolate a workspace on which ours would leave something open."""
    if not opened or not isolation.others_in(world, namespace, "Ingress"):
        return ()
    index = Index(here, world.memo)
    reaches = {reach for use in uses for reach in use.reaches}
    met = here if any(one.is_wide for one in opened) else ()
    pods = {
        one.pod.meta.name: one.pod.meta.labels
        for found in (met, *(index.selected(reach) for reach in reaches))
        for one in found
    }
    # A workspace that is stopped now has at least the labels by which it is looked for.
    to_come = (dict(reach.labels) for reach in reaches)
    return isolation.isolating(world, namespace, (*pods.values(), *to_come), "Ingress")


def _pierced(world: World, space: Space) -> Iterator[Withheld]:
    if not space.pierced:
        return
    short = [one for one in space.opened if len(one.values) <= _SHOWN][:_SHOWN]
    allow = canonical([build_exception(world, space.name, one)["spec"] for one in short])
    yield Withheld(
        f"NetworkPolicy in {space.name}",
        "IsolatedByOthers",
        f"NetworkPolicy {isolation.named(space.pierced)} isolates workspaces already, and what ours allows "
        f"({_listed(space.uses)}) would pierce it: nothing is written there. Ours would be: {allow}"
        f"{'' if len(short) == len(space.opened) else ' and more'}",
        rule=ISOLATION,
    )


def _uncovered(world: World, space: Space) -> Iterator[Withheld]:
    """Workspaces that no policy can close: without a label, as of the envbox template, or on their node."""
    bare = world.memo.flat(_bare, space.workspaces)
    if bare:
        yield Withheld(
            f"NetworkPolicy in {space.name}",
            "NoLabelSelects",
            f"no label tells these workspaces apart, so no NetworkPolicy can select them, and they stay open "
            f"to connections: {_shown(bare)}. Add the label com.coder.resource=true to the Pod in the template",
            rule=ISOLATION,
        )
    on_node = world.memo.flat(_on_node, space.workspaces)
    if on_node:
        yield Withheld(
            f"NetworkPolicy in {space.name}",
            "HostNetwork",
            "these workspaces use their node's network, which no NetworkPolicy covers, and stay open to "
            f"connections: {_shown(on_node)}. Take hostNetwork out of the template",
            rule=ISOLATION,
        )


def _bare(workspaces: tuple[Workspace, ...]) -> tuple[Workspace, ...]:
    return tuple(one for one in workspaces if not is_selected(one))


def _on_node(workspaces: tuple[Workspace, ...]) -> tuple[Workspace, ...]:
    return tuple(one for one in workspaces if is_on_node(one))


def _shown(workspaces: tuple[Workspace, ...]) -> str:
    names = sorted(one.pod.meta.name for one in workspaces)
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _listed(uses: tuple[Use, ...]) -> str:
    shown = "; ".join(str(one) for one in uses[:_SHOWN])
    return f"{shown}; …" if len(uses) > _SHOWN else shown
