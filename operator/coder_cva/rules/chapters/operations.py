"""Operations: who administers templates, and how their updates reach workspaces (CVA-OPS-*)."""

from collections.abc import Iterator, Sequence
from shlex import quote
from typing import Final

from coder_cva.rules import coder_word
from coder_cva.rules.model import Finding, Judgement, Rule, not_applicable, passed, unknown, verdict
from coder_cva.rules.subjects import are
from coder_cva.snapshot.coder_seen import Template, TemplateAdmin, Unseen
from coder_cva.snapshot.world import World

_OTHER_ROLES: Final = frozenset({"owner", "user-admin"})
"""Administrators of something else; an Auditor only reads."""
_WHO: Final = (
    'coder users list -o json | jq -r \'.[] | select(any(.roles[]; .name == "template-admin")) | '
    '[.username, (.roles | map(.name) | join(","))] | @tsv\''
)
"""Who has the role: no name of a user stands in a status."""
_MAKE: Final = (
    "coder users create --username template-admin --service-account (with a Premium licence, else a further "
    "account with --email and --login-type), then coder users edit-roles template-admin --roles template-admin"
)
_REGION: Final = (
    "a region has no coderd of its own: its templates and accounts are judged where coderd is"
)


def template_administrators_have_accounts_of_their_own(world: World) -> Judgement:
    """CVA-OPS-003: accounts that administer templates, and nothing else, and are nobody's for daily work."""
    if world.deployment.spec.control_plane.management == "None":
        return not_applicable(_REGION)
    admins = coder_word.seen(world).template_admins
    if isinstance(admins, Unseen):
        return coder_word.not_seen(world, admins)
    if not admins:
        return _nobody(world)
    told = f"{are(len(admins), 'account')} with the role Template Admin"
    mixed = [one for one in admins if one.roles & _OTHER_ROLES]
    if mixed:
        finding = _finding(
            world,
            "accounts with this role and no other administrator's",
            f"{len(mixed)} of {len(admins)} are administrators of users or Owners as well",
            f"{_WHO}; for each of them {_MAKE}, and take the role from the old one with coder users edit-roles",
        )
        return verdict([finding], held="", broken=f"{told}, {len(mixed)} with another role as well")
    return _in_daily_use(world, admins, told)


def _in_daily_use(world: World, admins: Sequence[TemplateAdmin], told: str) -> Judgement:
    """Workspaces of an account may be trials of templates, or somebody's work: no API tells which."""
    people = [one for one in admins if not one.is_service_account]
    used = [one for one in people if coder_word.value(one.workspaces)]
    if used:
        return unknown(
            "AccountsInUse",
            f"{told}; {len(used)} of them have workspaces. Whether these are trials of templates or somebody's "
            "daily work Coder does not show: state in spec.attestations that they are trials, or give the role to "
            f"other accounts: {_WHO}",
        )
    hidden = [one.workspaces for one in people if isinstance(one.workspaces, Unseen)]
    if hidden:
        return coder_word.not_seen(world, hidden[0])
    machines = len(admins) - len(people)
    return passed(
        f"{told}, {machines} of them service accounts; none is another administrator's or has workspaces"
    )


def _nobody(world: World) -> Judgement:
    """Without the role somebody else administers templates: an Owner, or a role within an organization."""
    seen = coder_word.seen(world)
    if isinstance(seen.templates, Unseen):
        return coder_word.not_seen(world, seen.templates)
    if not seen.templates:
        return not_applicable("there is no template yet, and no account that administers templates")
    if not coder_word.lacks(world, coder_word.ORGANIZATIONS):
        return unknown(
            "OrganizationRolesNotSeen",
            "no account has the role Template Admin for all of Coder; roles within organizations are not read here: "
            "state it with evidence and a date in spec.attestations",
        )
    told = f"no account has the role Template Admin, so Owners push {are(len(seen.templates), 'template')}"
    owners = coder_word.value(seen.owners)
    observed = "none" if owners is None else f"none, and {are(owners, 'Owner')}"
    finding = _finding(world, "an account with this role", observed, _MAKE)
    return verdict([finding], held="", broken=told)


def _finding(world: World, expected: str, observed: str, remedy: str) -> Finding:
    return Finding(
        "CVA-OPS-003",
        f"CoderDeployment {world.deployment.reference}",
        "template-admin",
        expected,
        observed,
        remedy,
    )


def template_updates_reach_workspaces(world: World) -> Judgement:
    """CVA-OPS-005: templates that require their active version at a start, or have no workspace left behind."""
    if world.deployment.spec.control_plane.management == "None":
        return not_applicable(_REGION)
    templates = coder_word.seen(world).templates
    if isinstance(templates, Unseen):
        return coder_word.not_seen(world, templates)
    if not templates:
        return not_applicable("there is no template yet")
    free = [one for one in templates if not one.requires_active_version]
    if not free:
        return passed(
            f"{are(len(templates), 'template')}: each requires its active version at the start of a workspace"
        )
    findings = list(_behind(world, free))
    hidden = [one.outdated for one in free if isinstance(one.outdated, Unseen)]
    if not findings and hidden:
        return coder_word.not_seen(world, hidden[0])
    told = f"{len(free)} of {are(len(templates), 'template')} leave updates to users"
    return verdict(
        findings,
        held=f"{told}, and no workspace is on an older version",
        broken=f"{told}, and workspaces of {len(findings)} are on an older version",
    )


def _behind(world: World, templates: Sequence[Template]) -> Iterator[Finding]:
    is_licensed = not coder_word.lacks(world, coder_word.ACCESS_CONTROL)
    for one in templates:
        count = coder_word.value(one.outdated)
        if not count:
            continue
        place = f" --org {quote(one.organization)}" if one.organization else ""
        require = f"coder templates edit {quote(one.name)}{place} --require-active-version"
        yield Finding(
            "CVA-OPS-005",
            f"Template {one.organization}/{one.name}"
            if one.organization
            else f"Template {one.name}",
            "require_active_version",
            "true, or no workspace on an older version",
            f"false, and {are(count, 'workspace')} on an older version",
            (require if is_licensed else f"with a licence that includes it, {require}; without one")
            + (", or" if is_licensed else "")
            + " each user sets coder autoupdate WORKSPACE always. If you weighed this and decided against it, accept the "
            "finding in spec.waivers",
        )


RULES: Final = (
    Rule("CVA-OPS-003", template_administrators_have_accounts_of_their_own),
    Rule("CVA-OPS-005", template_updates_reach_workspaces),
)
