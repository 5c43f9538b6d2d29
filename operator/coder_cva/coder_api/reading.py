"""Which requests make up a look at Coder: their bodies in, what was seen out.

Coder leaves out of a list what the token's account may not see, without a word. So it is asked first
what the account may read of all of Coder, and a list that would be a part of the truth is not asked for.
Sources of paths and parameters: Coder's API reference; of the filters: its pages on managing workspaces
and users; of the checks: its reference on authorization.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

from coder_cva.coder_api import client, refusals
from coder_cva.coder_api.client import Client
from coder_cva.snapshot.coder_seen import CoderSeen, Unseen
from coder_cva.snapshot.parse_coder import LOST, NAMES, coder_seen
from coder_cva.snapshot.shapes import flag, mapping, mappings, text
from coder_cva.values.addresses import Permit, anywhere

PAGE: Final = 100
PAGES: Final = 10
"""More accounts with an administrator's role than these are not looked at one by one."""
MOST_ASKED: Final = 50
"""Templates and accounts about which one request each is made."""
MOST_ORGANIZATIONS: Final = 100
"""Three requests are made for each; Coder allows one account 512 in a minute."""
MOST_LISTED: Final = 2000
"""Provisioners or jobs of an organization: the largest tier has 600. A list that ends here may go on."""
_SEEN: Final = {
    "users": "user",
    "templates": "template",
    "workspaces": "workspace",
    "provisioners": "provisioner_daemon",
    "organizations": "organization",
}
"""What is listed, by its type in Coder's rights."""
_HOPELESS: Final = frozenset(
    {"Unreachable", "LocalAddress", "TLS", "Slow", "Redirected", "Unauthorized"}
)
"""Reasons that stand for every request: no other is made."""

Bodies = dict[str, Any]


async def seen(url: str, token: str, permit: Permit = anywhere) -> CoderSeen:
    """One look at all of it. It does not raise and ends in time."""
    async with client.opened(url, token, permit) as opened:
        return coder_seen(await bodies(opened))


async def bodies(coder: Client) -> Bodies:
    """Every body by its name, or why there is none."""
    rights = await _rights(coder)
    hopeless = next((one for one in rights.values() if one and one.reason in _HOPELESS), None)
    if hopeless is not None:
        return dict.fromkeys(NAMES, hopeless)
    parts = await asyncio.gather(
        _single(coder),
        _counts(coder, rights),
        _lost_agents(coder, rights),
        _provisioners(coder, rights),
        _templates(coder, rights),
        _template_admins(coder, rights),
    )
    return {name: body for part in parts for name, body in part.items()}


async def _rights(coder: Client) -> Mapping[str, Unseen | None]:
    """For each kind of list why it may not be asked for; None where all of it is shown."""
    checks = {
        name: {"action": "read", "object": {"resource_type": kind}} for name, kind in _SEEN.items()
    }
    answer = await coder.check({"checks": checks})
    if isinstance(answer, Unseen):
        return dict.fromkeys(_SEEN, answer)
    allowed = mapping(answer)
    return {
        name: None if flag(allowed.get(name)) else refusals.forbidden(f"all {name} of Coder")
        for name in _SEEN
    }


async def _single(coder: Client) -> Bodies:
    """What one request answers, refusing it where it must."""
    paths = {
        "buildinfo": "buildinfo",
        "entitlements": "entitlements",
        "config": "deployment/config",
        "health": "debug/health",
        "replicas": "replicas",
        "proxies": "workspaceproxies",
    }
    found = await asyncio.gather(*(coder.get(path) for path in paths.values()))
    return dict(zip(paths, found, strict=True))


async def _counts(coder: Client, rights: Mapping[str, Unseen | None]) -> Bodies:
    users, workspaces = rights["users"], rights["workspaces"]
    asked = {
        "owners": ("users", "role:owner", users),
        "users": ("users", "status:active", users),
        "running_workspaces": ("workspaces", "status:running", workspaces),
    }
    found = await asyncio.gather(
        *(
            _count(coder, path, query) if why is None else _just(why)
            for path, query, why in asked.values()
        )
    )
    return dict(zip(asked, found, strict=True))


async def _lost_agents(coder: Client, rights: Mapping[str, Unseen | None]) -> Bodies:
    """One count for each status: older versions of Coder know no list of them in one filter."""
    if rights["workspaces"] is not None:
        return {"lost_agents": rights["workspaces"]}
    found = await asyncio.gather(
        *(_count(coder, "workspaces", f"status:running has-agent:{one}") for one in LOST)
    )
    return {"lost_agents": dict(zip(LOST, found, strict=True))}


async def _count(coder: Client, path: str, query: str) -> Any:
    """How many there are: the answer counts all, and a page of none would be one of all."""
    return await coder.get(path, {"q": query, "limit": "1"})


