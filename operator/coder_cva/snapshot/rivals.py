"""CoderDeployments that could act on the same thing in, the one of them that does out, and why it is that one.

Two admission bindings over the same Pods would send them to two pools at once, and two coderds would
share a database. So of two that claim the same, the older acts. Who lives in a namespace claims it
like one to whom it consents. Two things are not taken away from who has them: a coderd that runs, and
the home of a control plane, by a RoleBinding that was made after it. docs/decisions/0007 says why.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.snapshot import workloads
from coder_cva.snapshot.consent import Consent
from coder_cva.snapshot.discovered import ConsentingNamespace, Workload
from coder_cva.snapshot.grants import grants
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.values.memo import Memo


@dataclass(frozen=True, slots=True, eq=False)
class Claimant:
    """A CoderDeployment with what it could act on if it were alone.

    ``coderd`` are the coderds of its namespace, ``given`` the namespaces that consent to it, by name.
    """

    owner: CoderDeployment
    coderd: tuple[Workload, ...]
    consent: Consent
    given: Mapping[str, ConsentingNamespace]

    @property
    def has_control_plane(self) -> bool:
        """Whether it is about a coderd at all."""
        return self.owner.spec.control_plane.management != "None"

    @property
    def runs_coderd(self) -> bool:
        """Whether a coderd that was made for it stands in its namespace."""
        is_managed = self.owner.spec.control_plane.management == "Managed"
        return is_managed and any(one.ours for one in self.coderd)


def claimants(
    every: Iterable[CoderDeployment],
    snapshot: ClusterSnapshot,
    operator_namespace: str,
    memo: Memo,
) -> tuple[Claimant, ...]:
    """What each of these CoderDeployments could act on, in their order.

    ``operator_namespace`` is a system namespace that consents to nobody.
    """
    parts, granted = workloads.coders(snapshot, memo), grants(snapshot)

    def claimant(owner: CoderDeployment) -> Claimant:
        coderd = workloads.seen_by(owner, parts, "coderd", {owner.namespace})
        consent = Consent(owner, snapshot, coderd, granted, operator_namespace)
        return Claimant(owner, coderd, consent, {one.name: one for one in consent.given()})

    return tuple(map(claimant, every))


def rival(mine: Claimant, every: Sequence[Claimant]) -> CoderDeployment | None:
    """The one that lives in the same namespace, claims the same there and comes first; None for no such one."""
    acting = _acting(mine.owner.namespace, every)
    if mine in acting:
        return None
    return next(one.owner for one in acting if _claim_the_same(one, mine))


def taken(mine: Claimant, every: Sequence[Claimant]) -> dict[str, Claimant]:
    """The namespaces that consent to this one and on which another one acts, each with that one."""
    holders = {name: _holder(name, every) for name in mine.given}
    return {name: one for name, one in holders.items() if one is not None and one is not mine}


def sentence(name: str, holder: Claimant, mine: Claimant) -> str:
    """Why nothing is done in a namespace that consents to ``mine`` and is another one's, and what helps."""
    who = f"CoderDeployment {holder.owner.reference}"
    lives_there, lives_here = holder.owner.namespace == name, mine.owner.namespace == name
    if lives_there and lives_here:
        return f"Namespace {name} is the home of {who} too, which acts there: nothing is done for this one"
    if lives_there:
        return f"Namespace {name} is the home of {who}: {_way_in(name, holder, mine)}"
    if lives_here:
        return (
            f"Namespace {name} consents to {who} too ({holder.given[name].consent}), which is older and holds "
            "the workspaces there: nothing is done to them for this one. Take that consent away, or move this "
            "one to a namespace of its own"
        )
    return (
        f"Namespace {name} consents to {who} too, which is older and holds it: nothing is done there for "
        "this one. Take the consent to one of the two away"
    )


def _way_in(name: str, holder: Claimant, mine: Claimant) -> str:
    """What a guest is told whose host has somebody living there who comes first."""
    if mine.owner.age > holder.owner.age:
        return (
            "it is older, so nothing is done there for this one. Take the consent to this one away, or move "
            "that one"
        )
    return (
        f"it was there before {mine.given[name].consent}, so nothing is done there for this one. To hand the "
        f"namespace over all the same: {mine.consent.command(name)}"
    )


def _holder(name: str, every: Sequence[Claimant]) -> Claimant | None:
    """Of those to whom a namespace consents the one that acts there; None where nobody who could may."""
    home = next((one for one in _acting(name, every) if name in one.given), None)
    invited = [one for one in every if name in one.given and one.owner.namespace != name]
    if home is None:
        return min(invited, key=lambda one: one.owner.age, default=None)
    standing = [one for one in invited if not _came_after(name, one, home)]
    return min((home, *standing), key=lambda one: one.owner.age)


def _came_after(name: str, guest: Claimant, home: Claimant) -> bool:
    """Whether a namespace was a control plane's home before a RoleBinding let somebody else in."""
    moved_in = home.owner.created
    return home.has_control_plane and moved_in != "" and guest.given[name].since > moved_in


def _acting(namespace: str, every: Iterable[Claimant]) -> Collection[Claimant]:
    """Of those that live in a namespace the ones that act: none claims what one before it claims too.

    First comes whose coderd runs there, since that is not taken away; then the older.
    """
    acting: list[Claimant] = []
    at_home = (one for one in every if one.owner.namespace == namespace)
    for one in sorted(at_home, key=lambda one: (not one.runs_coderd, one.owner.age)):
        if not any(_claim_the_same(other, one) for other in acting):
            acting.append(one)
    return acting


def _claim_the_same(one: Claimant, other: Claimant) -> bool:
    """Whether two that live in a namespace both claim its coderd, or both the workspaces in it."""
    home = one.owner.namespace
    both_have_coderd = one.has_control_plane and other.has_control_plane
    return both_have_coderd or (home in one.given and home in other.given)
