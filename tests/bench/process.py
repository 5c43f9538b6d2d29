"""Memory and processor time of a process, as the kernel counts them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """One process at one moment."""

    rss_mib: float
    peak_mib: float
    """The most memory since its start."""
    cpu_seconds: float
    """User and system time since its start, children apart."""


def usage(pid: int) -> Usage:
    """What the kernel says of a process that runs."""
    folder = Path(f"/proc/{pid}")
    memory = dict(
        line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line
    )
    # The command's name, in brackets, may hold spaces; fields are counted from behind it.
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return Usage(
        rss_mib=_mib(memory["VmRSS"]),
        peak_mib=_mib(memory["VmHWM"]),
        cpu_seconds=ticks / os.sysconf("SC_CLK_TCK"),
    )


def _mib(text: str) -> float:
    return int(text.split(maxsplit=1)[0]) / 1024
