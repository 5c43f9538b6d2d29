"""TCP ports that nobody uses at the moment."""

from __future__ import annotations

import random
import socket

# Below the range from which kernels take the ports of outgoing connections (32768 and up on
# Linux): a component that is stopped and started again finds its port still free.
_LOWEST, _HIGHEST = 20000, 32000


def free(count: int) -> list[int]:
    """Ports to try; another process may still be quicker, so the caller must be ready to retry."""
    found: list[int] = []
    # Not the seeded generator: test tools seed it alike in processes that run side by side.
    candidates = random.SystemRandom().sample(range(_LOWEST, _HIGHEST), 500)
    for port in candidates:
        if _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free ports among {len(candidates)} tried")


def _is_free(port: int) -> bool:
    with socket.socket() as attempt:
        # Servers written in Go set it too: ports in TIME_WAIT count as free.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
