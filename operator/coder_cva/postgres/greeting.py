"""The first byte of a server: whether it is PostgreSQL at all, and whether it speaks TLS.

Asked before any name or password is sent. Source: PostgreSQL manual, protocol flow, SSL session encryption.
"""

import asyncio
import contextlib
import struct
from typing import Final

from coder_cva.postgres.faults import Unmeasured, of_socket
from coder_cva.snapshot.database_seen import Fault

_SSL_REQUEST: Final = struct.pack("!ii", 8, 80_877_103)
_ANSWERS: Final = {b"S": True, b"N": False}


async def offers_tls(host: str, port: int, seconds: float) -> bool:
    """Whether the PostgreSQL that listens there offers TLS. Raises Unmeasured where there is none."""
    try:
        async with asyncio.timeout(seconds):
            return await _asked(host, port)
    except OSError as error:
        raise of_socket(error) from None


async def _asked(host: str, port: int) -> bool:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(_SSL_REQUEST)
        await writer.drain()
        answer = await reader.read(1)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    if not answer:
        raise Unmeasured(
            Fault.NO_ROUTE,
            "whoever listens there hangs up without a word, as a load balancer does with no server behind it",
        )
    if answer == b"E":
        raise Unmeasured(Fault.REFUSED, "the server answers with an error before any login")
    if answer not in _ANSWERS:
        raise Unmeasured(
            Fault.NOT_POSTGRES, "what listens there does not speak PostgreSQL's protocol"
        )
    return _ANSWERS[answer]
