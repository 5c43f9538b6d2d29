"""Bodies of Coder's API in, what was seen out. No shape raises: what is not understood is unseen.

Sources of the shapes: Coder's API reference (general, enterprise, organizations, provisioning, templates,
users, workspaces, workspaceproxies, debug). A list is refused as a whole where one of its entries is not
understood: what is left would be taken for all.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from coder_cva.snapshot.coder_seen import (
    NOT_READ,
    CoderSeen,
    Daemon,
    Entitlements,
    Feature,
    Health,
    Part,
    Proxy,
    Replica,
    Template,
    TemplateAdmin,
    Unseen,
)
from coder_cva.snapshot.shapes import flag, mapping, mappings, pairs, text

T = TypeVar("T")
Body = Mapping[str, Any]

OPTIONS: Final = frozenset({"CODER_PROVISIONER_DAEMONS"})
"""The settings that a rule looks at."""
NAMES: Final = (
    "buildinfo",
    "entitlements",
    "config",
    "health",
    "replicas",
    "daemons",
    "pending_jobs",
    "running_jobs",
    "templates",
    "proxies",
    "template_admins",
    "owners",
    "users",
    "running_workspaces",
    "lost_agents",
)
"""The names of the bodies, one for each part."""
LOST: Final = ("disconnected", "timeout")
"""What Coder calls an agent that is gone, and one that never came (its page on managing workspaces, has-agent)."""
_PRIMARY: Final = "primary"
"""The name under which coderd lists itself among the proxies."""
_LOCAL_PORT: Final = re.compile(r":\d+->")
"""Of ``read tcp 10.0.0.1:51234->10.0.0.2:8080``: it is another one with each try, and tells nothing."""
_SUSPENDED: Final = "suspended"


def coder_seen(bodies: Body) -> CoderSeen:
    """The bodies by their names; one that lacks was not read.

    A body may be ``Unseen`` itself: then the request gave none. ``outdated``, ``workspaces_of`` and ``lost_agents``
    hold several answers, by a template's id, by a username, and by an agent's status.
    """

    def listed_templates(body: Any) -> Part[tuple[Template, ...]]:
        return templates(body, bodies.get("outdated"))

    def listed_admins(body: Any) -> Part[tuple[TemplateAdmin, ...]]:
        return template_admins(body, bodies.get("workspaces_of"))

    return CoderSeen(
        version=_part(bodies, "buildinfo", version),
        entitlements=_part(bodies, "entitlements", entitlements),
        options=_part(bodies, "config", options),
        health=_part(bodies, "health", health),
        replicas=_part(bodies, "replicas", replicas),
        daemons=_part(bodies, "daemons", daemons),
        pending_jobs=_part(bodies, "pending_jobs", jobs),
        running_jobs=_part(bodies, "running_jobs", jobs),
        templates=_part(bodies, "templates", listed_templates),
        proxies=_part(bodies, "proxies", proxies),
        template_admins=_part(bodies, "template_admins", listed_admins),
        owners=_part(bodies, "owners", count),
        users=_part(bodies, "users", count),
        running_workspaces=_part(bodies, "running_workspaces", count),
        lost_agents=_part(bodies, "lost_agents", lost_agents),
    )


def _part(bodies: Body, name: str, parse: Callable[[Any], Part[T]]) -> Part[T]:
    body = bodies.get(name, NOT_READ)
    return body if isinstance(body, Unseen) else parse(body)


def _not_understood(what: str) -> Unseen:
    return Unseen(
        "NotUnderstood",
        f"what Coder answered about {what} has another shape than its API reference says",
    )


def version(body: Any) -> Part[str]:
    """``buildinfo``: the version, without its leading v."""
    found = text(mapping(body).get("version"))
    return found.removeprefix("v") or _not_understood("its version")


def entitlements(body: Any) -> Part[Entitlements]:
    """``entitlements``: the licence."""
    said = mapping(body)
    features = said.get("features")
    if not isinstance(features, Mapping):
        return _not_understood("its licence")
    return Entitlements(
        has_license=flag(said.get("has_license")),
        features={
            key: Feature(text(value.get("entitlement")), flag(value.get("enabled")))
            for key, value in features.items()
            if isinstance(value, Mapping)
        },
    )


def options(body: Any) -> Part[Mapping[str, str]]:
    """``deployment/config``: the settings that a rule looks at, as texts."""
    said = mapping(body).get("options")
    if not isinstance(said, (list, tuple)):
        return _not_understood("its settings")
    found = {text(one.get("env")): one.get("value") for one in mappings(said)}
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in found.items()
        if name in OPTIONS and isinstance(value, (str, int, float))
    }


def health(body: Any) -> Part[Health]:
    """``debug/health``: what each section says about itself."""
    sections = {
        name: section
        for name, section in mapping(body).items()
        if isinstance(section, Mapping) and text(section.get("severity"))
    }
    if not sections:
        return _not_understood("its health")
    return Health(
        severities={name: text(one.get("severity")) for name, one in sections.items()},
        codes={
            name: tuple(sorted({text(w.get("code")) for w in mappings(one.get("warnings"))} - {""}))
            for name, one in sections.items()
        },
    )


def _list(body: Any, what: str, parse: Callable[[Body], T | None]) -> Part[tuple[T, ...]]:
    """Every entry of a list; null is an empty one, as Go writes it."""
    if body is None:
        return ()
    if not isinstance(body, (list, tuple)):
        return _not_understood(what)
    found = [parse(one) if isinstance(one, Mapping) else None for one in body]
    read = tuple(one for one in found if one is not None)
    return read if len(read) == len(found) else _not_understood(what)


def replicas(body: Any) -> Part[tuple[Replica, ...]]:
    """``replicas``: those of the primary region."""

    def parse(one: Body) -> Replica | None:
        name = text(one.get("hostname"))
        error = one.get("error")
        return Replica(name, _LOCAL_PORT.sub("->", text(error))) if name else None

    return _list(body, "its replicas", parse)


def daemons(body: Any) -> Part[tuple[Daemon, ...]]:
    """``provisionerdaemons`` of all organizations."""

    def parse(one: Body) -> Daemon | None:
        status = text(one.get("status"))
        if not status:
            return None
        return Daemon(
            status, text(one.get("key_name")), text(one.get("version")), pairs(one.get("tags"))
        )

    return _list(body, "its provisioners", parse)


def jobs(body: Any) -> Part[int]:
    """``provisionerjobs`` of all organizations: how many."""
    found = _list(body, "its queue", lambda one: text(one.get("id")) or None)
    return found if isinstance(found, Unseen) else len(found)


def templates(body: Any, outdated: Any = None) -> Part[tuple[Template, ...]]:
    """``templates``; ``outdated`` holds, by a template's id, the answer about its outdated workspaces."""

    def parse(one: Body) -> tuple[Template, bool] | None:
        key, name = text(one.get("id")), text(one.get("name"))
        if not key or not name:
            return None
        made = Template(
            name,
            text(one.get("organization_name")),
            flag(one.get("require_active_version")),
            _answer(outdated, key),
        )
        return made, flag(one.get("deprecated")) or flag(one.get("deleted"))

    found = _list(body, "its templates", parse)
    if isinstance(found, Unseen):
        return found
    kept = [made for made, is_over in found if not is_over]
    return tuple(sorted(kept, key=lambda one: (one.name, one.organization)))


