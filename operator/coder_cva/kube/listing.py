"""All objects of a kind by pages: a path in, raw objects and the list's resourceVersion out."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from coder_cva.kube import paths
from coder_cva.kube.connection import JSON, Connection, NoAnswer, Refused
from coder_cva.snapshot.needs import Source
from coder_cva.values.manifest import dig

PAGE: Final = 200
"""Objects in a page. A parsed page of Pods is ten times its text, and the heap never shrinks below
its peak: 3,000 Pods cost 20 MB more by pages of 500 than by pages of 200."""
_METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects: the kind, and the selectors that the API server applies."""

    source: Source
    label_selector: str = ""
    field_selector: str = ""
    namespace: str = ""

    @property
    def path(self) -> str:
        """The path of the collection: of all namespaces, or of one."""
        return paths.collection(self.source, self.namespace)

    @property
    def params(self) -> dict[str, str]:
        """The selectors as query parameters."""
        named = {"labelSelector": self.label_selector, "fieldSelector": self.field_selector}
        return {name: value for name, value in named.items() if value}

    def accept(self, *, many: bool) -> str:
        """The Accept header: whole objects, or metadata alone."""
        if not self.source.metadata_only:
            return JSON
        return _METADATA.format("List" if many else "")

    def named(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The object with its kind: items of a list have none, partial ones a foreign one."""
        return {**raw, "apiVersion": self.source.api_version, "kind": self.source.kind}


@dataclass(slots=True)
class Listing:
    """One list of a collection. Iterate it once; ``version`` is set when it is through."""

    connection: Connection
    scope: Scope
    page: int = PAGE
    version: str = field(default="", init=False)

    async def objects(self) -> AsyncIterator[dict[str, Any]]:
        """The objects, a page at a time in memory.

        Raises:
            Refused: the API server does not give the list; 410 where a page expired, in which
                case what was yielded so far is no consistent whole.
            NoAnswer: no answer.
        """
        token = ""
        while True:
            params = self.scope.params
            if self.page:
                params["limit"] = str(self.page)
            if token:
                params["continue"] = token
            answer = await self.connection.request(
                "GET", self.scope.path, params=params, accept=self.scope.accept(many=True)
            )
            if not answer.ok:
                raise Refused(answer)
            version = str(dig(answer.body, "metadata", "resourceVersion", default=""))
            token = str(dig(answer.body, "metadata", "continue", default=""))
            if not version:
                # Somebody in between says 200 to everything: no list is not an empty list.
                raise NoAnswer("the answer is no list of a Kubernetes API server")
            items = answer.body.pop("items", None) or []
            items.reverse()
            while items:
                # Each body is let go before the next page is parsed.
                yield self.scope.named(items.pop())
            if not token:
                self.version = version
                return


async def whole(connection: Connection, scope: Scope) -> tuple[dict[str, Any], ...]:
    """All objects at once, for kinds that are few. Raises Refused or NoAnswer."""
    try:
        return tuple([one async for one in Listing(connection, scope).objects()])
    except Refused as refused:
        if refused.answer.status != 410:
            raise
        return tuple([one async for one in Listing(connection, scope, page=0).objects()])
