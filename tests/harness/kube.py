"""A small synchronous Kubernetes client for tests: raw JSON objects, verbs that read as prose."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Self, TypeVar
from urllib.parse import urlencode

from harness.api import Api, ApiError, Object, Query
from harness.discovery import Discovery, Resource
from harness.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")
Objects = list[Object]

APPLY = "application/apply-patch+yaml"
PATCHES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}


class Kube:
    """One user's view of one cluster.

    `kind` is what a person would type: "Deployment", "deployments", "deploy",
    "deployments.apps"; or, where it starts with a slash, the path itself.
    """

    def __init__(self, api: Api) -> None:
        self.api = api
        self._discovery = Discovery(api)

    @classmethod
    def of(cls, kubeconfig: Path, *, timeout: float = 30) -> Self:
        """A client for the current context of a kubeconfig."""
        return cls(Api.of(kubeconfig, timeout=timeout))

    def acting_as(self, user: str, *groups: str) -> Kube:
        """The same cluster, seen by somebody else (impersonation)."""
        return Kube(self.api.acting_as(user, groups))

    def get(self, kind: str, name: str | None = None, namespace: str | None = None) -> Object:
        """One object; an ApiError with status 404 if there is none."""
        found: Object = self.api.request("GET", self._path(kind, name, namespace))
        return found

    def find(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """One object, or None."""
        return _unless_missing(lambda: self.get(kind, name, namespace))

    def list(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
    ) -> Objects:
        """All objects of a kind, whole even where the server pages."""
        path = self._path(kind, None, namespace)
        query: Query = {"limit": "500"}
        query |= {"labelSelector": labels} if labels else {}
        query |= {"fieldSelector": fields} if fields else {}
        found: list[Object] = []
        while True:
            page = self.api.request("GET", path, query=query)
            item_kind = page["kind"].removesuffix("List")
            # Items of a list carry neither kind nor apiVersion; a test wants to hand them on.
            head = {"apiVersion": page["apiVersion"], "kind": item_kind}
            found += [{**head, **item} for item in page["items"]]
            following = page["metadata"].get("continue")
            if not following:
                return found
            query["continue"] = following

    def create(self, manifest: Object, *, dry_run: bool = False) -> Object:
        """Create an object; the answer is what the server made of it."""
        path = self._collection(manifest)
        created: Object = self.api.request("POST", _with(path, _dry(dry_run)), manifest)
        return created

    def apply(
        self, manifest: Object, *, manager: str = "test", force: bool = True, dry_run: bool = False
    ) -> Object:
        """Server-side apply, as the given field manager."""
        query = {"fieldManager": manager, "force": str(force).lower(), **_dry(dry_run)}
        path = _with(self._own_path(manifest), query)
        applied: Object = self.api.request("PATCH", path, manifest, content_type=APPLY)
        return applied

    def replace(self, manifest: Object) -> Object:
        """Update a whole object; refused with 409 if somebody else was quicker."""
        replaced: Object = self.api.request("PUT", self._own_path(manifest), manifest)
        return replaced

    def patch(
        self,
        target: Object,
        change: Object | Objects,
        *,
        subresource: str = "",
        how: str = "merge",
    ) -> Object:
        """Change an object that one has in hand; `how` is merge, json or strategic."""
        path = self._own_path(target) + (f"/{subresource}" if subresource else "")
        patched: Object = self.api.request("PATCH", path, change, content_type=PATCHES[how])
        return patched

    def delete(self, target: Object, *, grace_seconds: int | None = None) -> None:
        """Delete an object that one has in hand; one that is gone already is fine."""
        options: Object = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        _unless_missing(lambda: self.api.request("DELETE", self._own_path(target), options))

    def refresh(self, target: Object) -> Object:
        """The object as it is now; an ApiError with status 404 if it is gone."""
        found: Object = self.api.request("GET", self._own_path(target))
        return found

    def wait_for(
        self, predicate: Callable[[], T], *, timeout: float = 180, what: str = "the condition"
    ) -> T:
        """Ask again and again until the answer is truthy, and return it."""
        return wait_for(predicate, timeout=timeout, what=what)

    def wait_until(
        self, target: Object, holds: Callable[[Object], object], *, timeout: float = 180
    ) -> Object:
        """Wait until something holds for an object, and return the object then."""
        seen: list[Object] = []

        def look() -> Object | None:
            seen[:] = [self.refresh(target)]
            return seen[0] if holds(seen[0]) else None

        found = wait_for(look, timeout=timeout, what=self._own_path(target), seen=lambda: seen)
        if found is None:
            raise AssertionError("`wait_for` returns nothing but truth")
        return found

    def wait_gone(self, target: Object, *, timeout: float = 180) -> None:
        """Wait until an object does not exist any more."""

        def gone() -> bool:
            return _unless_missing(lambda: self.refresh(target)) is None

        wait_for(gone, timeout=timeout, what=f"the end of {self._own_path(target)}")

    def namespace(self, prefix: str = "test", *, labels: Query | None = None) -> str:
        """A new namespace in which Pods can be created at once; returns its name."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        metadata = {"name": name, "labels": labels or {}}
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        # Pods are refused until the namespace's default ServiceAccount exists.
        wait_for(
            lambda: self.find("ServiceAccount", "default", name),
            what=f"the default ServiceAccount of {name}",
        )
        return name

    def _path(self, kind: str, name: str | None, namespace: str | None) -> str:
        if kind.startswith("/"):
            return kind
        return self._discovery.by_name(kind).path(namespace, name)

    def _collection(self, manifest: Object) -> str:
        return self._resource(manifest).path(manifest["metadata"].get("namespace", "default"))

    def _own_path(self, manifest: Object) -> str:
        metadata = manifest["metadata"]
        return self._resource(manifest).path(metadata.get("namespace", "default"), metadata["name"])

    def _resource(self, manifest: Object) -> Resource:
        return self._discovery.by_manifest(manifest["apiVersion"], manifest["kind"])


def _unless_missing(ask: Callable[[], Object]) -> Object | None:
    try:
        return ask()
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def _dry(dry_run: bool) -> Query:
    return {"dryRun": "All"} if dry_run else {}


def _with(path: str, query: Query) -> str:
    return f"{path}?{urlencode(query)}" if query else path
