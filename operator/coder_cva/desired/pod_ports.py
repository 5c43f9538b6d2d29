"""Ports of Pods: what a Service leads to, by number or by name, and what a listening address says."""

from collections.abc import Iterable, Mapping
from typing import Any

from coder_cva.snapshot.records import PodShape, Service

Port = tuple[int, str]
"""A port's number and its protocol."""


def is_port(text: str) -> bool:
    """Whether a text is the number of a port; annotations hold anything."""
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= 65535


def of_address(address: str) -> int:
    """The port of a listening address (``0.0.0.0:2112``, ``:2112``); 0 where no number stands there."""
    _, colon, tail = address.rpartition(":")
    return int(tail) if colon and is_port(tail) else 0


def declared(shapes: Iterable[PodShape]) -> frozenset[Port]:
    """The ports that Pods declare, those of sidecars too."""
    return frozenset((number, protocol) for one in shapes for _, number, protocol in one.ports)


def called(name: str, shapes: Iterable[PodShape]) -> frozenset[Port]:
    """The declared ports of this name."""
    return frozenset(
        (number, protocol)
        for one in shapes
        for known, number, protocol in one.ports
        if known == name
    )


def targets(service: Service, shapes: tuple[PodShape, ...]) -> frozenset[Port]:
    """The Pods' ports to which a Service leads; one by name is looked up in the Pods.

    Whoever takes the Pods' addresses from a headless Service asks for the port that it names, which
    need not be the target.
    """
    found: set[Port] = set()
    for _, number, target, protocol in service.ports:
        if is_port(target):
            found.add((int(target), protocol))
        else:
            found |= {one for one in called(target, shapes) if one[1] == protocol}
        if service.headless:
            found.add((number, protocol))
    return frozenset(found)


def written(ports: Iterable[Port]) -> list[Mapping[str, Any]]:
    """The ports as a NetworkPolicy has them, in the order given."""
    return [{"port": number, "protocol": protocol} for number, protocol in ports]


def told(ports: Iterable[Port]) -> str:
    """The ports in words: their numbers."""
    return ", ".join(str(number) for number, _ in sorted(ports))
