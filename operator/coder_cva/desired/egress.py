"""Egress of Coder's parts, where the spec restricts it; by default it does not (CVA-NET-001 to 003, 005).

A restriction is written where its rule is Enforce, or where its preview was confirmed, and only told where it is
Audit, as in an adopted Coder.
Somebody else's policies that restrict already are never pierced. What stays possible is the table of
connections (catalogue/data/connections.yaml) and what spec.network.egress lists.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from coder_cva.catalogue.connections import connections
from coder_cva.desired import (
    confirming,
    egress_objects,
    egress_sources,
    egress_subject,
    enforcement,
)
from coder_cva.desired.egress_previews import nothing, previews
from coder_cva.desired.egress_rules import Allowed
from coder_cva.desired.egress_subject import Subject
from coder_cva.desired.enforcement import Mode
from coder_cva.desired.plan import Part, Withheld
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import Manifest, Ref, ref_of


def build(world: World) -> tuple[Part, ...]:
    """The restrictions, a part for each that is one by itself (egress_sources.py); () where there is none."""
    return tuple(
        _part(world, one, mode)
        for it in egress_sources.subjects(world)
        for one, mode in _by_mode(world, it)
    )


def _by_mode(world: World, subject: Subject) -> Iterator[tuple[Subject, Mode]]:
    """What is in force of a subject's restrictions, and what waits for a word: each is confirmed by itself."""
    mode = enforcement.egress_mode(world.deployment, subject.rule)
    if mode is Mode.OFF:
        return

    def is_in_force(hit: str) -> bool:
        return confirming.lifted(world, subject.rule, hit, mode) is Mode.ENFORCE

    only = subject.is_restricted and is_in_force(subject.hit)
    closed = subject.is_metadata_closed and is_in_force(subject.metadata_hit)
    if only or closed:
        yield replace(subject, is_restricted=only, is_metadata_closed=closed), Mode.ENFORCE
    rest = subject.is_restricted and not only, subject.is_metadata_closed and not closed
    if any(rest):
        yield replace(subject, is_restricted=rest[0], is_metadata_closed=rest[1]), Mode.AUDIT


def _part(world: World, subject: Subject, mode: Mode) -> Part:
    because = egress_subject.obstacle(world, subject) or _not_listed(subject)
    found = egress_subject.allowed(world, subject)
    if because is not None:
        if mode is not Mode.ENFORCE:
            return Part(previews=(nothing(subject, because),))
        return Part(withheld=(because,), keep=_standing(world, subject, because))
    told = tuple(previews(world, subject, mode, found))
    if mode is not Mode.ENFORCE:
        return Part(previews=told)
    is_cilium = bool(egress_subject.serves_cilium(world))
    objects = tuple(_objects(world, subject, found, is_cilium=is_cilium))
    in_force = confirming.restriction(
        world,
        subject.rule,
        subject.namespace,
        confirmed=enforcement.egress_waits(world.deployment, subject.rule),
    )
    return Part(
        objects=objects,
        previews=told,
        requires=_after_names(objects),
        restrictions=(in_force,),
    )


def _not_listed(subject: Subject) -> Withheld | None:
    """What these Pods cannot be without and nobody has listed; they would be cut off for certain."""
    if not subject.is_restricted:
        return None
    lacking = [some for some in subject.wanted if not subject.listed_lines & {*some}]
    if not lacking:
        return None
    named = " and ".join(" or ".join(some) for some in lacking)
    line = connections().line(lacking[0][0])
    return Withheld(
        subject.policy,
        "ConnectionNotListed",
        f"{subject.short} cannot be without {named}, and nothing says where: list it in {subject.list_field}, for "
        f"example {{name: {line.destination.value}, connection: {line.id}, why: …, cidrs: [10.0.0.5/32], "
        f"ports: [{{port: {line.ports[0].port}}}]}}",
        rule=subject.rule,
    )


def _objects(
    world: World, subject: Subject, found: Iterable[Allowed], *, is_cilium: bool
) -> Iterator[Manifest]:
    """For each selector; what allows names comes before what closes everything else."""
    owner, here, allowed = world.deployment, subject.namespace, tuple(found)
    for name, selector in subject.selectors:
        if subject.is_restricted:
            if subject.names and is_cilium:
                yield egress_objects.by_name(owner, name, here, selector, subject.names)
            yield egress_objects.only(owner, name, here, selector, allowed)
        elif is_cilium:
            yield egress_objects.denied(owner, name, here, selector, subject.closed)
        else:
            yield egress_objects.all_but(owner, name, here, selector, subject.closed)


def _after_names(objects: tuple[Manifest, ...]) -> dict[Ref, tuple[Ref, ...]]:
    """What closes waits for what allows names to the same Pods."""
    refs = [ref_of(one) for one in objects]
    names = {one.name: one for one in refs if one.kind == "CiliumNetworkPolicy"}
    return {
        one: (names[one.name],) for one in refs if one.kind == "NetworkPolicy" and one.name in names
    }


def _standing(world: World, subject: Subject, because: Withheld) -> frozenset[Ref]:
    """What may stand already and must not go, because it could not be read whether it still should be."""
    if because.reason != egress_subject.UNREADABLE:
        return frozenset()
    found = egress_subject.allowed(world, subject)
    return frozenset(
        ref_of(one)
        for is_cilium in (True, False)
        for one in _objects(world, subject, found, is_cilium=is_cilium)
    )
