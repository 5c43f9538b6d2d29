"""Which path an object lives under: asked from the API server, remembered until something misses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.api import Api

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True)
class Resource:
    """One resource as the server serves it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    names: frozenset[str]

    @property
    def api_version(self) -> str:
        """As written in manifests."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The collection, or one object of it."""
        root = f"/apis/{self.group}" if self.group else "/api"
        parts = [root, self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name is not None:
            parts.append(name)
        return "/".join(parts)


class Discovery:
    """The server's resources, by kind, plural, short name or `plural.group`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: list[Resource] = []

    def by_name(self, name: str) -> Resource:
        """The resource that people call so; the server's preferred version of it."""
        return self._find(name, lambda resource: name.lower() in resource.names)

    def by_manifest(self, api_version: str, kind: str) -> Resource:
        """The resource of exactly this version and kind."""
        return self._find(
            f"{api_version} {kind}",
            lambda resource: resource.api_version == api_version and resource.kind == kind,
        )

    def _find(self, wanted: str, fits: Callable[[Resource], bool]) -> Resource:
        for fresh in (False, True):
            if fresh:
                # A CRD may have been served since the last look.
                self._known = list(self._look())
            found = next((resource for resource in self._known if fits(resource)), None)
            if found:
                return found
        raise HarnessError(f"this API server serves no {wanted}")

    def _look(self) -> Iterator[Resource]:
        for root in ("/api", "/apis"):
            for group in self._api.request("GET", root, accept=_AGGREGATED)["items"]:
                for version in group["versions"]:
                    yield from _resources(group["metadata"].get("name", ""), version)


def _resources(group: str, version: dict[str, Any]) -> Iterator[Resource]:
    for entry in version.get("resources", []):
        plural = entry["resource"]
        kind = entry.get("responseKind", {}).get("kind", "")
        if not kind:
            continue
        names = {
            plural,
            kind.lower(),
            entry.get("singularResource", ""),
            *entry.get("shortNames", []),
        }
        names |= {f"{plural}.{group}", f"{plural}.{version['version']}.{group}"} if group else set()
        yield Resource(
            group=group,
            version=version["version"],
            plural=plural,
            kind=kind,
            namespaced=entry["scope"] == "Namespaced",
            names=frozenset(names - {""}),
        )
