"""What goes wrong on the way to a database, in our own words.

No text of the server's or the driver's is passed on: neither knows what is a secret of the connection URL.
"""

import errno
import socket
import ssl
from typing import Final

import asyncpg

from coder_cva.snapshot.database_seen import Fault


class Unmeasured(Exception):
    """The database cannot be measured: why, in one word and in a sentence."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.message = message


_UNREACHABLE: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT})
_BY_STATE: Final = {
    "28P01": (Fault.LOGIN, "the server refuses the URL's user with this password"),
    "3D000": (Fault.NO_DATABASE, "the server has no database of this name"),
    "53300": (Fault.TOO_MANY, "the server takes no more connections"),
    "57P03": (Fault.STARTING, "the server is starting, stopping or recovering"),
    "57P01": (Fault.STARTING, "the server is shutting down"),
    "42501": (Fault.NOT_ADMITTED, "the URL's user may not connect to this database"),
}
"""Source: PostgreSQL manual, appendix A (error codes)."""
_ENCRYPTION: Final = (
    "no encryption",
    "ssl off",
    "ssl connection is required",
    "requires ssl",
    "sslmode",
)
"""How a server and the clouds' own gateways say, under 28000, that they want TLS."""


def of_socket(error: OSError | UnicodeError) -> Unmeasured:
    """Of opening a connection, before anything was said. A UnicodeError is of a name that no DNS can have."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return Unmeasured(Fault.HOST_NOT_RESOLVED, "the host's name leads to no address")
    if isinstance(error, ConnectionRefusedError):
        return Unmeasured(Fault.CONNECTION_REFUSED, "nothing listens on this port of the host")
    if isinstance(error, TimeoutError) or error.errno in _UNREACHABLE:
        return Unmeasured(Fault.NO_ROUTE, "the host did not answer in time")
    return Unmeasured(Fault.NO_ROUTE, f"the connection broke ({type(error).__name__})")


def of_login(error: BaseException, *, encrypted: bool) -> Unmeasured:
    """Of speaking to a server that is there."""
    if isinstance(error, asyncpg.PostgresError):
        return _of_state(error, encrypted=encrypted)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unmeasured(
            Fault.CERTIFICATE, f"the server's certificate is not trusted ({_why(error)})"
        )
    if isinstance(error, ssl.SSLError):
        return Unmeasured(Fault.CERTIFICATE, "no TLS can be agreed with the server")
    if isinstance(error, OSError):
        return of_socket(error)
    return Unmeasured(Fault.REFUSED, f"the server could not be spoken to ({type(error).__name__})")


def _of_state(error: asyncpg.PostgresError, *, encrypted: bool) -> Unmeasured:
    state = str(error.sqlstate)
    if state in _BY_STATE:
        return Unmeasured(*_BY_STATE[state])
    if state == "28000":
        said = str(error).lower()
        if not encrypted and any(one in said for one in _ENCRYPTION):
            return Unmeasured(Fault.TLS_REQUIRED, "the server takes no connection without TLS")
        return Unmeasured(
            Fault.NOT_ADMITTED, "the server does not let the URL's user in from here (pg_hba.conf)"
        )
    if state.startswith("08"):
        return Unmeasured(Fault.NO_ROUTE, "the connection broke while the server was spoken to")
    return Unmeasured(Fault.REFUSED, f"the server refuses with SQLSTATE {state}")


_REASONS: Final = {
    10: "it has expired",
    18: "it is self-signed",
    19: "its authority is self-signed and not known here",
    20: "its authority is not known here",
    62: "it is for another host name",
    64: "it is for another address",
}
"""OpenSSL's codes of verification (X509_V_ERR_*)."""


def _why(error: ssl.SSLCertVerificationError) -> str:
    return _REASONS.get(error.verify_code, f"OpenSSL code {error.verify_code}")
