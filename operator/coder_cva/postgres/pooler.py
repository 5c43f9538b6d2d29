"""What stands between client and server.

A server tells its process id at login, and a pooler such as PgBouncer a number of its own in its place: that
the backend which answers has another one shows that something stands between. In transaction mode
it gives one backend to two clients that are both connected; in session mode and without a pooler no two
connections ever have the same one, and none changes its own.
"""

from contextlib import AbstractAsyncContextManager
from typing import Final

from coder_cva.postgres.session import Session
from coder_cva.snapshot.database_seen import Pooler

_ROUNDS: Final = 3
_BACKEND: Final = "SELECT pg_backend_pid()"


async def between(session: Session, another: AbstractAsyncContextManager[Session]) -> Pooler:
    """What is shown by this session and, where something stands between, by a second one beside it."""
    mine = {await _backend(session)}
    if session.connection.get_server_pid() in mine:
        return Pooler.NONE
    others: set[int] = set()
    async with another as second:
        for _ in range(_ROUNDS):
            others.add(await _backend(second))
            mine.add(await _backend(session))
    return Pooler.TRANSACTION if len(mine) > 1 or mine & others else Pooler.SESSION


async def _backend(session: Session) -> int:
    (found,) = await session.row(_BACKEND)
    return int(found)
