"""What a restriction of egress leaves open and what it cuts, in words for the status, before and while it is in force."""

from collections.abc import Iterator
from typing import Final

from coder_cva.catalogue.connections import Membership, connections
from coder_cva.desired import enforcement
from coder_cva.desired.egress_rules import Allowed, first, is_relayed
from coder_cva.desired.egress_subject import Subject
from coder_cva.desired.enforcement import Mode
from coder_cva.desired.plan import Preview, Withheld
from coder_cva.snapshot.world import World

_SHOWN: Final = 5
_TOLD: Final = 20
"""So many places a message names: a status is no place for a list of any length."""
_METADATA: Final = "169.254.169.254, fd00:ec2::254"


def previews(
    world: World, subject: Subject, mode: Mode, found: tuple[Allowed, ...]
) -> Iterator[Preview]:
    """One for all that is cut, and one each for UDP and for the metadata address where these are."""
    begin = f"with {subject.rule}: Enforce, " if mode is not Mode.ENFORCE else ""
    would = "could" if begin else "may"
    if subject.is_restricted:
        told = f"{begin}{subject.told} {would} {_left(subject, found)}"
        yield _preview(subject, told, _asked(world, subject, subject.hit))
        if _moves_to_relays(world, subject):
            yield _preview(subject, f"{begin}{_relays(subject)}")
    if subject.is_metadata_closed:
        yield _preview(
            subject,
            f"{begin}{subject.told} {would} not connect to the metadata address ({_METADATA}): logins by the "
            "identity of their node stop working, among them workload identities that ask it and IAM logins "
            "to databases",
            _asked(world, subject, subject.metadata_hit),
        )


def nothing(subject: Subject, because: Withheld) -> Preview:
    """What is foretold where Enforce would not write anything."""
    return _preview(
        subject, f"with {subject.rule}: Enforce nothing would be written: {because.message}"
    )


def _left(subject: Subject, found: tuple[Allowed, ...]) -> str:
    by_name = [f"{one.name} ({first(one.fqdns)})" for one in subject.names]
    left = first((*map(str, found), *by_name), _TOLD, "; ")
    lines = [one for one in connections().of(subject.end) if one.membership is Membership.LISTED]
    cut = ", ".join(one.destination.value for one in lines)
    return (
        f"only open connections to {left}. Everything else is cut. What usually is in use besides, as far as "
        f"{subject.list_field} does not list it: {cut}. Connections in use are not seen here{_free(subject)}"
    )


def _free(subject: Subject) -> str:
    if not subject.uncovered:
        return ""
    return (
        f". No policy covers {first(subject.uncovered, _SHOWN)}: without a label that tells it apart, or on the network "
        "of its node, a workspace stays unrestricted"
    )


def _moves_to_relays(world: World, subject: Subject) -> bool:
    """Whether connections that are direct today are so no more; provisioners have none."""
    direct = [one for one in connections().of(subject.end) if one.membership is Membership.DIRECT]
    closed = not world.deployment.spec.network.egress.direct_connections
    return bool(direct) and closed and not is_relayed(world)


def _relays(subject: Subject) -> str:
    return (
        f"UDP of {subject.told} is closed (spec.network.egress.directConnections: false), so that no connection "
        "is direct: all traffic of users to workspaces moves to the relays of coderd and its proxies, which "
        "costs them CPU and memory"
    )


def _asked(world: World, subject: Subject, hit: str) -> tuple[str, ...]:
    """The class to confirm, where only a confirmation is or was missing."""
    return (hit,) if enforcement.egress_waits(world.deployment, subject.rule) else ()


def _preview(subject: Subject, message: str, hits: tuple[str, ...] = ()) -> Preview:
    names = sorted(f"NetworkPolicy {subject.namespace}/{name}" for name, _ in subject.selectors)
    return Preview(subject.rule, message, tuple(names), hits)
