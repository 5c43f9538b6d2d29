"""What was seen beside the cluster's API: looks that a CoderDeployment asked for, with their last results."""

from dataclasses import dataclass

from coder_cva.snapshot.coder_seen import CoderSeen
from coder_cva.snapshot.database_seen import DatabaseSeen
from coder_cva.snapshot.links_seen import LinksSeen


@dataclass(frozen=True, slots=True)
class Observations:
    """The last result of every look; None where it was not asked for, or has not ended yet.

    Each result says in its own words why it saw nothing: no refusal stands as an empty result.
    """

    database: DatabaseSeen | None = None
    """The database, where spec.database.probe is enabled."""
    links: LinksSeen | None = None
    """The support links, where spec.network.followSupportLinks asks for it."""
    coder: CoderSeen | None = None
    """Coder's own API."""
