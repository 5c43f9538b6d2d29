"""One connection to one server, opened as its URL says, closed in any case."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from coder_cva.postgres import tls
from coder_cva.postgres.faults import of_login
from coder_cva.postgres.greeting import offers_tls
from coder_cva.values.postgres_url import PostgresUrl

CONNECT_SECONDS: Final = 5.0
"""For greeting and login, each."""
QUERY_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 1.0
_NAME: Final = "coder-cva-operator"


@dataclass(frozen=True, slots=True)
class Session:
    """An open connection; ``tls`` is whether it is encrypted."""

    connection: Any
    tls: bool

    async def row(self, query: str) -> tuple[Any, ...]:
        """The first row, read in a transaction: so one server answers, whatever stands between.

        Raises asyncpg.PostgresError where the server refuses.
        """
        async with self.connection.transaction(readonly=True):
            return tuple(await self.connection.fetchrow(query))


@contextlib.asynccontextmanager
async def opened(url: PostgresUrl, host: str, port: int) -> AsyncIterator[Session]:
    """A session with this server. Raises Unmeasured where it cannot be had."""
    context = tls.context(url, offered=await offers_tls(host, port, CONNECT_SECONDS))
    connection = await _connected(url, host, port, context)
    try:
        yield Session(connection, tls=context is not None)
    finally:
        try:
            await connection.close(timeout=_CLOSE_SECONDS)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it is to be gone
            connection.terminate()


async def _connected(url: PostgresUrl, host: str, port: int, context: Any) -> Any:
    try:
        return await asyncpg.connect(
            host=host,
            port=port,
            user=url.user,
            password=url.password,
            database=url.database,
            ssl=context or False,
            direct_tls=False,
            timeout=CONNECT_SECONDS,
            command_timeout=QUERY_SECONDS,
            # A pooler may give each statement another server, which knows nothing of prepared ones.
            statement_cache_size=0,
            server_settings={"application_name": _NAME},
            target_session_attrs="any",
        )
    except Exception as error:  # noqa: BLE001 - the driver raises errors of many families
        raise of_login(error, encrypted=context is not None) from None
