from __future__ import annotations

import pytest

from coder_cva.desired import pod_ports
from coder_cva.snapshot.records import Meta, PodShape, Service

POD = PodShape(ports=(("dns", 53, "UDP"), ("web", 5173, "TCP"), ("web", 5174, "UDP")))


def service(*ports: tuple[str, int, str, str], headless: bool = False) -> Service:
    return Service(Meta("app", "dev"), "ClusterIP", {"app": "a"}, ports, headless)


@pytest.mark.parametrize(
    ("address", "port"),
    [
        ("0.0.0.0:2112", 2112),
        (":2112", 2112),
        ("[::]:2112", 2112),
        ("$(KUBE_POD_IP):2112", 2112),
        ("2112", 0),
        ("0.0.0.0:$(PORT)", 0),
        ("0.0.0.0:http", 0),
        ("0.0.0.0:70000", 0),
        ("", 0),
    ],
)
def test_the_port_of_an_address(address: str, port: int) -> None:
    """A number after the last colon; anything else tells nothing."""
    assert pod_ports.of_address(address) == port


def test_a_target_by_name_is_every_port_of_that_name_and_protocol() -> None:
    """As the endpoints of a Service are made."""
    found = pod_ports.targets(service(("", 80, "web", "TCP"), ("", 53, "dns", "UDP")), (POD,))
    assert found == {(5173, "TCP"), (53, "UDP")}
    assert pod_ports.targets(service(("", 80, "other", "TCP")), (POD,)) == frozenset()


def test_only_of_a_headless_service_the_port_itself_counts() -> None:
    """Behind an address of its own a Service translates; a headless one gives the Pods' addresses away."""
    port = ("", 80, "8888", "TCP")
    assert pod_ports.targets(service(port), ()) == {(8888, "TCP")}
    assert pod_ports.targets(service(port, headless=True), ()) == {(80, "TCP"), (8888, "TCP")}
