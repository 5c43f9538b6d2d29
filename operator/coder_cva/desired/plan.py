"""The plan: what is to be written, what is held back and why, and what admission will read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coder_cva.snapshot.confirmations import Confirmation
from coder_cva.values.manifest import Manifest, Ref


@dataclass(frozen=True, slots=True, order=True)
class Withheld:
    """Something that would be written and is not: which, why, and the remedy in the message.

    ``blocking`` says that the control plane cannot be as intended without it, so Ready is False.
    """

    subject: str
    reason: str
    message: str
    rule: str = ""
    blocking: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Preview:
    """What a restriction would hit, told before it takes effect; ``resources`` are sorted."""

    rule: str
    message: str
    resources: tuple[str, ...] = ()
    hits: tuple[str, ...] = ()
    """Classes of what it hits, in words that stay the same while single Pods come and go: a confirmation
    (``spec.network.confirm``) covers these. () where nothing of it waits for one."""


@dataclass(frozen=True, slots=True, order=True)
class Restriction:
    """A rule that restricts workspaces of a namespace now; ``by`` is the confirmation that made it, "" for its mode."""

    rule: str
    namespace: str
    by: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Eviction:
    """A Pod, by its UID, that is asked to make way for another one, and why."""

    ref: Ref
    uid: str
    why: str


@dataclass(frozen=True, slots=True)
class NodeEdit:
    """The annotations of ours that a node, by its UID, is to have from now on; none takes them back."""

    name: str
    uid: str
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome of deciding. ``objects`` are in the order in which they are applied."""

    objects: tuple[Manifest, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    keep: frozenset[Ref] = frozenset()
    """Objects of ours that are not rendered now, and still must not be swept (maintenance)."""
    unforced: frozenset[tuple[Ref, str]] = frozenset()
    """Fields in which the value of another manager stands, as the API server names them.

    They are said all the same: a field that nobody says any more is reset to its default.
    """
    keep_kinds: frozenset[str] = frozenset()
    """Kinds of which nothing is swept now: what they should be could not be worked out."""
    writes_nothing: bool = False
    """Apply nothing: somebody else holds what this one wants. What acts at admission is disarmed."""
    placement: Mapping[str, Any] = field(default_factory=dict)
    """What is done at admission, as the status tells it: see the status model of that name."""
    previews: tuple[Preview, ...] = ()
    tier: str = ""
    evictions: tuple[Eviction, ...] = ()
    node_edits: tuple[NodeEdit, ...] = ()
    requires: Mapping[Ref, tuple[Ref, ...]] = field(default_factory=dict)
    """By object those that have to be ours before it is written; they stand before it in ``objects``."""
    releases: frozenset[tuple[str, str]] = frozenset()
    """Kinds and namespaces in which what is ours and no longer wanted is let go instead of deleted."""
    unbound: frozenset[Ref] = frozenset()
    """Objects that lose their ownerReference even where they are not written now."""
    pending: Mapping[str, str] | None = None
    """A Pod template that waits: its digest, and since when. See the status model of that name."""
    restrictions: tuple[Restriction, ...] = ()
    """What restricts workspaces once this is written."""
    confirmations: tuple[Confirmation, ...] = ()
    """What the user has confirmed, the one in force first."""
    awaits_webhook: bool = False
    """Whether Pods will be placed once it is known that the API server gets through to the operator's webhook."""
    is_whole: bool = False
    """Whether every builder could say what it would restrict: only then previews are all there are."""

    def unforced_in(self, ref: Ref) -> frozenset[str]:
        """The unforced fields of one object."""
        return frozenset(path for of, path in self.unforced if of == ref)


@dataclass(frozen=True, slots=True)
class Part:
    """What one builder contributes to the plan."""

    objects: tuple[Manifest, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    keep: frozenset[Ref] = frozenset()
    previews: tuple[Preview, ...] = ()
    requires: Mapping[Ref, tuple[Ref, ...]] = field(default_factory=dict)
    releases: frozenset[tuple[str, str]] = frozenset()
    unbound: frozenset[Ref] = frozenset()
    pending: Mapping[str, str] | None = None
    unforced: frozenset[tuple[Ref, str]] = frozenset()
    restrictions: tuple[Restriction, ...] = ()
