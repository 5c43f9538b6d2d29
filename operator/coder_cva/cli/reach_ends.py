"""What was typed as an end, found in a snapshot: a Pod by its name, or by an address that it has."""

from difflib import get_close_matches

from coder_cva.cli.reach_arguments import BadArgument, Goal, Place
from coder_cva.snapshot import address_ranges, saved
from coder_cva.snapshot.model import Absence, ClusterSnapshot, Unavailable
from coder_cva.snapshot.needs import SOURCES, Need
from coder_cva.snapshot.reachability import Peer, Reachability
from coder_cva.snapshot.workspaces import FINISHED


class Unread(Exception):
    """What the answer hangs on could not be read; the message says what, and why."""


def demand(snapshot: ClusterSnapshot, need: Need) -> None:
    """Raises Unread where a kind could not be read."""
    reading = snapshot.reading(need)
    if isinstance(reading, Unavailable):
        what = need.value.replace("_", " ").capitalize()
        raise Unread(f"{what} could not be read ({reading.message}): {_remedy(need, reading)}")


def _remedy(need: Need, reading: Unavailable) -> str:
    if reading.reason is Absence.NOT_SAVED:
        return f"save them too: {saved.command(SOURCES[need])}"
    return f"ask with rights to list {SOURCES[need].plural} in all namespaces"


def found(snapshot: ClusterSnapshot, net: Reachability, place: Place) -> Peer:
    """The end of the connection. Raises BadArgument where there is no such Pod, Unread where that is not known."""
    demand(snapshot, Need.PODS)
    if place.address:
        return _at(snapshot, net, place.address)
    for one in snapshot.within(Need.PODS, place.namespace):
        if one.meta.name == place.name:
            return net.very(one)
    raise BadArgument(_nobody(snapshot, place))


def port_of(goal: Goal, target: Peer) -> int:
    """The number of the port that is asked about. Raises BadArgument where the Pod has none of its name."""
    if isinstance(goal.port, int):
        return goal.port
    said = f"{goal.place.argument}: {target.name}"
    if not target.is_pod:
        raise BadArgument(f"{said} is an address, which has no port by a name: write its number")
    numbers = sorted(
        {
            number
            for name, number, protocol in target.ports
            if (name, protocol) == (goal.port, goal.protocol)
        }
    )
    if len(numbers) == 1:
        return numbers[0]
    if numbers:
        told = ", ".join(map(str, numbers))
        raise BadArgument(f"{said} calls several ports {goal.port} ({told}): write a number")
    names = ", ".join(
        f"{name} ({protocol} {number})" for name, number, protocol in target.ports if name
    )
    raise BadArgument(
        f"{said} has no port {goal.port} of {goal.protocol}; it has {names or 'none with a name'}: "
        "write one of them, or a number"
    )


def _at(snapshot: ClusterSnapshot, net: Reachability, address: str) -> Peer:
    """Whoever has the address: a Pod that lives and has it for itself, else the address alone."""
    ranges = address_ranges.networks((address,))
    nodes: set[str] = set()
    for one in snapshot.items(Need.PODS):
        if one.phase in FINISHED:
            continue
        if not one.shape.host_network and ranges[0] in address_ranges.networks(one.addresses):
            return net.very(one)
        if one.node and ranges[0] in address_ranges.networks(one.node_addresses):
            nodes.add(one.node)
    name = f"{address} (node {min(nodes)})" if nodes else address
    return Peer(name, ranges=(ranges,))


def _nobody(snapshot: ClusterSnapshot, place: Place) -> str:
    """That there is no such Pod, and what may be meant."""
    wanted = f"{place.argument} {place.namespace}/{place.name}: there is no such Pod"
    names = [one.meta.name for one in snapshot.within(Need.PODS, place.namespace)]
    if not names:
        return f"{wanted}, and no Pod at all in namespace {place.namespace}: kubectl get pods -A shows all"
    like = [name for name in names if name.startswith(f"{place.name}-")]
    like = like or get_close_matches(place.name, names, 3, 0.5)
    if like:
        return (
            f"{wanted}; write {' or '.join(f'{place.namespace}/{one}' for one in sorted(like)[:3])}"
        )
    return f"{wanted}: kubectl -n {place.namespace} get pods shows those that there are"