async def _just(why: Unseen) -> Unseen:
    return why


async def _provisioners(coder: Client, rights: Mapping[str, Unseen | None]) -> Bodies:
    """Daemons and jobs are asked for organization by organization."""
    organizations = rights["organizations"] or await coder.get("organizations")
    if isinstance(organizations, Unseen):
        return dict.fromkeys(("daemons", "pending_jobs", "running_jobs"), organizations)
    keys = [text(one.get("id")) for one in mappings(organizations)]
    if not all(keys or [""]):
        # There is always one: without any there would be no daemon and no job, which looks like an answer.
        shape = refusals.no_shape("organizations")
        return dict.fromkeys(("daemons", "pending_jobs", "running_jobs"), shape)
    if len(keys) > MOST_ORGANIZATIONS:
        many = Unseen("TooMany", f"there are more than {MOST_ORGANIZATIONS} organizations")
        return dict.fromkeys(("daemons", "pending_jobs", "running_jobs"), many)
    daemons, pending, running = await asyncio.gather(
        _of_all(coder, keys, "provisionerdaemons", {}),
        _of_all(coder, keys, "provisionerjobs", {"status": "pending"}),
        _of_all(coder, keys, "provisionerjobs", {"status": "running"}),
    )
    return {
        "daemons": rights["provisioners"] or daemons,
        "pending_jobs": pending,
        "running_jobs": running,
    }


async def _of_all(
    coder: Client, organizations: Iterable[str], path: str, params: Mapping[str, str]
) -> Any:
    """The lists of all organizations as one; Unseen where one of them is, or ends at the limit."""
    asked = {**params, "limit": str(MOST_LISTED)}
    found = await asyncio.gather(
        *(coder.get(f"organizations/{one}/{path}", asked) for one in organizations)
    )
    if any(isinstance(one, list) and len(one) >= MOST_LISTED for one in found):
        return Unseen("TooMany", f"an organization has {MOST_LISTED:,} {path} or more")
    return next((one for one in found if isinstance(one, Unseen)), None) or _joined(found)


def _joined(lists: Iterable[Any]) -> Any:
    """One list; where one of them is none, it is handed on as it is, for the parser to refuse."""
    whole: list[Any] = []
    for one in lists:
        if one is not None and not isinstance(one, list):
            return one
        whole += one or []
    return whole


async def _templates(coder: Client, rights: Mapping[str, Unseen | None]) -> Bodies:
    """Templates, and of those that let workspaces stay behind how many do."""
    templates = rights["templates"] or await coder.get("templates")
    if isinstance(templates, Unseen):
        return {"templates": templates}
    behind = [one for one in mappings(templates) if not flag(one.get("require_active_version"))][
        :MOST_ASKED
    ]
    why = rights["workspaces"]
    found = await asyncio.gather(
        *(
            _count(coder, "workspaces", f"template:{_word(one.get('name'))} outdated:true")
            if why is None
            else _just(why)
            for one in behind
        )
    )
    keys = [text(one.get("id")) for one in behind]
    return {"templates": templates, "outdated": dict(zip(keys, found, strict=True))}


async def _template_admins(coder: Client, rights: Mapping[str, Unseen | None]) -> Bodies:
    """Accounts with the role, and how many workspaces each of them has; their names end here."""
    users = rights["users"] or await _pages(coder, "users", "role:template-admin")
    if isinstance(users, Unseen):
        return {"template_admins": users}
    names = [one["username"] for one in mappings(users) if isinstance(one.get("username"), str)]
    names = names[:MOST_ASKED]
    why = rights["workspaces"]
    found = await asyncio.gather(
        *(
            _count(coder, "workspaces", f"owner:{_word(one)}") if why is None else _just(why)
            for one in names
        )
    )
    return {"template_admins": users, "workspaces_of": dict(zip(names, found, strict=True))}


async def _pages(coder: Client, path: str, query: str) -> Any:
    """All entries of a list that comes in pages; Unseen where there are too many."""
    whole: list[Any] = []
    for number in range(PAGES):
        params = {"q": query, "limit": str(PAGE), "offset": str(number * PAGE)}
        page = await coder.get(path, params)
        entries = page if isinstance(page, Unseen) else mapping(page).get(path)
        if isinstance(page, Unseen) or not isinstance(entries, list):
            return page
        whole += entries
        if len(entries) < PAGE:
            return whole
    return Unseen("TooMany", f"more than {PAGE * PAGES} accounts have an administrator's role")


def _word(name: Any) -> str:
    """A name in a filter; Coder's own names are letters, digits and dashes."""
    said = name if isinstance(name, str) else ""
    return said if said.replace("-", "").isalnum() else '"' + said.replace('"', "") + '"'
