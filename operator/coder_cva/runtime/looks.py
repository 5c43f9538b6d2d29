"""Which looks there are, written down by hand."""

from functools import partial

from coder_cva.kube.connection import Connection
from coder_cva.postgres import probe
from coder_cva.runtime.coder_look import CoderLook
from coder_cva.runtime.database_look import DatabaseLook
from coder_cva.runtime.links_look import LinksLook
from coder_cva.runtime.observers import Look
from coder_cva.values.addresses import Permit, anywhere


def over(
    connection: Connection, *, elsewhere: bool = False, permit: Permit = anywhere
) -> tuple[Look, ...]:
    """All looks; what they must present elsewhere stands in Secrets, read over this connection.

    ``elsewhere``: from a machine that is no part of the cluster, as whoever asks for a report has it.
    ``permit``: which addresses Coder and the database may have.
    """
    return (
        DatabaseLook(
            connection, elsewhere=elsewhere, measure=partial(probe.measure, permit=permit)
        ),
        CoderLook(connection, permit=permit),
        LinksLook(connection),
    )
