"""A kind that clusters serve in different versions: which of them is asked for now."""

from dataclasses import replace

from coder_cva.snapshot.needs import Source


class Versions:
    """The source in the newest version, until it is not served; then in the older ones, and around again."""

    def __init__(self, source: Source) -> None:
        self._known = (source, *(replace(source, version=one) for one in source.older))
        self._at = 0

    def __call__(self) -> Source:
        """The source in the version that is asked for."""
        return self._known[self._at]

    def next(self) -> bool:
        """Goes on to an older version; False where all were tried, and the newest one's turn has come again."""
        self._at = (self._at + 1) % len(self._known)
        return self._at > 0
