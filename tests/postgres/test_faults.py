"""What goes wrong on the way to a real server, by its own word; no text tells the password."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
from typing import TYPE_CHECKING

import asyncpg
import pytest

from coder_cva.postgres import greeting, probe, session
from coder_cva.postgres.faults import Unmeasured
from coder_cva.snapshot.database_seen import Fault
from coder_cva.values.postgres_url import parse
from support import postgres
from support.postgres import PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from support.postgres import PostgresServer, Programs

pytestmark = pytest.mark.postgres

CODER = {"user": "coder", "password": "coder", "database": "coder"}


async def fault(url: str) -> Fault:
    """The word for what goes wrong; the sentence says where, and nothing of the password."""
    with pytest.raises(Unmeasured) as raised:
        await probe.measure(parse(url))
    assert PASSWORD not in raised.value.message
    assert "127.0.0.1" in raised.value.message or "invalid" in raised.value.message
    return raised.value.fault


@contextlib.asynccontextmanager
async def answering(words: bytes | None) -> AsyncIterator[int]:
    """The port of somebody who says this to whatever is said; None is silence."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if words is None:
            await reader.read()
        else:
            writer.write(words)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def test_a_wrong_password(server: PostgresServer) -> None:
    assert await fault(server.url(password=f"{PASSWORD}?")) is Fault.LOGIN


async def test_no_password_at_all(server: PostgresServer) -> None:
    assert await fault(server.url(password="")) is Fault.LOGIN


async def test_no_such_role(server: PostgresServer) -> None:
    """A server tells nobody which roles it has: it says what it says of a wrong password."""
    assert await fault(server.url("nobody")) is Fault.LOGIN


async def test_no_such_database(server: PostgresServer) -> None:
    assert await fault(server.url(database="absent")) is Fault.NO_DATABASE


async def test_a_database_that_the_role_may_not_enter(server: PostgresServer) -> None:
    server.sql("CREATE DATABASE closed", "REVOKE CONNECT ON DATABASE closed FROM PUBLIC")

    assert await fault(server.url("coder", "coder", database="closed")) is Fault.NOT_ADMITTED


async def test_nothing_listens() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    url = f"postgres://u:{PASSWORD}@127.0.0.1:{port}/coder?sslmode=disable"

    assert await fault(url) is Fault.CONNECTION_REFUSED


async def test_a_name_that_leads_nowhere() -> None:
    url = f"postgres://u:{PASSWORD}@db.invalid/coder?sslmode=disable"

    assert await fault(url) is Fault.HOST_NOT_RESOLVED


async def test_a_host_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and says nothing, as behind a firewall that drops what follows."""
    monkeypatch.setattr(session, "CONNECT_SECONDS", 0.3)
    async with answering(None) as port:
        url = f"postgres://u:{PASSWORD}@127.0.0.1:{port}/coder?sslmode=disable"

        assert await fault(url) is Fault.NO_ROUTE


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Fault.NOT_POSTGRES),
        (b"\x4a\x00\x00\x00\x0a8.0.33", Fault.NOT_POSTGRES),
        (b"", Fault.NO_ROUTE),
        (b"E", Fault.REFUSED),
    ],
)
async def test_something_else_listens(words: bytes, expected: Fault) -> None:
    """A web server, a MySQL, somebody who hangs up, a server that cannot even begin."""
    async with answering(words) as port:
        url = f"postgres://u:{PASSWORD}@127.0.0.1:{port}/coder"

        assert await fault(url) is expected


@pytest.mark.parametrize(
    ("state", "said", "expected"),
    [
        ("57P03", "the database system is starting up", Fault.STARTING),
        ("28000", 'no pg_hba.conf entry for host "10.0.0.1", no encryption', Fault.TLS_REQUIRED),
        ("28000", 'no pg_hba.conf entry for host "10.0.0.1", SSL off', Fault.TLS_REQUIRED),
        ("28000", "SSL connection is required", Fault.TLS_REQUIRED),
        ("28000", "role is not permitted to log in", Fault.NOT_ADMITTED),
        ("53300", "remaining connection slots are reserved", Fault.TOO_MANY),
        ("08P01", "no such thing", Fault.NO_ROUTE),
        ("XX000", "out of order", Fault.REFUSED),
    ],
)
async def test_what_servers_say_at_login(state: str, said: str, expected: Fault) -> None:
    """By SQLSTATE; the words of a server are not passed on, and here they hold the password."""
    fields = f"SFATAL\0C{state}\0M{said} ({PASSWORD})\0\0".encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(1000)
        if len(first) == 8:
            writer.write(b"N")
        else:
            writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        url = f"postgres://u:{PASSWORD}@127.0.0.1:{port}/coder?sslmode=disable"

        assert await fault(url) is expected


async def test_the_url_wants_tls_that_the_server_does_not_have(server: PostgresServer) -> None:
    """Also where the URL says nothing of it: coderd's driver asks for TLS then."""
    assert await fault(server.url(more="")) is Fault.TLS_NOT_OFFERED
    assert (await probe.measure(parse(server.url(more="sslmode=prefer")))).server.tls is False


