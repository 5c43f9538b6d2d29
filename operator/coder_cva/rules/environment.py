"""coderd's settings, as rules ask for them; they are read in the snapshot, because builders need them too."""

from coder_cva.snapshot.environment import (
    arguments,
    container,
    flag,
    is_elsewhere,
    is_set,
    is_true,
    literal,
)

__all__ = ["arguments", "container", "flag", "is_elsewhere", "is_set", "is_true", "literal"]
