"""Whose egress is restricted, by which words of the spec, and what holds that back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coder_cva.api.v1alpha1.egress import Destination
from coder_cva.catalogue.connections import End, connections
from coder_cva.desired import egress_listed, isolation
from coder_cva.desired.egress_listed import listed
from coder_cva.desired.egress_places import Outside
from coder_cva.desired.egress_rules import Allowed, first, needed
from coder_cva.desired.plan import Withheld
from coder_cva.snapshot.model import Absence, Gathered
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Labels
from coder_cva.snapshot.world import World
from coder_cva.values.canonical import canonical

UNREADABLE: Final = "ClusterUnreadable"


@dataclass(frozen=True, slots=True)
class Subject:
    """Pods of one namespace whose egress the spec restricts.

    ``selectors`` are podSelectors, each with the name of its policy; ``pods`` the labels that such Pods have.
    """

    end: End
    told: str
    namespace: str
    rule: str
    selectors: tuple[tuple[str, Mapping[str, Any]], ...]
    pods: tuple[Labels, ...]
    is_restricted: bool
    is_metadata_closed: bool
    list_field: str
    list: tuple[Destination, ...]
    short: str
    """The same for sentences about all of their sort."""

    whose: str = ""
    """By whose words a restriction is confirmed; "" for ``told``. Deployments of one sort in a namespace share them."""

    wanted: tuple[tuple[str, ...], ...] = ()
    """Lines of the table that have to be listed, of each of these tuples one: without it they would be cut off."""

    dialled: tuple[Outside, ...] = ()
    """Where they dial coderd by ways that are not at its Pods."""

    to_coderd: str = ""
    """The line by which the list may say where that leads; "" where only accessURLCIDRs says so."""

    strangers: tuple[str, ...] = ()
    """What is not meant and would be selected as well, sorted."""

    on_node: bool = False
    """Whether all of them use their node's network, which no policy covers."""

    uncovered: tuple[str, ...] = ()
    """Pods that are meant too and that no policy can select, sorted."""

    @property
    def hit(self) -> str:
        """The class of what a restriction hits, by which it is confirmed."""
        return f"egress of {self.whose or self.told}"

    @property
    def metadata_hit(self) -> str:
        """The same for the metadata address."""
        return f"connections of {self.whose or self.told} to the metadata address"

    @property
    def closed(self) -> tuple[str, ...]:
        """The addresses that are closed in any case."""
        return connections().addresses(End.METADATA) if self.is_metadata_closed else ()

    @property
    def names(self) -> tuple[Destination, ...]:
        """What the list says by DNS name, where it counts at all."""
        return egress_listed.named(self.list) if self.is_restricted else ()

    @property
    def listed_lines(self) -> frozenset[str]:
        """The lines of the table that entries of the list say they are."""
        return frozenset(one.line for one in self.list if one.line)

    @property
    def policy(self) -> str:
        """What it is called where something is held back."""
        return f"NetworkPolicy {self.namespace}/{self.selectors[0][0]}"


def allowed(world: World, subject: Subject) -> tuple[Allowed, ...]:
    """What stays possible by addresses and labels where egress is restricted."""
    home = world.deployment.namespace
    own = listed(subject.list, home, subject.closed)
    return (*needed(world, subject.end, subject.closed), *own)


def serves_cilium(world: World) -> bool | None:
    """Whether the API server serves Cilium's policies; None where that could not be read."""
    reading = world.snapshot.reading(Need.CILIUM_POLICIES)
    if isinstance(reading, Gathered):
        return True
    return False if reading.reason in (Absence.NOT_SERVED, Absence.NOT_SAVED) else None


def obstacle(world: World, subject: Subject) -> Withheld | None:
    """Why nothing is written for these Pods, the weightiest reason; None where nothing is in the way."""
    for reason, message in _obstacles(world, subject):
        return Withheld(subject.policy, reason, message, rule=subject.rule)
    return None


def _obstacles(world: World, subject: Subject) -> Iterator[tuple[str, str]]:
    if subject.on_node:
        yield (
            "HostNetwork",
            f"{subject.told} use their node's network, which no NetworkPolicy covers: set hostNetwork: false",
        )
    if subject.strangers:
        yield (
            "NoLabelSelects",
            (
                f"what selects {subject.told} selects {first(subject.strangers)} as well, which would be cut too, so "
                "nothing is written: install one of them anew under labels of its own (another release name)"
            ),
        )
    yield from _foreign(world, subject)
    if (subject.names or subject.is_metadata_closed) and serves_cilium(world) is None:
        yield (
            UNREADABLE,
            (
                "whether CiliumNetworkPolicies are served could not be read, so what stands is left as it is: "
                "compare the operator's ClusterRole with deploy/base/rbac.yaml"
            ),
        )
    if subject.is_restricted:
        yield from _missing(world, subject)


def _foreign(world: World, subject: Subject) -> Iterator[tuple[str, str]]:
    """Policies of others that isolate for egress already: what ours allows would pierce them."""
    kubernetes = isolation.isolating(world, subject.namespace, subject.pods, "Egress")
    cilium = isolation.cilium_isolating(world, subject.namespace, subject.pods)
    if not kubernetes and not cilium:
        return
    kind = "NetworkPolicy" if kubernetes else "CiliumNetworkPolicy"
    hint = ""
    if subject.is_restricted:
        rules = [one.rule for one in needed(world, subject.end, subject.closed)]
        hint = (
            f". See to it that theirs allows what {subject.list_field} lists, and this: "
            f"{canonical({'egress': rules})}"
        )
    yield (
        "IsolatedByOthers",
        (
            f"{kind} {isolation.named(kubernetes or cilium)} restricts the egress of {subject.told} already, and "
            f"what ours allows would pierce it: nothing is written{hint}"
        ),
    )


def _missing(world: World, subject: Subject) -> Iterator[tuple[str, str]]:
    yield from _not_named(world, subject)
    if subject.names and serves_cilium(world) is False:
        entry = subject.names[0]
        yield (
            "NamesNotServed",
            (
                f"{subject.list_field} lists DNS names ({entry.name}: {first(entry.fqdns)}), which only "
                "Cilium can follow, and the API server serves no CiliumNetworkPolicy: write cidrs in place of fqdns"
            ),
        )


def _not_named(world: World, subject: Subject) -> Iterator[tuple[str, str]]:
    """Where they dial coderd, as far as nothing that stays open is known to lead there."""
    named = {name for one in subject.names for name in one.fqdns}
    unknown = [one for one in subject.dialled if one.host not in named]
    is_told = bool(world.deployment.spec.network.access_url_cidrs)
    cut = next((one for one in unknown if one.is_foreign or not is_told), None)
    if cut is None:
        return
    why, remedies = "nothing says its addresses", ["state them in spec.network.accessURLCIDRs"]
    if cut.is_foreign:
        why, remedies = "that is no Service of this coderd", []
    if subject.to_coderd:
        entry = f"list where it leads in {subject.list_field}, as connection: {subject.to_coderd}"
        remedies.append(entry)
    yield (
        "AddressNotNamed",
        (
            f"{subject.told} dial {cut.where}, and {why}, so that they would be cut off from coderd: "
            f"{', or '.join(remedies)}"
        ),
    )
