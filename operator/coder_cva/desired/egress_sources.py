"""Whose egress the spec restricts: workspaces by namespace, coderd, and the Deployments of Coder's other parts."""

from collections.abc import Iterator

from coder_cva.catalogue.connections import End
from coder_cva.desired import egress_parts, egress_places
from coder_cva.desired.coderd_ports import CoderdPods
from coder_cva.desired.egress_subject import Subject
from coder_cva.desired.enforcement import CONTROL_PLANE_EGRESS, ISOLATION
from coder_cva.desired.metadata import name_in
from coder_cva.desired.network_previews import is_on_node, is_selected
from coder_cva.desired.network_workspaces import kinds_of
from coder_cva.snapshot import environment
from coder_cva.snapshot.world import World
from coder_cva.values.names import derived


def subjects(world: World) -> tuple[Subject, ...]:
    """Everybody whose egress is restricted in full, or to the metadata address; () where nobody's is."""
    return (*_workspaces(world), *_coderd(world), *egress_parts.subjects(world))


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
            short="workspaces",
            namespace=space.name,
            rule=ISOLATION,
            selectors=tuple(zip(names, (one.selector for one in kinds), strict=True)),
            pods=(*(one.pod.meta.labels for one in found if not is_on_node(one)), *to_come),
            is_restricted=is_restricted,
            is_metadata_closed=is_closed,
            list_field="spec.network.egress.workspaces",
            list=network.egress.workspaces,
            dialled=egress_places.outside(world),
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
        short="coderd",
        namespace=owner.namespace,
        rule=CONTROL_PLANE_EGRESS,
        selectors=((derived(owner.name, "coderd-egress"), pods.selector),),
        pods=pods.labels,
        is_restricted=is_restricted,
        is_metadata_closed=is_closed,
        list_field="spec.network.egress.controlPlane",
        list=network.egress.control_plane,
        wanted=_wanted_by_coderd(world),
        dialled=egress_places.outside(world),
        on_node=any(one.host_network for one in pods.shapes),
    )


def _wanted_by_coderd(world: World) -> tuple[tuple[str, ...], ...]:
    """PostgreSQL, and the Kubernetes API where its built-in provisioners make workspaces."""
    live = world.coderd.deployment if world.coderd else None
    built_in = environment.literal(live, "CODER_PROVISIONER_DAEMONS") if live else None
    makes = live is not None or world.deployment.spec.provisioners.built_in_daemons > 0
    database = ("coderd-to-postgresql",)
    return (database, ("coderd-to-kube-api",)) if built_in != "0" and makes else (database,)
