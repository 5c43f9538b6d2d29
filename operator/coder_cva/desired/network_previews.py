"""What the isolation of workspaces closes in a namespace and what it leaves open, in words for the status."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from coder_cva.desired import isolation
from coder_cva.desired.connections import Use, kind_of
from coder_cva.desired.enforcement import ISOLATION, Mode
from coder_cva.desired.network_exceptions import Opening
from coder_cva.desired.plan import Preview
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.records import NetworkPolicy, Service

_NOT_SEEN: Final = "PodMonitors, and whoever dials the address of a Pod, are not seen here"


@dataclass(frozen=True)
class Space:
    """A namespace as its workspaces' policies see it."""

    name: str
    workspaces: tuple[Workspace, ...]
    closed: tuple[Workspace, ...]
    """Those that policies of ours close, but for what is in use."""
    uses: tuple[Use, ...]
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


def previews(space: Space, mode: Mode) -> Iterator[Preview]:
    """What stays open, and for Audit whom Enforce would hit; silence where nothing would be closed."""
    enforced = mode is Mode.ENFORCE
    if space.pierced and not enforced and space.closed:
        yield _nothing(space)
    if space.pierced:
        return
    if enforced and space.uses:
        yield _kept(space)
    if not enforced and space.closed:
        yield _foretold(space)
    if space.closed and space.by_hand:
        yield _by_hand(space)


def _kept(space: Space) -> Preview:
    return Preview(
        ISOLATION,
        f"workspaces in {space.name} accept no connections but these, which are in use and stay "
        f"allowed; remove what leads there, and its port is closed as well{_wide(space)}",
        _named(space),
    )


def _foretold(space: Space) -> Preview:
    count = f"{len(space.closed)} workspace{'s' if len(space.closed) > 1 else ''}"
    kept = "but these, which are in use and would stay allowed" if space.uses else "at all"
    return Preview(
        ISOLATION,
        f"with {ISOLATION}: Enforce {count} in {space.name} would accept no connections {kept}"
        f"{_wide(space)}; {_NOT_SEEN}",
        _named(space) or (f"Namespace {space.name}",),
    )


def _nothing(space: Space) -> Preview:
    return Preview(
        ISOLATION,
        f"with {ISOLATION}: Enforce nothing would be written in {space.name}: NetworkPolicy "
        f"{isolation.named(space.pierced)} isolates workspaces already, and to keep these allowed would pierce it",
        _named(space),
    )


def _by_hand(space: Space) -> Preview:
    return Preview(
        ISOLATION,
        f"in {space.name} these Services have no selector, and where their EndpointSlices lead is not read: "
        "if to a workspace, they are closed to it; give them a selector, and they are seen",
        tuple(f"Service {one.meta.path}" for one in space.by_hand),
    )


def _named(space: Space) -> tuple[str, ...]:
    return tuple(str(one) for one in space.uses)


def _wide(space: Space) -> str:
    told = "; ".join(str(one) for one in space.opened if one.is_wide)
    return f"; there are too many to be told apart, so open is {told}" if told else ""
