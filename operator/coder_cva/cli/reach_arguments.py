"""The ends of a question as somebody types them: text in, a Pod's name or an address out."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

PROTOCOLS: Final = ("TCP", "UDP", "SCTP")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_PORT_NAME: Final = re.compile(r"(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*")
_SHAPES: Final = "write namespace/pod for a Pod, or an IP address"


class BadArgument(Exception):
    """Something that was typed cannot be meant; the message names the argument and what to write."""


@dataclass(frozen=True, slots=True)
class Place:
    """An end: a Pod by namespace and name, or an address."""

    argument: str
    namespace: str = ""
    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """Where to: an end, and a port of it by its number or its name."""

    place: Place
    port: int | str
    protocol: str


def question(here: str, there: str) -> tuple[Place, Goal]:
    """Both ends, of which one has to be a Pod. Raises BadArgument."""
    asking, asked = source(here), goal(there)
    if asking.address and asked.place.address:
        raise BadArgument(
            "--from and --to are both addresses, and policies are about Pods: write one of them as "
            "namespace/pod"
        )
    return asking, asked


def source(text: str, argument: str = "--from") -> Place:
    """A Pod or an address. Raises BadArgument."""
    bare = text.strip().removeprefix("[").removesuffix("]")
    try:
        return Place(argument, address=str(ipaddress.ip_address(bare)))
    except ValueError:
        pass
    namespace, slash, name = text.strip().partition("/")
    if slash and _NAME.fullmatch(namespace) and _NAME.fullmatch(name):
        return Place(argument, namespace, name)
    if not slash and _NAME.fullmatch(namespace):
        raise BadArgument(f"{argument} {text}: {_SHAPES}, as in default/{namespace}")
    raise BadArgument(f"{argument} {text}: this is neither a Pod nor an address; {_SHAPES}")


def goal(text: str, argument: str = "--to") -> Goal:
    """A Pod or an address with a port, and perhaps a protocol. Raises BadArgument."""
    rest, protocol = _split_protocol(text.strip(), argument)
    place, colon, port = rest.rpartition(":")
    is_bare = place.count(":") > 0 and not place.startswith("[")
    if not colon or not place or is_bare:
        example = f"[{rest.strip('[]')}]:5432" if rest.count(":") > 1 else f"{rest}:8080"
        raise BadArgument(f"{argument} {text}: write the port behind it, as in {example}")
    return Goal(source(place, argument), _port(port, text, argument), protocol)


def _split_protocol(text: str, argument: str) -> tuple[str, str]:
    """What stands before the last slash, if behind it is a protocol: a Pod has one of its own."""
    rest, slash, word = text.rpartition("/")
    if not slash or ":" not in rest:
        return text, "TCP"
    if word.upper() not in PROTOCOLS:
        raise BadArgument(
            f"{argument} {text}: {word or 'nothing'} is no protocol; write /tcp, /udp or /sctp"
        )
    return rest, word.upper()


def _port(port: str, text: str, argument: str) -> int | str:
    if port.isascii() and port.isdigit() and 1 <= int(port) <= 65_535:
        return int(port)
    if _PORT_NAME.fullmatch(port):
        return port
    raise BadArgument(
        f"{argument} {text}: {port or 'nothing'} is no port; write a number from 1 to 65535, "
        "or the name of one of the Pod's ports"
    )
