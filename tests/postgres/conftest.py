"""Servers that the tests of this folder share."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from support import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.postgres import PostgresServer, Programs

NO_TLS = (
    "no PostgreSQL with TLS: the wheel's has none, and /usr/lib/postgresql is not there or has none"
)


@pytest.fixture(scope="session")
def programs() -> Iterator[Programs]:
    """The programs of a PostgreSQL."""
    folder = postgres.folder()
    try:
        found = postgres.from_wheel(folder) or postgres.from_machine()
        if found is None:
            pytest.skip(postgres.MISSING)
        yield postgres.programs(folder, found)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server(programs: Programs) -> Iterator[PostgresServer]:
    """A server with Coder's database and role, and roles for what may go wrong."""
    for one in postgres.serving(programs):
        one.sql(
            "CREATE ROLE coder LOGIN PASSWORD 'coder'",
            "CREATE ROLE trusted LOGIN",
            "CREATE DATABASE coder OWNER coder",
        )
        one.sql(
            "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL)",
            "INSERT INTO schema_migrations VALUES (394, false)",
            "ALTER TABLE schema_migrations OWNER TO coder",
            database="coder",
        )
        yield one


@pytest.fixture(scope="session")
def encrypting() -> Iterator[Programs]:
    """The programs of a PostgreSQL that speaks TLS."""
    found = postgres.from_machine()
    if found is None or not postgres.speaks_tls(found):
        pytest.skip(NO_TLS)
    folder = postgres.folder()
    try:
        yield postgres.programs(folder, found)
    finally:
        shutil.rmtree(folder)
