"""The objects of ours, raw, from watches that select our own label."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from coder_cva.kube import paths
from coder_cva.kube.connection import Connection
from coder_cva.kube.reflector import DEFAULT_PACE, Pace, Reflector
from coder_cva.kube.served import Discovery
from coder_cva.snapshot.model import Absence, Gathered
from coder_cva.snapshot.needs import SOURCES, Need, Source
from coder_cva.values.manifest import dig

SELECTOR: Final = "app.kubernetes.io/managed-by=coder-cva-operator"
Raw: TypeAlias = Mapping[str, Any]

KINDS: Final = (
    SOURCES[Need.DEPLOYMENTS],
    SOURCES[Need.SERVICES],
    paths.SERVICE_ACCOUNTS,
    SOURCES[Need.ROLE_BINDINGS],
    SOURCES[Need.POD_DISRUPTION_BUDGETS],
    SOURCES[Need.NETWORK_POLICIES],
    SOURCES[Need.CILIUM_POLICIES],
    paths.CODER_PLACEMENTS,
    paths.MUTATING_POLICIES,
    paths.MUTATING_BINDINGS,
    paths.VALIDATING_POLICIES,
    paths.VALIDATING_BINDINGS,
    paths.MUTATING_WEBHOOKS,
    paths.VALIDATING_WEBHOOKS,
)
"""Every kind that the operator writes, except the CoderDeployment itself."""

_SETTLED = frozenset({Absence.FORBIDDEN, Absence.NOT_SERVED})
"""Answers after which there is nothing more to wait for."""


class Owned:
    """One reflector for each kind that we write."""

    def __init__(
        self,
        connection: Connection,
        discovery: Discovery,
        *,
        on_change: Callable[[], None],
        pace: Pace = DEFAULT_PACE,
    ) -> None:
        self.reflectors: tuple[Reflector[Raw], ...] = tuple(
            Reflector(
                connection,
                _source(kind, discovery),
                whole,
                on_change=on_change,
                label_selector=SELECTOR,
                pace=pace,
            )
            for kind in KINDS
        )

    def wake(self, source: Source) -> None:
        """Looks again for a kind that was not served, since its other watch has news of it: ours are then known at once."""
        for kind, reflector in zip(KINDS, self.reflectors, strict=True):
            if kind == source:
                reflector.wake()

    def of(self, kind: Source) -> tuple[Raw, ...]:
        """Those of one of KINDS, as far as they could be read."""
        reading = self.reflectors[KINDS.index(kind)].reading()
        return tuple(reading.items) if isinstance(reading, Gathered) else ()

    def objects(self) -> tuple[Raw, ...] | None:
        """All of them, by kind in the order of KINDS; None while one that is served is not synced.

        A kind that may not be read, or is not served, contributes nothing: it is also not
        possible to delete there what was never seen.
        """
        found: list[Raw] = []
        for reflector in self.reflectors:
            reading = reflector.reading()
            if isinstance(reading, Gathered):
                found.extend(reading.items)
            elif reading.reason not in _SETTLED:
                return None
        return tuple(found)


def whole(raw: Raw) -> Raw:
    """The object without its managedFields, which are long and nobody's business here."""
    metadata = dict(dig(raw, "metadata", default={}))
    metadata.pop("managedFields", None)
    return {**raw, "metadata": metadata}


def _source(kind: Source, discovery: Discovery) -> Callable[[], Source]:
    if kind.group == paths.ADMISSION and "Policy" in kind.kind:
        return lambda: discovery.best(kind)
    return lambda: kind
