"""Laws of restricted egress, over any list and any choice: closed stays closed, needed stays possible."""

from __future__ import annotations

import ipaddress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coder_cva.catalogue.connections import End, Membership, connections
from coder_cva.desired.egress_rules import block
from coder_cva.desired.networking import build_network_policies
from coder_cva.snapshot import address_ranges
from coder_cva.snapshot.reachability import Peer, Reachability
from support import builders as b
from support.coder_manifests import chart_coderd
from support.deployments import managed
from support.egress import NO_CILIUM, network
from support.workspace_manifests import workspace_pod

METADATA = connections().addresses(End.METADATA)
CIDRS = st.one_of(
    st.builds(
        lambda address, length: str(ipaddress.ip_network((address, length), strict=False)),
        st.integers(0, 2**32 - 1),
        st.integers(0, 32),
    ),
    st.builds(
        lambda length: str(ipaddress.ip_network(f"169.254.169.254/{length}", strict=False)),
        st.integers(0, 32),
    ),
    st.builds(
        lambda length: str(ipaddress.ip_network(f"fd00:ec2::254/{length}", strict=False)),
        st.integers(0, 128),
    ),
)
PORTS = st.lists(
    st.fixed_dictionaries(
        {"port": st.sampled_from([22, 80, 443]), "protocol": st.sampled_from(["TCP", "UDP"])}
    ),
    max_size=2,
)
DESTINATION: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"cidrs": st.lists(CIDRS, min_size=1, max_size=3, unique=True)}),
    st.fixed_dictionaries({"podSelector": st.just({"matchLabels": {"app": "mirror"}})}),
    st.fixed_dictionaries({"namespaceSelector": st.just({})}),
)


@st.composite
def lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    """What spec.network.egress.workspaces may list, without names."""
    count = draw(st.integers(0, 3))
    return [
        {"name": f"it-{number}", "why": "a law", "ports": draw(PORTS), **draw(DESTINATION)}
        for number in range(count)
    ]


@given(CIDRS)
def test_a_range_loses_what_is_closed_and_nothing_else(cidr: str) -> None:
    """What is left and what is closed are the whole range, and have no address in common."""
    whole = address_ranges.networks([cidr])
    left = [
        one for peer in block(cidr, METADATA) for one in address_ranges.of_block(peer["ipBlock"])
    ]
    closed = address_ranges.networks(METADATA)
    assert address_ranges.covers((*left, *closed), whole)
    assert all(not address_ranges.covers(left, (one,)) for one in closed)


@settings(max_examples=60, deadline=None)
@given(lists(), st.booleans(), st.sampled_from(["Open", "Restricted"]), st.booleans())
def test_closed_stays_closed_and_needed_stays_possible(
    listed: list[dict[str, Any]], is_closed: bool, profile: str, is_direct: bool
) -> None:
    """Whatever is listed: the metadata address, DNS, coderd, and UDP are as the choices say."""
    cr = network(
        managed("coder"),
        workspaceEgress=profile,
        blockMetadataAddressFor=["Workspaces"] if is_closed else [],
        egress={"workspaces": listed, "directConnections": is_direct},
    )
    everybody = [
        b.pools(),
        b.all_running(chart_coderd()),
        b.all_running(workspace_pod("one")),
        b.pod("dns", "kube-system", labels={"k8s-app": "kube-dns"}),
    ]
    before = b.world(cr, everybody, unavailable=NO_CILIUM)
    part = build_network_policies(before)
    net = Reachability(b.snapshot_of(everybody, part.objects))
    pods = {one.meta.name: net.pod(one) for one in before.snapshot.pods.items}  # type: ignore[union-attr] # read
    workspace = next(one for one in pods.values() if "com.coder.resource" in one.labels)
    coderd = next(
        one for one in pods.values() if one.labels.get("app.kubernetes.io/name") == "coder"
    )
    for address in METADATA:
        target = Peer("metadata", ranges=(address_ranges.networks([address]),))
        possible = net.connection(workspace, target, 80).possible
        assert possible is (not is_closed)
    for line in connections().of(End.WORKSPACES):
        if line.destination in (End.DNS, End.CODERD) and line.membership is Membership.ALWAYS:
            target = pods["dns"] if line.destination is End.DNS else coderd
            port, protocol = line.numbers[0]
            assert net.connection(workspace, target, port, protocol).possible
    peer = Peer("peer", ranges=(address_ranges.networks(["198.51.100.77"]),))
    if is_direct or profile == "Open":
        assert net.connection(workspace, peer, 41641, "UDP").possible
    elif not listed:
        assert net.connection(workspace, peer, 41641, "UDP").possible is False
