"""PgBouncer before a server, where the machine has it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

from harness import ports
from harness.children import dies_with
from harness.waiting import wait_for
from support import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.postgres import PostgresServer


def serving(server: PostgresServer, user: str, database: str, mode: str) -> Iterator[int]:
    """Its port while the caller looks; the user's password is its name."""
    home = postgres.folder()
    (port,) = ports.free(1)
    (home / "users").write_text(f'"{user}" "{user}"\n')
    (home / "ini").write_text(
        f"[databases]\n{database} = host=127.0.0.1 port={server.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = plain\nauth_file = {home / 'users'}\npool_mode = {mode}\n"
    )
    process = subprocess.Popen(
        [shutil.which("pgbouncer") or "", str(home / "ini")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=dies_with(os.getpid()),  # noqa: PLW1509 - the child only calls prctl
        **postgres.not_as_root(),
    )
    try:
        wait_for(lambda: _listens(port), timeout=20, what="pgbouncer")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(home)


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
