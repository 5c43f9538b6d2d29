"""The first byte of a server: whether it is PostgreSQL at all, and whether it speaks TLS.

Asked before any name or password is sent. Source: PostgreSQL manual, protocol flow, SSL session encryption.
"""

import asyncio
import contextlib
import socket
import struct
from typing import Final

from coder_cva.postgres.faults import Unmeasured, of_socket
from coder_cva.snapshot.database_seen import Fault
from coder_cva.values.addresses import Permit

_SSL_REQUEST: Final = struct.pack("!ii", 8, 80_877_103)
_ANSWERS: Final = {b"S": True, b"N": False}


async def allowed(host: str, port: int, permit: Permit) -> None:
    """Raises Unmeasured where the host leads nowhere, or one of its addresses is not permitted."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise of_socket(error) from None
    if not all(permit(str(where[0])) for *_, where in found):
        raise Unmeasured(
            Fault.LOCAL,
            "the host is the operator's own Pod or node, or a cloud's metadata: it is not connected to",
        )


async def offers_tls(host: str, port: int, seconds: float) -> bool:
    """Whether the PostgreSQL that listens there offers TLS. Raises Unmeasured where there is none."""
    try:
        async with asyncio.timeout(seconds):
            return await _asked(host, port)
    except (OSError, UnicodeError) as error:
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
