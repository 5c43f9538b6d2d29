"""What the kernel says of a process."""

from __future__ import annotations

import os

from bench.process import usage


def test_memory_and_time_of_this_process() -> None:
    """Memory is in MiB, its peak is no less, and time never runs back."""
    before = usage(os.getpid())
    block = bytearray(64 * 2**20)
    after = usage(os.getpid())
    assert 5 < before.rss_mib <= before.peak_mib < 20_000
    assert after.peak_mib >= before.peak_mib
    assert after.rss_mib >= before.rss_mib + 32
    assert after.cpu_seconds >= before.cpu_seconds > 0
    assert len(block) == 64 * 2**20
