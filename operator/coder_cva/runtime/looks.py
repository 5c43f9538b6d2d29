"""Which looks there are, written down by hand."""

from coder_cva.kube.connection import Connection
from coder_cva.runtime.database_look import DatabaseLook
from coder_cva.runtime.observers import Look


def over(connection: Connection) -> tuple[Look, ...]:
    """All looks; what they must present elsewhere stands in Secrets, read over this connection."""
    return (DatabaseLook(connection),)
