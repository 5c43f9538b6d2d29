"""What the isolation of workspaces closes in a namespace and what it leaves open, in words for the status."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from coder_cva.desired import confirming, enforcement, hits, isolation
from coder_cva.desired.connections import Use, kind_of
from coder_cva.desired.enforcement import ISOLATION, Mode
from coder_cva.desired.network_exceptions import Opening
from coder_cva.desired.plan import Preview
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.records import NetworkPolicy, Service
from coder_cva.snapshot.world import World

_CONFIRM: Final = "spec.network.confirm"
_NOT_SEEN: Final = "PodMonitors, and whoever dials the address of a Pod, are not seen here"


@dataclass(frozen=True)
class Space:
    """A namespace as its workspaces' policies see it."""

    name: str
    workspaces: tuple[Workspace, ...]
    closed: tuple[Workspace, ...]
    """Those that policies of ours close, but for what is in use."""
    uses: tuple[Use, ...]
    """Connections in use that stay open."""
    closing: tuple[Use, ...]
    """Connections in use that are closed, because the user has confirmed it."""
    opened: tuple[Opening, ...]
    pierced: tuple[NetworkPolicy, ...]
    """Policies of others that what is in use would pierce, so that nothing is written here."""
    by_hand: tuple[Service, ...]
    """Services without a selector: where they lead is not read."""


def closed(workspaces: tuple[Workspace, ...]) -> tuple[Workspace, ...]:
    """Those that policies of ours can close."""
    return tuple(one for one in workspaces if is_selected(one) and not is_on_node(one))


def is_selected(workspace: Workspace) -> bool:
    """Whether a label of a workspace's Pod tells it apart, so that a policy can select it."""
    return kind_of(workspace.pod.meta.labels) is not None


def is_on_node(workspace: Workspace) -> bool:
    """Whether a workspace uses its node's network, which no policy covers."""
    return workspace.pod.shape.host_network


def previews(world: World, space: Space, mode: Mode) -> Iterator[Preview]:
    """What stays open, and for Audit whom Enforce would hit; silence where nothing would be closed."""
    enforced = mode is Mode.ENFORCE
    if space.pierced and not enforced and space.closed:
        yield _nothing(space)
    if space.pierced:
        return
    asked = tuple(sorted({*_of_place(world, space), *_of_uses(world, space.uses)}))
    confirmed = enforcement.waits(world.deployment, ISOLATION)
    if enforced and (space.uses or confirmed):
        yield _kept(space, asked, confirmed=confirmed)
    if not enforced and space.closed:
        yield _foretold(space, asked)
    if space.closing:
        yield _cut(space, tuple(sorted(set(_of_uses(world, space.closing)))))
    if space.closed and space.by_hand:
        yield _by_hand(space)


def _of_place(world: World, space: Space) -> Iterator[str]:
    """The workspaces themselves, where only a confirmation is missing."""
    if space.closed and enforcement.waits(world.deployment, ISOLATION):
        yield hits.place(space.name)


def _of_uses(world: World, uses: tuple[Use, ...]) -> Iterator[str]:
    """What is in use, but for what no policy can close, and for what a waiver says is wanted."""
    if not enforcement.may_confirm(world.deployment, ISOLATION):
        return
    for one in uses:
        if one.reaches and not confirming.is_wanted(world, ISOLATION, one.resource):
            yield from one.hits


def _kept(space: Space, asked: tuple[str, ...], *, confirmed: bool) -> Preview:
    but = " but these, which are in use and stay allowed" if space.uses else ""
    why = f": {_CONFIRM} says so" if confirmed else ""
    how = f"; remove what leads there, and its port is closed as well{_or_confirm(asked)}"
    return Preview(
        ISOLATION,
        f"workspaces in {space.name} accept no connections{but}{why}{how if space.uses else ''}{_wide(space)}",
        _named(space.uses) or (f"Namespace {space.name}",),
        asked,
    )


def _foretold(space: Space, asked: tuple[str, ...]) -> Preview:
    count = f"{len(space.closed)} workspace{'s' if len(space.closed) > 1 else ''}"
    kept = "but these, which are in use and would stay allowed" if space.uses else "at all"
    more = f"; {_CONFIRM} would close these as well" if space.uses and asked else ""
    return Preview(
        ISOLATION,
        f"with {ISOLATION}: Enforce {count} in {space.name} would accept no connections {kept}"
        f"{more}{_wide(space)}; {_NOT_SEEN}",
        _named(space.uses) or (f"Namespace {space.name}",),
        asked,
    )


def _cut(space: Space, asked: tuple[str, ...]) -> Preview:
    return Preview(
        ISOLATION,
        f"these lead to workspaces in {space.name}, and are closed since {_CONFIRM} says so: remove what is not "
        "needed any more, or say in spec.waivers why it is wanted, and it is open again",
        _named(space.closing),
        asked,
    )


def _nothing(space: Space) -> Preview:
    return Preview(
        ISOLATION,
        f"with {ISOLATION}: Enforce nothing would be written in {space.name}: NetworkPolicy "
        f"{isolation.named(space.pierced)} isolates workspaces already, and to keep these allowed would pierce it",
        _named(space.uses),
    )


def _by_hand(space: Space) -> Preview:
    return Preview(
        ISOLATION,
        f"in {space.name} these Services have no selector, and where their EndpointSlices lead is not read: "
        "if to a workspace, they are closed to it; give them a selector, and they are seen",
        tuple(f"Service {one.meta.path}" for one in space.by_hand),
    )


def _named(uses: tuple[Use, ...]) -> tuple[str, ...]:
    return tuple(str(one) for one in uses)


def _or_confirm(asked: tuple[str, ...]) -> str:
    return f", or let {_CONFIRM} close it" if asked else ""


def _wide(space: Space) -> str:
    told = "; ".join(str(one) for one in space.opened if one.is_wide)
    return f"; there are too many to be told apart, so open is {told}" if told else ""
