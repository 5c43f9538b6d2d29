"""Coder's parts beside coderd whose egress may be restricted, and what the spec says of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from coder_cva.api.v1alpha1.egress import Destination, EgressFrom
from coder_cva.catalogue.connections import End
from coder_cva.snapshot.discovered import Workload
from coder_cva.snapshot.world import World


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of Coder's parts, and the words of the spec and of messages for it."""

    end: End
    role: str
    word: EgressFrom
    name: str
    short: str
    field: str
    list_field: str
    to_coderd: str
    """The line of the table by which people say where coderd is, if nothing else shows it."""
    wanted: tuple[tuple[str, ...], ...] = ()


KINDS: Final = (
    Kind(
        end=End.PROVISIONERS,
        role="provisionerd",
        word="Provisioners",
        name="provisioner",
        short="external provisioners",
        field="spec.network.provisionerEgress",
        list_field="spec.network.egress.provisioners",
        to_coderd="provisioner-to-coderd",
        wanted=(("provisioner-to-kube-api", "provisioner-to-cloud"),),
    ),
    Kind(
        end=End.PROXIES,
        role="wsproxy",
        word="Proxies",
        name="proxy",
        short="workspace proxies",
        field="spec.network.proxyEgress",
        list_field="spec.network.egress.proxies",
        to_coderd="proxy-to-coderd",
    ),
)
"""In the order of the spec."""


def found(world: World, kind: Kind) -> tuple[Workload, ...]:
    """Those of a kind that are seen."""
    return world.found.provisioners if kind.end is End.PROVISIONERS else world.found.proxies


def listed(world: World, kind: Kind) -> tuple[Destination, ...]:
    """What spec.network.egress lists for them."""
    egress = world.deployment.spec.network.egress
    return egress.provisioners if kind.end is End.PROVISIONERS else egress.proxies


def is_restricted(world: World, kind: Kind) -> bool:
    """Whether the spec restricts all their egress."""
    network = world.deployment.spec.network
    said = network.provisioner_egress if kind.end is End.PROVISIONERS else network.proxy_egress
    return said == "Restricted"


def said(world: World, kind: Kind) -> Iterator[str]:
    """The words of the spec that restrict them."""
    if is_restricted(world, kind):
        yield kind.field
    if is_closed(world, kind):
        yield f"{kind.word} in spec.network.blockMetadataAddressFor"


def is_closed(world: World, kind: Kind) -> bool:
    """Whether the spec closes the metadata address to them."""
    return kind.word in world.deployment.spec.network.block_metadata_address_for
