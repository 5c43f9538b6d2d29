"""Egress of workspaces and of coderd, where the spec restricts it; by default it does not (CVA-NET-001 to 003, 005).

A restriction is written where its rule is Enforce, or where its preview was confirmed, and only told where it is
Audit, as in an adopted Coder.
Somebody else's policies that restrict already are never pierced. What stays possible is the table of
connections (catalogue/data/connections.yaml) and what spec.network.egress lists.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from coder_cva.catalogue.connections import End
from coder_cva.desired import confirming, egress_objects, egress_subject, enforcement
from coder_cva.desired.coderd_ports import CoderdPods
from coder_cva.desired.egress_previews import nothing, previews
from coder_cva.desired.egress_rules import Allowed
from coder_cva.desired.egress_subject import Subject
from coder_cva.desired.enforcement import CONTROL_PLANE_EGRESS, ISOLATION, Mode
from coder_cva.desired.metadata import name_in
from coder_cva.desired.network_previews import is_on_node, is_selected
from coder_cva.desired.network_workspaces import kinds_of
from coder_cva.desired.plan import Part, Withheld
from coder_cva.snapshot import environment
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import Manifest, Ref, ref_of
from coder_cva.values.names import derived


def build(world: World) -> tuple[Part, ...]:
    """The restrictions of workspaces, a part for each namespace, and of coderd; () where there is none."""
    subjects = (*_workspaces(world), *_coderd(world))
    return tuple(_part(world, one, mode) for it in subjects for one, mode in _by_mode(world, it))


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


def _workspaces(world: World) -> Iterator[Subject]:
    network = world.deployment.spec.network
    is_restricted = network.workspace_egress == "Restricted"
    is_closed = "Workspaces" in network.block_metadata_address_for
    if not is_restricted and not is_closed:
        return
    for space in world.found.namespaces:
        found = world.workspaces_by_namespace[space.name]
        kinds = kinds_of(world, found)
        names = (name_in(world.deployment, space.name, f"{one.name}-egress") for one in kinds)
        to_come = ({one.key: one.value} for one in kinds if one.is_usual)
        yield Subject(
            end=End.WORKSPACES,
            told=f"workspaces in {space.name}",
            namespace=space.name,
            rule=ISOLATION,
            selectors=tuple(zip(names, (one.selector for one in kinds), strict=True)),
            pods=(*(one.pod.meta.labels for one in found if not is_on_node(one)), *to_come),
            is_restricted=is_restricted,
            is_metadata_closed=is_closed,
            list_field="spec.network.egress.workspaces",
            list=network.egress.workspaces,
            uncovered=tuple(
                sorted(
                    one.pod.meta.name for one in found if is_on_node(one) or not is_selected(one)
                )
            ),
        )


def _coderd(world: World) -> Iterator[Subject]:
    owner, network = world.deployment, world.deployment.spec.network
    is_restricted = network.control_plane_egress == "Restricted"
    is_closed = "ControlPlane" in network.block_metadata_address_for
    management = owner.spec.control_plane.management
    is_there = world.coderd is not None or management == "Managed"
    if management == "None" or not is_there or not (is_restricted or is_closed):
        return
    pods = CoderdPods(world)
    yield Subject(
        end=End.CODERD,
        told="coderd's replicas",
        namespace=owner.namespace,
        rule=CONTROL_PLANE_EGRESS,
        selectors=((derived(owner.name, "coderd-egress"), pods.selector),),
        pods=pods.labels,
        is_restricted=is_restricted,
        is_metadata_closed=is_closed,
        list_field="spec.network.egress.controlPlane",
        list=network.egress.control_plane,
        on_node=any(one.host_network for one in pods.shapes),
    )


def _part(world: World, subject: Subject, mode: Mode) -> Part:
    because = egress_subject.obstacle(world, subject) or _not_listed(world, subject)
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


def _not_listed(world: World, subject: Subject) -> Withheld | None:
    """What coderd cannot be without and nobody has listed; it would be cut off for certain."""
    if subject.end is not End.CODERD or not subject.is_restricted:
        return None
    wanted = ["coderd-to-postgresql"]
    live = world.coderd.deployment if world.coderd else None
    built_in = environment.literal(live, "CODER_PROVISIONER_DAEMONS") if live else None
    if built_in != "0" and (live or world.deployment.spec.provisioners.built_in_daemons):
        wanted.append("coderd-to-kube-api")
    network = world.deployment.spec.network
    said = {one.connection for one in network.egress.control_plane}
    lacking = [one for one in wanted if one not in said]
    if not lacking:
        return None
    return Withheld(
        subject.policy,
        "ConnectionNotListed",
        f"coderd needs {' and '.join(lacking)}, and nothing says where: list it in {subject.list_field}, for "
        f"example {{name: database, connection: {lacking[0]}, why: …, cidrs: [10.0.0.5/32], "
        "ports: [{port: 5432}]}",
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
