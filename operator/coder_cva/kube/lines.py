"""Chunks of bytes in, whole lines out, however long a line is."""

from collections.abc import Iterator


class Lines:
    """Joins chunks to lines; a line of many chunks is joined once, not once for every chunk."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that a chunk completes, without their ends; empty lines are left out."""
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            line = b"".join((*self._parts, piece))
            self._parts.clear()
            if line.strip():
                yield line
        if rest:
            self._parts.append(rest)
