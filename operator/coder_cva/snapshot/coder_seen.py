"""What Coder's own API said at the last look: each part as a value, or why it was not seen.

No name, address or other datum of a user is kept: accounts are counted, with their roles.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unseen:
    """Why a part was not seen: one CamelCase word, and a sentence with what helps."""

    reason: str
    message: str


Part: TypeAlias = T | Unseen

NOT_READ: Final = Unseen("NotRead", "Coder's API was not asked for it")


@dataclass(frozen=True, slots=True)
class Feature:
    """What the licence says about one feature: ``entitled``, ``grace_period`` or ``not_entitled``."""

    entitlement: str = "not_entitled"
    enabled: bool = False

    @property
    def is_licensed(self) -> bool:
        """Whether the licence includes it; in its grace period it still does."""
        return self.entitlement in ("entitled", "grace_period")


@dataclass(frozen=True, slots=True)
class Entitlements:
    """The licence, as coderd reads it."""

    has_license: bool = False
    features: Mapping[str, Feature] = field(default_factory=dict)

    def feature(self, name: str) -> Feature:
        """One feature; one that coderd does not name is not in the licence."""
        return self.features.get(name, Feature())


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica of coderd as the others know it; ``error`` says why they cannot reach it."""

    hostname: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A provisioner that Coder knows: ``idle``, ``busy`` or ``offline``."""

    status: str
    key_name: str = ""
    version: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_connected(self) -> bool:
        """Whether it is there now; one that says nothing of itself counts as gone."""
        return self.status in ("idle", "busy")

    @property
    def is_built_in(self) -> bool:
        """Whether it is one of coderd's own."""
        return self.key_name == "built-in"

    @property
    def takes_untagged(self) -> bool:
        """Whether it takes jobs without tags: it has only those that every one has."""
        return self.tags.get("scope", "organization") == "organization" and not (
            {key for key, value in self.tags.items() if value} - {"scope"}
        )


@dataclass(frozen=True, slots=True)
class Template:
    """A template that is in use. ``outdated``: its workspaces on another version than the active one."""

    name: str
    organization: str = ""
    requires_active_version: bool = False
    outdated: Part[int] = NOT_READ


@dataclass(frozen=True, slots=True)
class Proxy:
    """A workspace proxy: ``ok``, ``unreachable``, ``unhealthy`` or ``unregistered``."""

    name: str
    status: str


@dataclass(frozen=True, slots=True)
class TemplateAdmin:
    """An account that may administer templates: its roles, and how many workspaces it has."""

    roles: frozenset[str]
    is_service_account: bool = False
    workspaces: Part[int] = NOT_READ


@dataclass(frozen=True, slots=True)
class Health:
    """The severity of each section of Coder's health page (``ok``, ``warning``, ``error``), with its codes."""

    severities: Mapping[str, str]
    codes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CoderSeen:
    """Everything that is asked for. Its counts are of all of Coder, not of one cluster alone."""

    version: Part[str] = NOT_READ
    entitlements: Part[Entitlements] = NOT_READ
    options: Part[Mapping[str, str]] = NOT_READ
    """coderd's effective settings by variable, of those that a rule looks at; never a secret one."""
    health: Part[Health] = NOT_READ
    replicas: Part[tuple[Replica, ...]] = NOT_READ
    daemons: Part[tuple[Daemon, ...]] = NOT_READ
    pending_jobs: Part[int] = NOT_READ
    """Builds and imports that wait for a provisioner."""
    running_jobs: Part[int] = NOT_READ
    """Builds and imports that run at once: of what an operator sees, the most in any look of the last hour."""
    templates: Part[tuple[Template, ...]] = NOT_READ
    """Without deprecated ones."""
    proxies: Part[tuple[Proxy, ...]] = NOT_READ
    """Without the primary, which is coderd itself."""
    template_admins: Part[tuple[TemplateAdmin, ...]] = NOT_READ
    """Accounts with the role Template Admin for the whole of Coder, without suspended ones."""
    owners: Part[int] = NOT_READ
    """Accounts with the role Owner."""
    users: Part[int] = NOT_READ
    """Active accounts: they count for the licence, dormant and suspended ones do not."""
    running_workspaces: Part[int] = NOT_READ
    lost_agents: Part[int] = NOT_READ
    """Running workspaces whose agent was connected and is not, or did not connect in its time: of what an operator
    sees, as many as at two looks in a row, because each restart of coderd loses all of them for a moment."""
    kept: int = 0
    """For how many looks in a row parts of an earlier one stand in for what was not to be had."""
    lately: tuple[int, ...] = field(default=(), compare=False)
    """How many builds ran at each of the last looks."""
    lost_lately: tuple[int, ...] = field(default=(), compare=False)
    """How many agents were lost at each of the last looks."""


_BESIDE: Final = ("kept", "lately", "lost_lately")
PARTS: Final = tuple(one.name for one in fields(CoderSeen) if one.name not in _BESIDE)
_LATELY: Final = 60
"""Looks, one a minute."""
_PASSING: Final = frozenset({"Slow", "Unreachable", "ServerError", "Truncated", "TooManyRequests"})
"""Reasons that often are over at the next look."""
_PATIENCE: Final = 2
"""Looks for which what was seen before still stands: a restart of coderd is no news about its licence."""


def nothing(reason: str, message: str) -> CoderSeen:
    """All parts unseen for one and the same reason."""
    parts: dict[str, Any] = dict.fromkeys(PARTS, Unseen(reason, message))
    return CoderSeen(**parts)


def patient(before: CoderSeen | None, now: CoderSeen) -> CoderSeen:
    """What was seen now; for a short while what was seen before, where Coder was just not to be had."""
    now = _settled(before, _busiest(before, now))
    if before is None or before.kept >= _PATIENCE:
        return now
    kept = {name: getattr(before, name) for name in PARTS if _is_missed(before, now, name)}
    return replace(now, kept=before.kept + 1, **kept) if kept else now


def _busiest(before: CoderSeen | None, now: CoderSeen) -> CoderSeen:
    """What runs goes up and down each minute; what a tier must hold, and what is told, is the most of it."""
    lately = () if before is None else before.lately
    if isinstance(now.running_jobs, Unseen):
        return replace(now, lately=lately)
    lately = (*lately, now.running_jobs)[-_LATELY:]
    return replace(now, running_jobs=max(lately), lately=lately)


def _settled(before: CoderSeen | None, now: CoderSeen) -> CoderSeen:
    """An agent that comes back before the next look was never lost."""
    lately = () if before is None else before.lost_lately
    if isinstance(now.lost_agents, Unseen):
        return replace(now, lost_lately=lately)
    lately = (*lately, now.lost_agents)[-_LATELY:]
    return replace(now, lost_agents=min(lately[-2:]), lost_lately=lately)


def _is_missed(before: CoderSeen, now: CoderSeen, name: str) -> bool:
    """Whether a part was seen before, and now for a passing reason is not."""
    found = getattr(now, name)
    is_gone = isinstance(found, Unseen) and found.reason in _PASSING
    return is_gone and not isinstance(getattr(before, name), Unseen)
