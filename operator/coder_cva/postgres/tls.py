"""The TLS that a connection URL asks for, as coderd's driver understands it.

Source: lib/pq. require encrypts and trusts whoever answers; with an authority's certificate that is there it
checks as verify-ca does.
"""

import ssl
from pathlib import Path
from typing import Final

from coder_cva.postgres.faults import Unmeasured
from coder_cva.snapshot.database_seen import Fault
from coder_cva.values.postgres_url import PostgresUrl

_VERIFIED: Final = frozenset({"verify-ca", "verify-full"})


def context(url: PostgresUrl, *, offered: bool) -> ssl.SSLContext | None:
    """How to encrypt; None where the URL is content without. Raises Unmeasured where it is not."""
    if url.sslmode in {"disable", "allow"} or (url.sslmode == "prefer" and not offered):
        return None
    if not offered:
        raise Unmeasured(
            Fault.TLS_NOT_OFFERED,
            f"the URL asks for TLS (sslmode={url.sslmode}), the server has none",
        )
    named = "" if url.root_certificate == "system" else url.root_certificate
    is_there = bool(named) and Path(named).is_file()
    if named and not is_there and url.sslmode in _VERIFIED:
        raise Unmeasured(
            Fault.CERTIFICATE, "the file of the URL's sslrootcert is not in the operator's Pod"
        )
    made = ssl.create_default_context(cafile=named if is_there else None)
    if url.sslmode != "verify-full":
        made.check_hostname = False
    if url.sslmode not in _VERIFIED and not is_there:
        made.verify_mode = ssl.CERT_NONE
    return made