async def test_all_connections_are_taken(programs: Programs) -> None:
    """Ten, of which three are kept for superusers."""
    for small in postgres.serving(programs, settings={"max_connections": "10"}):
        small.sql("CREATE ROLE coder LOGIN PASSWORD 'coder'")
        url = small.url("coder", "coder")
        taken = [await asyncpg.connect(url) for _ in range(7)]
        assert await fault(url) is Fault.TOO_MANY
        for one in taken:
            await one.close()


async def test_the_first_server_that_answers_is_taken(server: PostgresServer) -> None:
    """What went wrong with those before it is no fault while one answers."""
    url = server.url().replace("@127.0.0.1:", "@db.invalid:1,127.0.0.1:")

    assert (await probe.measure(parse(url))).where.startswith("127.0.0.1")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """A self-signed certificate for localhost, and its key."""
    made = tmp_path / "crt", tmp_path / "key"
    asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-out", str(made[0]), "-keyout", str(made[1])]
    subprocess.run([*asked, *names, *files], check=True, capture_output=True)
    return made[0].read_text(), made[1].read_text()


@pytest.fixture
def strict(encrypting: Programs, certificate: tuple[str, str]) -> Iterator[PostgresServer]:
    """A server that takes TLS alone."""
    hba = ("hostssl all all 127.0.0.1/32 scram-sha-256", "hostnossl all all 127.0.0.1/32 reject")
    files = {"server.crt": certificate[0], "server.key": certificate[1]}
    yield from postgres.serving(encrypting, hba=hba, settings={"ssl": "on"}, files=files)


async def test_tls(strict: PostgresServer, certificate: tuple[str, str], tmp_path: Path) -> None:
    """Without it one is refused; with it, it depends on who is trusted."""
    local = strict.url().replace("@127.0.0.1:", "@localhost:").partition("?")[0]
    trusted = tmp_path / "ca.crt"
    trusted.write_text(certificate[0])

    async def tried(**said: str) -> Fault | None:
        more = "&".join(f"{name}={value}" for name, value in said.items())
        try:
            found = await probe.measure(parse(f"{local}?{more}"))
        except Unmeasured as error:
            return error.fault
        assert found.server.tls
        return None

    assert await tried(sslmode="disable") is Fault.TLS_REQUIRED
    assert await tried(sslmode="require") is None
    assert await tried() is None
    assert await tried(sslmode="prefer") is None
    assert await tried(sslmode="verify-full") is Fault.CERTIFICATE
    assert await tried(sslmode="verify-ca") is Fault.CERTIFICATE
    assert await tried(sslmode="verify-full", sslrootcert=str(trusted)) is None
    assert await tried(sslmode="verify-full", sslrootcert="/not/here.crt") is Fault.CERTIFICATE
    assert await tried(sslmode="verify-full", sslrootcert="system") is Fault.CERTIFICATE
    local = local.replace("@localhost:", "@127.0.0.1:")
    assert await tried(sslmode="verify-full", sslrootcert=str(trusted)) is Fault.CERTIFICATE
    assert await tried(sslmode="verify-ca", sslrootcert=str(trusted)) is None


async def test_nothing_is_told_before_it_is_postgresql() -> None:
    """The first message has neither the user's name nor the database's."""
    heard = asyncio.Queue[bytes]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.put_nowait(await reader.read(1000))
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(Unmeasured):
            await greeting.offers_tls("127.0.0.1", port, 5)

    assert await heard.get() == b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
