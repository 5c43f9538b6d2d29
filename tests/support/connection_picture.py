"""The table of connections as a picture (SVG): the same bytes for the same table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from coder_cva.catalogue.connections import Connection, End, Membership

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_COLUMNS: Final = (
    (
        End.API_SERVER,
        End.USERS,
        End.ENTRY,
        End.INGRESS_CONTROLLERS,
        End.NODES,
        End.SCRAPERS,
        End.ANYONE,
    ),
    (End.OPERATOR, End.PROXIES, End.CODERD, End.WORKSPACES, End.PROVISIONERS),
    (
        End.DNS,
        End.ACCESS_URL,
        End.STUN,
        End.PEERS,
        End.RELAYS,
        End.METADATA,
        End.POD_IDENTITY,
        End.POSTGRESQL,
        End.KUBE_API,
        End.CLOUD,
        End.OIDC,
        End.HOSTED_SERVICES,
        End.GIT,
        End.PACKAGES,
        End.REGISTRIES,
    ),
)
"""From left to right: who comes in, Coder's own parts, and what these connect to."""
_WIDTH, _HEIGHT, _BOX, _TALL = 1180, 920, 180, 50
_LEFT: Final = (20, 450, 980)
COLOURS: Final = {
    Membership.ALWAYS: "#1f6f43",
    Membership.NAMED: "#7a5c00",
    Membership.IN_USE: "#7a5c00",
    Membership.DIRECT: "#1d5fa8",
    Membership.METADATA: "#8a3ea8",
    Membership.LISTED: "#b3441e",
}
LEGEND: Final = {
    Membership.ALWAYS: "always possible",
    Membership.DIRECT: "direct connections",
    Membership.METADATA: "unless the metadata address is closed",
    Membership.LISTED: "where egress is Restricted: as far as listed",
    Membership.NAMED: "as far as named, or in use",
}


def picture(lines: Iterable[Connection]) -> str:
    """The picture: a box for each end, an arrow for each connection, whose title is its line."""
    found = tuple(lines)
    boxes = _boxes()
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
            'font-family="Helvetica, Arial, sans-serif" font-size="13">'
        ),
        "<title>The connections that the architecture and Coder need</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        *_markers(),
        *(_arrow(one, boxes, found) for one in found),
        *(_box(end, *boxes[end], _served(end, found)) for end in boxes),
        *_legend(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def drawn() -> frozenset[End]:
    """The ends that have a box."""
    return frozenset(end for column in _COLUMNS for end in column)


def _boxes() -> dict[End, tuple[int, int]]:
    """The upper left corner of each box; a column is spread over the whole height."""
    room = _HEIGHT - 90
    return {
        end: (left, 20 + round((place + 0.5) * room / len(column)) - _TALL // 2)
        for left, column in zip(_LEFT, _COLUMNS, strict=True)
        for place, end in enumerate(column)
    }


def _served(end: End, lines: Iterable[Connection]) -> str:
    """The ports on which an end is connected to, once each."""
    ports = [port for one in lines if one.destination is end for port in one.ports]
    known = dict.fromkeys(f"{it}" for it in ports)
    tcp = [one.removeprefix("TCP ") for one in known if one.startswith("TCP ")]
    udp = [one.removeprefix("UDP ") for one in known if one.startswith("UDP ")]
    told = [f"{name} {' '.join(found)}" for name, found in (("TCP", tcp), ("UDP", udp)) if found]
    return ", ".join(told)


def _box(end: End, left: int, top: int, served: str) -> str:
    name = escape(end.value.replace("-", " "))
    lower = 20 if served else 28
    texts = [f'<text x="{left + 12}" y="{top + lower}" font-weight="bold">{name}</text>']
    if served:
        texts.append(
            f'<text x="{left + 12}" y="{top + 37}" font-size="11" fill="#444444">{escape(served)}</text>'
        )
    frame = (
        f'<rect x="{left}" y="{top}" width="{_BOX}" height="{_TALL}" rx="6" '
        'fill="#f6f8fa" stroke="#57606a"/>'
    )
    return "<g>" + frame + "".join(texts) + "</g>"


def _arrow(
    one: Connection, boxes: dict[End, tuple[int, int]], lines: tuple[Connection, ...]
) -> str:
    colour = COLOURS[one.membership]
    ports = ", ".join(map(str, one.ports)) or "any port"
    title = escape(f"{one.id}: {ports}")
    return (
        f'<path d="{_way(one, boxes, lines)}" fill="none" stroke="{colour}" stroke-width="1.6" '
        f'stroke-opacity="0.75" marker-end="url(#{one.membership.value})"><title>{title}</title></path>'
    )


def _way(one: Connection, boxes: dict[End, tuple[int, int]], lines: tuple[Connection, ...]) -> str:
    (x1, y1), (x2, y2) = boxes[one.source], boxes[one.destination]
    start, end = y1 + _spread(one, lines, leaving=True), y2 + _spread(one, lines, leaving=False)
    if x1 == x2 == _LEFT[0]:
        side = x1 + _BOX
        return f"M {side} {start} C {side + 60} {start}, {side + 60} {end}, {side + 3} {end}"
    if x1 == x2:
        reach = x1 - 40 - abs(y2 - y1) // 4
        return f"M {x1} {start} C {reach} {start}, {reach} {end}, {x1 - 3} {end}"
    forward = x2 > x1
    begin, stop = (x1 + _BOX, x2 - 3) if forward else (x1, x2 + _BOX + 3)
    bend = round((stop - begin) * 0.5)
    return f"M {begin} {start} C {begin + bend} {start}, {stop - bend} {end}, {stop} {end}"


def _spread(one: Connection, lines: tuple[Connection, ...], *, leaving: bool) -> int:
    """Where at its box a line begins or ends, so that lines do not lie upon each other."""
    end = one.source if leaving else one.destination
    there = [it for it in lines if (it.source if leaving else it.destination) is end]
    return round((there.index(one) + 1) * _TALL / (len(there) + 1))


def _markers() -> Iterator[str]:
    for membership, colour in COLOURS.items():
        yield (
            f'<defs><marker id="{membership.value}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
            f'markerHeight="6" orient="auto"><path d="M 0 0 L 8 4 L 0 8 z" fill="{colour}"/></marker></defs>'
        )


def _legend() -> Iterator[str]:
    left = 20
    for membership, words in LEGEND.items():
        colour = COLOURS[membership]
        yield (
            f'<rect x="{left}" y="{_HEIGHT - 34}" width="22" height="4" fill="{colour}"/>'
            f'<text x="{left + 30}" y="{_HEIGHT - 27}" font-size="12">{escape(words)}</text>'
        )
        left += 52 + 6 * len(words)
