"""Annotations that tell scrapers of metrics and profiles which port to ask, the ports out.

They stand on Pods, and on Services for whatever Pods these lead to. Sources: see ``marks.SCRAPERS``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from coder_cva.desired.pod_ports import Port, called, declared, is_port
from coder_cva.snapshot import marks
from coder_cva.snapshot.records import Labels, PodShape

_NUMBER: Final = re.compile(r"(?:^|\.)port(?:Number)?$")
"""``prometheus.io/port``, ``profiles.grafana.com/cpu.port``, ``k8s.grafana.com/metrics.portNumber``."""
_NAME: Final = re.compile(r"(?:^|\.)port(?:_name|Name)$")
_SWITCH: Final = re.compile(r"(?:^|\.)scrape$")
_DEFAULT: Final[Port] = (80, "TCP")
"""Where Prometheus asks a Pod that says neither in an annotation nor in its containers which port it has."""


def named(notes: Labels, shapes: tuple[PodShape, ...]) -> frozenset[Port]:
    """The ports that the annotations name; () where scraping is switched off."""
    return frozenset(port for _, one in _families(notes) for port in _named(one, shapes))


def sources(notes: Labels, shapes: tuple[PodShape, ...]) -> Iterator[tuple[str, frozenset[Port]]]:
    """For each kind of scraper the annotation that calls it, and the ports: those named, else all declared."""
    for prefix, family in _families(notes):
        ports = _named(family, shapes)
        if not ports and "true" in _switches(family):
            ports = declared(shapes) or frozenset({_DEFAULT})
        if ports:
            calling = [key for key in family if _SWITCH.search(key)] or list(family)
            yield prefix + min(calling), ports


def _families(notes: Labels) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The annotations of each kind of scraper: their prefix, and what follows it with the value."""
    for prefix in marks.SCRAPERS if notes else ():
        said = {
            key.removeprefix(prefix): value
            for key, value in notes.items()
            if key.startswith(prefix)
        }
        if said:
            yield prefix, said


def _named(family: Mapping[str, str], shapes: Iterable[PodShape]) -> frozenset[Port]:
    switches = _switches(family)
    if switches and "true" not in switches:
        return frozenset()
    numbers = {
        (int(value), "TCP")
        for key, value in family.items()
        if _NUMBER.search(key) and is_port(value)
    }
    names = {value for key, value in family.items() if _NAME.search(key)}
    return frozenset(numbers).union(*(called(one, shapes) for one in names))


def _switches(family: Mapping[str, str]) -> frozenset[str]:
    return frozenset(value for key, value in family.items() if _SWITCH.search(key))
