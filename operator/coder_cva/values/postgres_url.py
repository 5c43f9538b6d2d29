"""PostgreSQL's connection URL: a text in, its parts out; the password is in no message and no repr.

Sources: coderd's driver is lib/pq, so what is not said is as there (port 5432, sslmode require); the two
forms are libpq's (PostgreSQL manual, connection strings). No refusal quotes the text: whatever part of it
is misread may be the password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

PORT: Final = 5432
SCHEMES: Final = ("postgres://", "postgresql://")
MODES: Final = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
TARGETS: Final = frozenset(
    {"any", "read-write", "read-only", "primary", "standby", "prefer-standby"}
)
NO_URL: Final = (
    "it is neither a URL like postgres://user:password@host:5432/coder nor key=value pairs"
)
NOT_ENCODED: Final = "a special character in it is not percent-encoded: write @ as %40, / as %2F, ? as %3F, # as %23, : as %3A"
NO_HOST: Final = "it names no host that can be reached over the network"
NO_PORT: Final = "its port is no number from 1 to 65535"
NO_USER: Final = "it names no user"
NO_MODE: Final = f"its sslmode is none of {', '.join(sorted(MODES))}"
NO_TARGET: Final = f"its target_session_attrs is none of {', '.join(sorted(TARGETS))}"
REFUSALS: Final = frozenset({NO_URL, NOT_ENCODED, NO_HOST, NO_PORT, NO_USER, NO_MODE, NO_TARGET})
"""All that is ever said about a text that is no connection URL."""

_PAIR: Final = re.compile(
    r"\s*([a-z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)(?=\s|\Z)", re.DOTALL
)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_HOST: Final = re.compile(r"[0-9A-Za-z._:%-]+")


class NotAUrl(ValueError):
    """It cannot be understood; the message is one of ``REFUSALS``."""


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """Where the database is and how to speak to it."""

    hosts: tuple[tuple[str, int], ...]
    """Addresses with their ports, to be tried in this order."""
    user: str
    password: str = field(default="", repr=False)
    database: str = ""
    sslmode: str = "require"
    root_certificate: str = ""
    """The path of the authority's certificate, in coderd's Pod; ``system`` for those of the system."""
    target: str = "any"
    """Which server of several is meant: any, or one that takes writes."""


def parse(text: str) -> PostgresUrl:
    """The parts of a connection URL or of key=value pairs. Raises NotAUrl."""
    said = text.strip()
    scheme = next((one for one in SCHEMES if said.startswith(one)), "")
    if scheme:
        return _made(_of_url(said.removeprefix(scheme)))
    if "=" not in said or "://" in said.partition("=")[0]:
        raise NotAUrl(NO_URL)
    return _made(_of_pairs(said))


def _of_url(rest: str) -> Mapping[str, str]:
    before, _, tail = rest.partition("?")
    authority, _, path = before.partition("/")
    if "@" in path + tail or "#" in rest:
        raise NotAUrl(NOT_ENCODED)
    login, _, places = authority.rpartition("@")
    user, _, password = login.partition(":")
    hosts, ports = _places(places)
    found = {"host": hosts, "port": ports, "dbname": _decoded(path)}
    found |= {"user": _decoded(user), "password": _decoded(password)}
    for pair in tail.split("&"):
        name, _, value = pair.partition("=")
        if name and value:
            found[_decoded(name)] = _decoded(value)
    return found


def _places(places: str) -> tuple[str, str]:
    """Hosts and ports of ``a:1,[::1]:2``, each as a list with commas."""
    hosts, ports = [], []
    for place in places.split(","):
        bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.%]+)\](?::(.*))?", place)
        host, _, port = (
            place.partition(":") if bracketed is None else (bracketed[1], "", bracketed[2])
        )
        hosts.append(_decoded(host))
        ports.append(port or "")
    return ",".join(hosts), ",".join(ports)


def _of_pairs(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        pair = _PAIR.match(text, place)
        if pair is None:
            raise NotAUrl(NO_URL)
        value = pair[2][1:-1] if pair[2].startswith("'") else pair[2]
        found[pair[1]] = _ESCAPED.sub(r"\1", value)
        place = pair.end()
    return found


def _made(found: Mapping[str, str]) -> PostgresUrl:
    user, mode = found.get("user", ""), found.get("sslmode") or "require"
    target = found.get("target_session_attrs") or "any"
    if not user:
        raise NotAUrl(NO_USER)
    if mode not in MODES:
        raise NotAUrl(NO_MODE)
    if target not in TARGETS:
        raise NotAUrl(NO_TARGET)
    return PostgresUrl(
        hosts=_hosts(found.get("hostaddr") or found.get("host", ""), found.get("port", "")),
        user=user,
        password=found.get("password", ""),
        database=found.get("dbname") or user,
        sslmode=mode,
        root_certificate=found.get("sslrootcert", ""),
        target=target,
    )


def _hosts(hosts: str, ports: str) -> tuple[tuple[str, int], ...]:
    names, numbers = hosts.split(","), ports.split(",")
    if not all(_HOST.fullmatch(one) for one in names):
        raise NotAUrl(NO_HOST)
    if len(numbers) == 1:
        numbers *= len(names)
    if len(numbers) != len(names):
        raise NotAUrl(NO_PORT)
    return tuple((name, _port(number)) for name, number in zip(names, numbers, strict=True))


def _port(number: str) -> int:
    if not number:
        return PORT
    if not re.fullmatch("[0-9]{1,5}", number) or not 1 <= int(number) <= 65_535:
        raise NotAUrl(NO_PORT)
    return int(number)


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise NotAUrl(NOT_ENCODED) from None