def proxies(body: Any) -> Part[tuple[Proxy, ...]]:
    """``workspaceproxies``: the reference shows a list around the object that is really answered."""
    said = body[0] if isinstance(body, (list, tuple)) and body else body
    if not isinstance(said, Mapping):
        return () if said in ([], ()) else _not_understood("its proxies")

    def parse(one: Body) -> tuple[Proxy, bool] | None:
        name, status = text(one.get("name")), text(mapping(one.get("status")).get("status"))
        is_over = flag(one.get("deleted")) or name == _PRIMARY
        return (Proxy(name, status), is_over) if name and (status or is_over) else None

    found = _list(said.get("regions"), "its proxies", parse)
    if isinstance(found, Unseen):
        return found
    return tuple(sorted((made for made, is_over in found if not is_over), key=lambda it: it.name))


def template_admins(body: Any, workspaces: Any = None) -> Part[tuple[TemplateAdmin, ...]]:
    """``users`` with that role; ``workspaces`` holds, by username, the answer about their workspaces."""

    def parse(one: Body) -> tuple[TemplateAdmin, bool] | None:
        name, roles = one.get("username"), one.get("roles")
        if not (isinstance(name, str) and name and isinstance(roles, (list, tuple))):
            return None
        names = frozenset(text(role.get("name")) for role in mappings(roles)) - {""}
        made = TemplateAdmin(names, flag(one.get("is_service_account")), _answer(workspaces, name))
        return made, text(one.get("status")) == _SUSPENDED

    found = _list(mapping(body).get("users", body), "its accounts", parse)
    if isinstance(found, Unseen):
        return found
    kept = [made for made, is_over in found if not is_over]
    return tuple(
        sorted(
            kept, key=lambda one: (sorted(one.roles), one.is_service_account, str(one.workspaces))
        )
    )


def lost_agents(body: Any) -> Part[int]:
    """``workspaces`` by each status of an agent that is not there: how many in all, or why that is not known."""
    counts = [_answer(body, status) for status in LOST]
    unseen = next((one for one in counts if isinstance(one, Unseen)), None)
    return unseen or sum(one for one in counts if not isinstance(one, Unseen))


def _answer(answers: Any, key: str) -> Part[int]:
    """The count in one of several answers, which are kept by what was asked about."""
    found = mapping(answers).get(key, NOT_READ)
    return found if isinstance(found, Unseen) else count(found)


def count(body: Any) -> Part[int]:
    """``users`` and ``workspaces`` say how many there are, whatever the page holds."""
    found = mapping(body).get("count")
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        return _not_understood("a number")
    return found
