"""A reflector that a test runs and looks at, over a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from coder_cva.kube.reflector import Pace, Reflector
from coder_cva.snapshot.model import Absence, Gathered, Unavailable
from coder_cva.snapshot.needs import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coder_cva.kube.connection import Connection

QUICK: Final = Pace(watch=300, silence=30, stale=60, not_served=0.5, first=0.1, longest=0.5)
"""As patient as in production with what works, and quick to try again."""


def labelled(raw: Mapping[str, Any]) -> tuple[str, str]:
    """Name and one label."""
    metadata = raw["metadata"]
    return metadata["name"], metadata.get("labels", {}).get("step", "")


class Watched:
    """A reflector of one kind, running."""

    def __init__(self, connection: Connection, source: Source, pace: Pace, **options: Any) -> None:
        self.changes = 0
        self.reflector = Reflector(
            connection,
            lambda: source,
            labelled,
            on_change=self._changed,
            pace=pace,
            **options,
        )

    def _changed(self) -> None:
        self.changes += 1

    @property
    def items(self) -> dict[str, str]:
        """Name to label; empty while it cannot be read."""
        reading = self.reflector.reading()
        return dict(reading.items) if isinstance(reading, Gathered) else {}

    @property
    def absence(self) -> Absence | None:
        """Why it cannot be read."""
        reading = self.reflector.reading()
        return reading.reason if isinstance(reading, Unavailable) else None


def config_map(name: str, namespace: str, step: str = "0") -> dict[str, Any]:
    """A ConfigMap with a label."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"step": step}},
    }


MAPS = Source("", "v1", "configmaps", "ConfigMap")
