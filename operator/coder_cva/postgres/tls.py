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

_LARGEST: Final = 1024 * 1024
"""Bytes; all authorities of a system together are a quarter of it."""
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
    authority = _read(named) if named else ""
    if named and not authority and url.sslmode in _VERIFIED:
        raise Unmeasured(
            Fault.CERTIFICATE, "the file of the URL's sslrootcert is not in the operator's Pod"
        )
    made = _trusting(authority)
    if url.sslmode != "verify-full":
        made.check_hostname = False
    if url.sslmode not in _VERIFIED and not authority:
        made.verify_mode = ssl.CERT_NONE
    return made


def _read(path: str) -> str:
    """What stands in the file, "" where there is no such file.

    The path is the word of whoever wrote the Secret. A file of the kernel's has no size and may have no end:
    it is not read, because the whole operator would wait.
    """
    try:
        file = Path(path)
        if not file.is_file() or not 0 < file.stat().st_size <= _LARGEST:
            return ""
        return file.read_bytes().decode("ascii", errors="ignore")
    except (OSError, ValueError):
        return ""


def _trusting(authority: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cadata=authority or None)
    except (ssl.SSLError, ValueError):
        raise Unmeasured(
            Fault.CERTIFICATE, "the file of the URL's sslrootcert holds no certificate"
        ) from None
