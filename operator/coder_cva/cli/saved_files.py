"""Files that were saved from a cluster, read as if they were one: implements ``ReadPort``."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from coder_cva.snapshot.model import Absence, ClusterSnapshot, Unavailable
from coder_cva.snapshot.saved import Saved, collected

MOMENT_FILE: Final = "saved-at.txt"
"""When the cluster was saved, in UTC; without it the verdicts are those of now."""
_FORMS: Final = {".json", ".yaml", ".yml"}
_PACKED: Final = ".gz"
_GZIP: Final = b"\x1f\x8b"
_YAML: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NO_SECRETS: Final = Unavailable(Absence.NOT_SAVED, "Secrets are never saved")


class Unusable(Exception):
    """A snapshot that cannot be read; the message names the file and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class SavedReader:
    """Reads what was saved; nothing changes in it."""

    saved: Saved
    moment: datetime | None = None
    """When it was saved (aware, UTC), where that is known."""

    async def deployments(self) -> tuple[Mapping[str, Any], ...]:
        """All CoderDeployments that were saved."""
        return self.saved.deployments

    async def snapshot(self, secrets: frozenset[tuple[str, str]]) -> ClusterSnapshot:
        """The cluster as it was."""
        return replace(self.saved.snapshot, secrets=dict.fromkeys(secrets, _NO_SECRETS))


def reader(paths: Iterable[Path]) -> SavedReader:
    """Files, and folders of files, as one cluster. Raises Unusable."""
    everything = [one for path in paths for one in _files(path)]
    if not everything:
        raise Unusable("the snapshot holds no file that ends in .json, .yaml or .yml")
    saved = collected(pair for file in everything for pair in documents(file))
    return SavedReader(saved, _moment({one.parent / MOMENT_FILE for one in everything}))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = (one for one in path.rglob("*") if one.is_file())
        return sorted(one for one in found if _ending(one) in _FORMS)
    if not path.is_file():
        raise Unusable(f"{path} is neither a file nor a folder")
    return [path]


def _ending(path: Path) -> str:
    return Path(_unpacked(path.name)).suffix


def _unpacked(name: str) -> str:
    return name.removesuffix(_PACKED)


def documents(path: Path) -> Iterator[tuple[str, Any]]:
    """The documents of a file, each with the file's stem; none of an empty one. Raises Unusable."""
    place = Path(_unpacked(path.name)).stem
    try:
        data = path.read_bytes()
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
        for one in _parsed(data):
            yield place, one
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Unusable(f"{path} cannot be read: {error}") from error


def _parsed(data: bytes) -> Iterator[Any]:
    """One document of JSON, or any number of YAML, of which JSON is a part."""
    try:
        whole = orjson.loads(data)
    except orjson.JSONDecodeError:
        yield from yaml.load_all(data.decode("utf-8"), _YAML)
    else:
        yield whole


def _moment(files: Iterable[Path]) -> datetime | None:
    """The earliest of the moments that stand beside the files: nothing is known of what came after it."""
    found = []
    for file in files:
        if not file.is_file():
            continue
        try:
            said = datetime.fromisoformat(file.read_text(encoding="utf-8").strip())
        except (OSError, ValueError) as error:
            raise Unusable(f"{file} holds no moment like 2027-01-31T18:00:00Z: {error}") from error
        found.append(said if said.tzinfo else said.replace(tzinfo=UTC))
    return min(found, default=None)
