"""A client that remembers what it made, so that a borrowed cluster can be left as it was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.api import Api, ApiError, Unreachable
from harness.errors import HarnessError
from harness.kube import Kube

if TYPE_CHECKING:
    from harness.api import Object

GONE_SECONDS = 180
"""How long namespaces and CRDs may take until they are gone."""


@dataclass
class Made:
    """What was made, in this order; shared by clients that act as others on the same cluster."""

    objects: list[Object] = field(default_factory=list)

    def note(self, made: Object) -> None:
        """Remember an object; reviews and the like, which are not stored, have no UID."""
        metadata = made.get("metadata") or {}
        if metadata.get("uid"):
            about = {key: metadata[key] for key in ("name", "namespace", "uid") if key in metadata}
            head = {key: made[key] for key in ("apiVersion", "kind")}
            self.objects.append({**head, "metadata": about})


class RecordingKube(Kube):
    """A client as any other; what did not exist before it made it is removed by `remove_made`."""

    def __init__(self, api: Api, made: Made | None = None) -> None:
        super().__init__(api)
        self._made = made or Made()

    def acting_as(self, user: str, *groups: str) -> Kube:
        """The same cluster, seen by somebody else (impersonation)."""
        return RecordingKube(self.api.acting_as(user, groups), self._made)

    def create(self, manifest: Object, *, dry_run: bool = False) -> Object:
        """Create an object; the answer is what the server made of it."""
        created = super().create(manifest, dry_run=dry_run)
        if not dry_run:
            self._made.note(created)
        return created

    def apply(
        self, manifest: Object, *, manager: str = "test", force: bool = True, dry_run: bool = False
    ) -> Object:
        """Server-side apply, as the given field manager."""
        is_new = not dry_run and self._live(manifest) is None
        applied = super().apply(manifest, manager=manager, force=force, dry_run=dry_run)
        if is_new:
            self._made.note(applied)
        return applied

    def remove_made(self) -> None:
        """Delete what this client made and is still the same object, the newest first.

        Raises:
            HarnessError: something stayed, for example for a finalizer; the message names it.
        """
        left = [one for one in reversed(self._made.objects) if self._is_there(one)]
        self._made.objects.clear()
        for one in left:
            if self._is_there(one):
                self.delete(one)
        for one in left:
            if "namespace" not in one["metadata"]:
                self.wait_for(
                    lambda one=one: not self._is_there(one),  # type: ignore[misc]
                    timeout=GONE_SECONDS,
                    what=f"the end of {one['kind']} {one['metadata']['name']}, which tests made",
                )

    def _is_there(self, noted: Object) -> bool:
        live = self._live(noted)
        return live is not None and live["metadata"]["uid"] == noted["metadata"]["uid"]

    def _live(self, target: Object) -> Object | None:
        try:
            return self.refresh(target)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        except Unreachable:
            raise
        except HarnessError:
            # Its kind is not served, or no longer: the CRD is gone.
            return None
