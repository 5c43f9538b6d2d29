"""The status of cluster-autoscaler, a text: its groups and its time out.

It has two forms (kubernetes/autoscaler, clusterstate): lines for people, and YAML since 1.30. Neither is
an API; what cannot be understood is nothing.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import yaml

from coder_cva.snapshot.records_scaling import ScaledGroup
from coder_cva.snapshot.shapes import mapping, mappings, text
from coder_cva.values.manifest import dig

STEP: Final = timedelta(minutes=5)
"""The status is written about every ten seconds; its time is cut to this."""

_YAML: Final = "nodeGroups:"
_Loader: Final[Any] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Every scalar is a text: a date that is none is no error then."""
_DEEPEST: Final = 32
"""Lists and mappings inside each other; a status has six."""
_LONGEST: Final = 9
"""Digits of a size: more are no number of nodes."""
_NAME: Final = re.compile(r"\s*Name:\s+(\S+)\s*")
_HEALTH: Final = re.compile(
    r"\s*Health:.*cloudProviderTarget=(\d{1,9}) \(minSize=(\d{1,9}), maxSize=(\d{1,9})\)"
)
_SCALE_UP: Final = re.compile(r"\s*ScaleUp:\s+Backoff\b")
_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)? ?(?:([+-])(\d\d):?(\d\d))?"
)


def groups(status: str) -> tuple[ScaledGroup, ...]:
    """The groups of a status, in its order."""
    return tuple(_of_yaml(status) if _YAML in status else _of_lines(status))


def written(status: str) -> datetime | None:
    """When a text says that it was written, cut to steps; None where it says nothing of the kind."""
    head = "\n".join(one for one in status.splitlines() if _is_about_time(one))
    found = _TIME.search(head)
    if found is None:
        return None
    day, clock, sign, hours, minutes = found.groups()
    away = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    try:
        zone = timezone(-away if sign == "-" else away)
        moment = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment - (moment - _EPOCH) % STEP


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _is_about_time(line: str) -> bool:
    """The time of the whole status: other lines hold times of probes and transitions."""
    return line.startswith(("time:", "Cluster-autoscaler status at", "20"))


def _of_yaml(status: str) -> Iterator[ScaledGroup]:
    try:
        if _is_deep(status):
            return
        tree = yaml.load(status, _Loader)  # noqa: S506 - the base loader makes texts, lists and mappings only
    except (yaml.YAMLError, RecursionError, ValueError):
        return
    for one in mappings(mapping(tree).get("nodeGroups")):
        name = text(one.get("name"))
        if name:
            yield ScaledGroup(
                name,
                _size(dig(one, "health", "minSize")),
                _size(dig(one, "health", "maxSize")),
                _size(dig(one, "health", "cloudProviderTarget")),
                backs_off=dig(one, "scaleUp", "status") == "Backoff",
            )


def _is_deep(status: str) -> bool:
    """Whether it goes deeper than a status does. libyaml's loader follows without a limit, and the process dies.

    Anybody who may write a ConfigMap of this name in any namespace could end the operator so.
    """
    depth = 0
    for event in yaml.parse(status, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            return True
    return False


def _of_lines(status: str) -> Iterator[ScaledGroup]:
    """A group is its name, then its health with the sizes, then its scale-up."""
    known: ScaledGroup | None = None
    name = ""
    for line in status.splitlines():
        if found := _NAME.fullmatch(line):
            name = found[1]
            if known is not None:
                yield known
            known = None
        elif name and (found := _HEALTH.match(line)):
            target, least, most = (int(one) for one in found.groups())
            known = ScaledGroup(name, least, most, target)
        elif known is not None and _SCALE_UP.match(line):
            known = ScaledGroup(known.name, known.least, known.most, known.target, backs_off=True)
    if known is not None:
        yield known


def _size(value: Any) -> int:
    said = text(value)
    known = said.isascii() and said.isdecimal() and len(said) <= _LONGEST
    return int(said) if known else 0
