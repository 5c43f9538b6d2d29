"""Proof that somebody's objects were left alone: what they were before, and who wrote to them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OURS = "coder-cva-operator"
"""The operator's field manager; it would stand among an object's writers had it written there."""
SHORT = {
    "Deployment": "deploy",
    "Service": "svc",
    "ServiceAccount": "sa",
    "HorizontalPodAutoscaler": "hpa",
    "PersistentVolumeClaim": "pvc",
}
VOLATILE = ("resourceVersion", "managedFields")
"""Of an object's metadata: the first moves with each status, the second is looked at by itself."""


_UUID = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Fingerprint:
    """One object at one moment."""

    subject: str
    generation: int
    digest: str
    writers: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """One object before and after; gone where there is no after."""

    before: Fingerprint
    after: Fingerprint | None

    @property
    def is_untouched(self) -> bool:
        """Whether nothing but the status differs, and the operator is not among the writers."""
        if self.after is None or OURS in self.after.writers:
            return False
        was, is_now = self.before, self.after
        return (was.generation, was.digest) == (is_now.generation, is_now.digest)

    @property
    def row(self) -> tuple[str, str, str, str, str]:
        """Subject, generations, both digests, writers but for Kubernetes itself; workspaces' ids are cut."""
        subject = _UUID.sub(r"\1…", self.before.subject)
        if self.after is None:
            return (subject, _generation(self.before), self.before.digest, "gone", "")
        generation = _generation(self.before)
        if self.after.generation != self.before.generation:
            generation += f" > {_generation(self.after)}"
        writers = ", ".join(one for one in self.after.writers if not one.startswith("kube-"))
        return (subject, generation, self.before.digest, self.after.digest, writers)


def of(body: Mapping[str, Any]) -> Fingerprint:
    """The fingerprint of an object: everything but its status goes into the digest."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in VOLATILE}
    content = {key: value for key, value in body.items() if key not in ("metadata", "status")}
    whole = json.dumps([metadata, content], sort_keys=True)
    writers = {one.get("manager", "") for one in body["metadata"].get("managedFields", [])}
    place = metadata.get("namespace")
    kind = SHORT.get(body["kind"], body["kind"].lower())
    return Fingerprint(
        subject=f"{kind} {f'{place}/' if place else ''}{metadata['name']}",
        generation=metadata.get("generation", 0),
        digest=hashlib.sha256(whole.encode()).hexdigest()[:8],
        writers=tuple(sorted(writers)),
    )


def compared(before: Iterable[Fingerprint], after: Iterable[Fingerprint]) -> list[Comparison]:
    """What was there before, each with itself as it is now; what came since is left out."""
    now = {one.subject: one for one in after}
    return [Comparison(one, now.get(one.subject)) for one in before]


def _generation(one: Fingerprint) -> str:
    return str(one.generation or "-")
