"""Looking at the database itself: whether, and how often (CVA-DB-006, CVA-DB-010)."""

from typing import Annotated

from pydantic import Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.words import Flag


class DatabaseProbe(Part):
    """The operator connects to the database with coderd's own URL, reads, and writes nothing.

    It needs get on that one Secret: deploy/optional/database-secret-reader.yaml.
    """

    enabled: Flag = False
    """Whether the database is looked at, with the URL of urlSecretRef. The operator needs get on that one Secret:
    deploy/optional/database-secret-reader.yaml. Round trips are measured from its Pod, not from coderd's."""
    interval_seconds: Annotated[int, Field(strict=True, ge=10, le=3600)] = 60
    """Seconds from one look to the next; each opens one connection, two through a pooler, for less than
    fifteen seconds."""
