"""What a reflector keeps: projected records by namespace and name."""

import logging
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from coder_cva.values.manifest import dig

T = TypeVar("T")
Key: TypeAlias = tuple[str, str]
Projection: TypeAlias = Callable[[Mapping[str, Any]], T | None]

logger = logging.getLogger(__name__)


class Store(Generic[T]):
    """Records of one kind. Bodies go in and are dropped; an equal record is no change."""

    def __init__(self, project: Projection[T]) -> None:
        self._project = project
        self.records: dict[Key, T] = {}
        self.misread: dict[Key, str] = {}
        self._order: _Order[T] | None = None
        """From when it is first asked for: a list of ten thousand objects is sorted once, not kept sorted."""

    def items(self) -> tuple[T, ...]:
        """All records, sorted by namespace and name; the same tuple until something changes."""
        if self._order is None:
            self._order = _Order(self.records)
        return self._order.items()

    def unreadable(self) -> str:
        """A sentence about objects that the projection failed on; "" where there is none."""
        if not self.misread:
            return ""
        (namespace, name), error = min(self.misread.items())
        return f"{len(self.misread)} could not be understood, first {namespace}/{name}: {error}"

    def replace(self, fresh: "Store[T]") -> bool:
        """Takes over everything from a store filled by a list; whether anything changed."""
        changed = self.records != fresh.records or self.misread != fresh.misread
        if changed:
            self.records, self.misread = fresh.records, fresh.misread
            self._order = None
        return changed

    def put(self, raw: Mapping[str, Any]) -> bool:
        """Takes one object in; whether its record changed. None from the projection removes it."""
        key = key_of(raw)
        try:
            record = self._project(raw)
        except Exception as error:  # noqa: BLE001 - one odd object must not blind the operator
            return self._refuse(key, error)
        healed = self.misread.pop(key, None) is not None
        if record is None:
            return self._drop(key) or healed
        if not healed and self.records.get(key) == record:
            return False
        self.records[key] = record
        if self._order is not None:
            self._order.put(key, record)
        return True

    def remove(self, raw: Mapping[str, Any]) -> bool:
        """Forgets one object; whether it was known."""
        key = key_of(raw)
        healed = self.misread.pop(key, None) is not None
        return self._drop(key) or healed

    def emptied(self) -> "Store[T]":
        """A new store with the same projection."""
        return Store(self._project)

    def _drop(self, key: Key) -> bool:
        known = self.records.pop(key, None) is not None
        if known and self._order is not None:
            self._order.drop(key)
        return known

    def _refuse(self, key: Key, error: Exception) -> bool:
        words = type(error).__name__
        if self.misread.get(key) == words:
            return False
        # Only the type: an exception's text may quote the object.
        logger.warning("An object could not be understood: %s/%s: %s", *key, words)
        self._drop(key)
        self.misread[key] = words
        return True


class _Order(Generic[T]):
    """Records in the order of their keys; one that comes, changes or goes moves only what lies behind it."""

    def __init__(self, records: Mapping[Key, T]) -> None:
        self._keys = sorted(records)
        self._records = [records[key] for key in self._keys]
        self._items: tuple[T, ...] | None = None

    def items(self) -> tuple[T, ...]:
        if self._items is None:
            self._items = tuple(self._records)
        return self._items

    def put(self, key: Key, record: T) -> None:
        place = bisect_left(self._keys, key)
        if place < len(self._keys) and self._keys[place] == key:
            self._records[place] = record
        else:
            self._keys.insert(place, key)
            self._records.insert(place, record)
        self._items = None

    def drop(self, key: Key) -> None:
        place = bisect_left(self._keys, key)
        del self._keys[place], self._records[place]
        self._items = None


def key_of(raw: Mapping[str, Any]) -> Key:
    """Namespace and name."""
    return (
        str(dig(raw, "metadata", "namespace", default="")),
        str(dig(raw, "metadata", "name", default="")),
    )
