"""The text of CODER_SUPPORT_LINKS in, its links and what is wrong with them out.

Source: Coder's page Appearance. coderd reads the text as YAML, of which JSON is a part, and knows the keys
name, target, icon and location in small letters; icon and location may be left out.
"""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from coder_cva.snapshot.shapes import mapping, text

_LONGEST: Final = 65_536
"""Characters; a list for a menu is far shorter."""
_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_ICONS: Final = frozenset({"bug", "chat", "docs", "star"})
_OWN_ICONS: Final = ("/icon/", "/emojis/")
"""Folders of the pictures that come with Coder's dashboard."""
_LOCATIONS: Final = frozenset({"navbar", "dropdown"})
_BUILD: Final = "{CODER_BUILD_INFO}"
"""What the dashboard replaces by its own version."""
_RESERVED: Final = re.compile(
    r"(?:.*\.)?(?:example|invalid|test|localhost|example\.(?:com|net|org))", re.IGNORECASE
)
"""Names that are kept free for examples (RFC 2606, RFC 6761)."""
_GAP: Final = re.compile(r"[<>{}\s]|change.?me|\btodo\b|\byour[-_.]", re.IGNORECASE)
"""What only a text that is yet to be filled in has in it."""
_INSIDE: Final = re.compile(r".*\.svc(?:\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the menu; an empty text where nothing is said."""

    name: str = ""
    target: str = ""
    icon: str = ""
    location: str = ""

    def dump(self) -> dict[str, str]:
        """As it is written; what is not said is absent."""
        said = {"name": self.name, "target": self.target, "icon": self.icon}
        said |= {"location": self.location}
        return {key: one for key, one in said.items() if one}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the entry at a place, counted from 0."""

    place: int
    part: str
    expected: str
    observed: str


class UnreadableError(ValueError):
    """The text is no list of links; coderd does not start with it."""


def parse(said: str) -> tuple[Link, ...]:
    """The links in their order. Raises UnreadableError, and nothing else, whatever the text is."""
    if len(said) > _LONGEST:
        raise UnreadableError(f"longer than {_LONGEST:,} characters")
    try:
        # Every scalar stays a text, as it does in coderd's fields.
        found = yaml.load(said, Loader=yaml.BaseLoader)  # noqa: S506 - makes texts, lists and mappings only
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        raise UnreadableError("neither JSON nor YAML") from error
    if found is None or found in ("", "null", "~"):
        return ()
    if not isinstance(found, list):
        raise UnreadableError("no list")
    return tuple(_link(place, one) for place, one in enumerate(found))


def _link(place: int, raw: Any) -> Link:
    if not isinstance(raw, dict):
        raise UnreadableError(f"entry {place} is no object with name and target")
    parts = {key: raw.get(key, "") for key in ("name", "target", "icon", "location")}
    for key, one in parts.items():
        if not isinstance(one, str):
            raise UnreadableError(f"{key} of entry {place} is no text")
    return Link(**{key: text(one).strip() for key, one in mapping(parts).items()})


def address(link: Link) -> str:
    """What a link asks on the web, "" for one that asks nothing there (mailto)."""
    return "" if link.target.startswith("mailto:") else link.target.replace(_BUILD, "")


def faults(links: tuple[Link, ...]) -> Iterator[Fault]:
    """What is wrong with the links, in their order."""
    names: set[str] = set()
    targets: set[str] = set()
    for place, one in enumerate(links):
        yield from _of_name(place, one, names)
        yield from _of_target(place, one, targets)
        yield from _of_icon(place, one)
        if one.location and one.location not in _LOCATIONS:
            yield Fault(place, "location", "navbar, dropdown or nothing", one.location)
        names.add(one.name)
        targets.add(one.target)


def _of_name(place: int, link: Link, before: set[str]) -> Iterator[Fault]:
    if not link.name:
        yield Fault(place, "name", "the words of the menu", "none")
    elif link.name in before:
        yield Fault(place, "name", "a name of its own", f"{link.name}, as an entry before it")


def _of_target(place: int, link: Link, before: set[str]) -> Iterator[Fault]:
    wrong = _wrong_with(link.target)
    if wrong:
        expected = "an http, https or mailto address that leads to your own material"
        yield Fault(place, "target", expected, wrong)
    elif link.target in before:
        expected = "each address once"
        yield Fault(place, "target", expected, f"{link.target}, as an entry before it")


def _wrong_with(target: str) -> str:
    """What is wrong with a target, "" for nothing that can be seen without asking it."""
    if not target:
        return "none"
    bare = target.replace(_BUILD, "")
    try:
        parts = urlsplit(bare)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - raises ValueError where it is no number
    except ValueError:
        return f"{target}, which is no address"
    if parts.scheme not in _SCHEMES:
        return f"{target}, which is no absolute address of these"
    if parts.scheme == "mailto":
        host = parts.path.rpartition("@")[2]
    if _GAP.search(bare):
        return f"{target}, which is yet to be filled in"
    if not host:
        return f"{target}, which names no host"
    return _wrong_host(target, host)


def _wrong_host(target: str, host: str) -> str:
    if _RESERVED.fullmatch(host):
        return f"{target}, whose host is kept free for examples"
    if _INSIDE.fullmatch(host):
        return f"{target}, which users outside the cluster do not reach"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    if address.is_loopback or address.is_unspecified or address.is_link_local:
        return f"{target}, which leads to whoever follows it"
    return ""


def _of_icon(place: int, link: Link) -> Iterator[Fault]:
    is_own = not link.icon or link.icon in _ICONS or link.icon.startswith(_OWN_ICONS)
    if not is_own and not link.icon.startswith(("https://", "http://", "data:image/")):
        expected = "bug, chat, docs, star, a path under /icon/ or /emojis/, or the URL of a picture"
        yield Fault(place, "icon", expected, link.icon)
