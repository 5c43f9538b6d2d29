"""Writing objects by server-side apply: implements ``ApplyPort``."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from coder_cva.kube import paths, refusals
from coder_cva.kube.connection import Answer, Connection, NoAnswer
from coder_cva.values.manifest import Manifest, Ref, ref_of

APPLY: Final = "application/apply-patch+yaml"
"""The content type of server-side apply; JSON is YAML."""
MERGE: Final = "application/merge-patch+json"
"""The content type of a merge: what is null goes, everything else stays."""
MANAGER: Final = "coder-cva-operator"
"""Our one field manager for objects."""


class Writer:
    """``ApplyPort`` over a connection; whether this process may write is the caller's matter."""

    def __init__(
        self,
        connection: Connection,
        owned: Callable[[], tuple[Mapping[str, Any], ...] | None],
    ) -> None:
        self._connection = connection
        self._owned = owned

    def owned(self) -> tuple[Mapping[str, Any], ...] | None:
        """All objects that carry our managed-by label, from the watches; None while not synced."""
        return self._owned()

    async def live(self, ref: Ref) -> Mapping[str, Any] | None:
        """The object as it is now; None where there is none of it, or of its kind."""
        answer = await self._send(ref, "GET", paths.item(ref))
        if answer.status == 404:
            return None
        return _object(ref, answer)

    async def apply(
        self, manifest: Manifest, *, force: bool = False, dry_run: bool = False
    ) -> Mapping[str, Any]:
        """Server-side apply; the object that results. Raises WriteError."""
        ref = ref_of(manifest)
        params = {
            "fieldManager": MANAGER,
            "force": "true" if force else "false",
            "fieldValidation": "Strict",
        }
        if dry_run:
            params["dryRun"] = "All"
        answer = await self._send(
            ref, "PATCH", paths.item(ref), params=params, body=manifest, content_type=APPLY
        )
        return _object(ref, answer)

    async def amend(
        self, ref: Ref, metadata: Mapping[str, Any], *, version: str
    ) -> Mapping[str, Any]:
        """Merges this into the metadata of an object of that resourceVersion. Raises WriteError."""
        body = {"metadata": {**metadata, "resourceVersion": version}}
        answer = await self._send(
            ref,
            "PATCH",
            paths.item(ref),
            params={"fieldManager": MANAGER},
            body=body,
            content_type=MERGE,
        )
        return _object(ref, answer)

    async def delete(self, ref: Ref, *, uid: str) -> None:
        """Deletes the object of that UID in the background; an absent one is fine."""
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        }
        answer = await self._send(ref, "DELETE", paths.item(ref), body=options)
        if answer.status != 404:
            _object(ref, answer)

    async def evict(self, ref: Ref, *, uid: str) -> None:
        """Evicts the Pod of that UID, as far as disruption budgets let it go; an absent one is fine."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        answer = await self._send(ref, "POST", f"{paths.item(ref)}/eviction", body=body)
        if answer.status != 404:
            _object(ref, answer)

    async def _send(self, ref: Ref, method: str, path: str, **rest: Any) -> Answer:
        try:
            return await self._connection.request(method, path, **rest)
        except NoAnswer as error:
            raise refusals.unreachable(ref, error) from error


def _object(ref: Ref, answer: Answer) -> Mapping[str, Any]:
    if not answer.ok:
        raise refusals.refusal(ref, answer)
    body: Mapping[str, Any] = answer.body
    return body
