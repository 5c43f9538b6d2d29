"""What a look at the database saw, or the word for why it saw nothing.

What moves with every look (bytes, the measurement itself) is not compared: another pass over the
CoderDeployment follows only where something is to be told that was not told before.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Fault(StrEnum):
    """Why the database could not be measured, or is none that coderd can use; a reason of verdicts."""

    UNNAMED = "NoDatabaseSecretNamed"
    UNREAD = "DatabaseSecretUnread"
    NOT_A_URL = "NotAConnectionURL"
    HOST_NOT_RESOLVED = "HostNotResolved"
    LOCAL = "LocalAddress"
    CONNECTION_REFUSED = "ConnectionRefused"
    NO_ROUTE = "NoAnswerFromHost"
    NOT_POSTGRES = "NotPostgreSQL"
    TLS_REQUIRED = "TLSRequired"
    TLS_NOT_OFFERED = "TLSNotOffered"
    CERTIFICATE = "CertificateNotTrusted"
    LOGIN = "PasswordRefused"
    NOT_ADMITTED = "NotAdmitted"
    NO_DATABASE = "NoSuchDatabase"
    TOO_MANY = "TooManyConnections"
    STARTING = "DatabaseStarting"
    BUSY = "OperatorBusy"
    STANDBY = "Standby"
    TOO_SLOW = "TooSlowToMeasure"
    REFUSED = "DatabaseRefuses"


class Pooler(StrEnum):
    """What stands between client and server, as far as a connection shows it."""

    NONE = "none"
    SESSION = "session"
    TRANSACTION = "transaction"


@dataclass(frozen=True, slots=True)
class Pace:
    """Whether the database is slow, with hysteresis; None while one measurement does not tell yet."""

    slow: bool | None = None
    against: int = 0
    """How many measurements in a row have spoken against that."""


@dataclass(frozen=True, slots=True)
class Size:
    """The database's size at a time."""

    at: datetime
    bytes: int


@dataclass(frozen=True, slots=True)
class Server:
    """What the server says of itself; None where it does not say, or a right is missing."""

    version: str = ""
    version_number: int | None = None
    """``server_version_num``: 160014 for 16.14."""
    max_connections: int | None = None
    reserved_connections: int | None = None
    """Kept for superusers and for roles with a right of their own: no use to coderd."""
    in_recovery: bool | None = None
    replicas: int | None = None
    """Servers that follow this one."""
    tls: bool | None = None
    """Whether the connection is encrypted."""
    schema_version: int | None = None
    """The last migration of Coder's schema; None where Coder was never here."""
    schema_dirty: bool = False
    connections: int | None = field(default=None, compare=False)
    """How many clients are connected now."""
    size: int | None = field(default=None, compare=False)
    """Bytes of this one database."""

    @property
    def major(self) -> int | None:
        """The major version: 16."""
        return None if self.version_number is None else self.version_number // 10_000


@dataclass(frozen=True, slots=True)
class DatabaseSeen:
    """The last look at the database. With a fault, what was seen before it still stands."""

    fault: Fault | None = None
    message: str = ""
    """What went wrong, in words; of the connection URL there are only hosts and the database's name."""
    where: str = ""
    """``host:5432/coder``."""
    median_ms: float | None = None
    """The median round trip, as it is told: it moves only where it has moved notably."""
    latest_ms: float | None = field(default=None, compare=False)
    """The median of the last look itself; None where it could not measure."""
    elsewhere: bool = False
    """Whether it was looked from outside of the cluster, whose round trips are not coderd's."""
    pace: Pace = field(default_factory=Pace)
    server: Server = field(default_factory=Server)
    pooler: Pooler | None = None
    told_size: int | None = None
    """The size as it is told, in two digits."""
    told_growth: int | None = None
    """Bytes a day as they are told; None while it was not watched for long enough."""
    sizes: tuple[Size, ...] = field(default=(), compare=False)
    """One an hour, for two days at most."""
    generation: int = field(default=0, compare=False)
    """The CoderDeployment's generation at the time of the look."""
    at: datetime | None = field(default=None, compare=False)
    """When it was looked."""
