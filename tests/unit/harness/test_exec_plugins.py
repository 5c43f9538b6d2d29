"""Kubeconfigs whose users log in by a plugin: what the plugin is told, and what is made of its answer."""

from __future__ import annotations

import json
import shlex
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from harness import kubeconfigs
from harness.errors import HarnessError
from harness.kube import Kube

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

API = "client.authentication.k8s.io/v1"


class Plugin:
    """A login program of a few lines of shell, and a kubeconfig that names it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answer = folder / "answer"
        self.script("echo run >> runs", 'echo "$KUBERNETES_EXEC_INFO" > told', "cat answer")

    def script(self, *lines: str) -> None:
        program = self.folder / "login"
        work = f"cd {shlex.quote(str(self.folder))}"
        program.write_text("\n".join(("#!/bin/sh", work, *lines)) + "\n")
        program.chmod(0o755)

    def answers(self, **status: str) -> None:
        self.answer.write_text(json.dumps({"kind": "ExecCredential", "status": status}))

    def kubeconfig(self, server: str = "https://s", **more: Any) -> Path:
        document = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": server, "proxy-url": ""}}],
            "users": [
                {"name": "u", "user": {"exec": {"command": "./login", "apiVersion": API, **more}}}
            ],
        }
        path = self.folder / "kubeconfig"
        path.write_text(json.dumps(document))
        return path

    @property
    def runs(self) -> int:
        return len((self.folder / "runs").read_text().splitlines())

    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "told").read_text())
        return found


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    """A plugin that answers a token."""
    made = Plugin(tmp_path)
    made.answers(token="first")
    return made


def test_the_token_is_the_plugins(plugin: Plugin) -> None:
    """A program beside the kubeconfig is run once, with arguments and variables as the file says."""
    plugin.script("echo run >> runs", 'printf \'{"status": {"token": "%s-%s"}}\' "$1" "$WHO"')
    user: dict[str, Any] = {"args": ["for"], "env": [{"name": "WHO", "value": "jane"}]}
    access = kubeconfigs.read(plugin.kubeconfig(**user))
    assert [access.credential().token, access.credential().token] == ["for-jane", "for-jane"]
    assert plugin.runs == 1


def test_a_certificate_is_the_plugins(plugin: Plugin) -> None:
    """A plugin may hand out a client certificate in the place of a token."""
    plugin.answers(clientCertificateData="cert", clientKeyData="key")
    credential = kubeconfigs.read(plugin.kubeconfig()).credential()
    assert (credential.token, credential.certificate, credential.key) == (None, b"cert", b"key")


@pytest.mark.parametrize(
    ("asks", "told"),
    [(True, {"interactive": False, "cluster": {"server": "https://s", "proxy-url": ""}}),
     (False, {"interactive": False})],
)  # fmt: skip
def test_what_the_plugin_is_told(plugin: Plugin, asks: bool, told: dict[str, Any]) -> None:
    """That nobody can be asked; and the cluster, where the kubeconfig says so."""
    kubeconfigs.read(plugin.kubeconfig(provideClusterInfo=asks)).credential()
    assert plugin.told() == {"kind": "ExecCredential", "apiVersion": API, "spec": told}


@pytest.mark.parametrize(("minutes", "runs"), [(60, 1), (0.5, 2), (-5, 2)])
def test_a_credential_that_ends_is_renewed(plugin: Plugin, minutes: float, runs: int) -> None:
    """One that ends within a minute is not used any more: a test run lasts longer than a token."""
    ends = datetime.now(UTC) + timedelta(minutes=minutes)
    plugin.answers(token="t", expirationTimestamp=ends.strftime("%Y-%m-%dT%H:%M:%SZ"))
    access = kubeconfigs.read(plugin.kubeconfig())
    access.credential()
    access.credential()
    assert plugin.runs == runs


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("echo sign in first >&2", "exit 1"), "login failed: sign in first"),
        (("echo secret-token",), "answered no ExecCredential"),
        (("echo '{}'",), "answered no ExecCredential"),
    ],
)
def test_a_plugin_that_fails(plugin: Plugin, lines: tuple[str, ...], message: str) -> None:
    """Its own words are shown where it failed; what it answered may be a secret and is not."""
    plugin.script(*lines)
    with pytest.raises(HarnessError, match=message) as error:
        kubeconfigs.read(plugin.kubeconfig()).credential()
    assert "secret-token" not in str(error.value)


def test_a_missing_plugin(plugin: Plugin) -> None:
    """A program that is not there is named."""
    path = plugin.kubeconfig(command="no-such-login")
    with pytest.raises(HarnessError, match="no-such-login"):
        kubeconfigs.read(path).credential()


def test_a_plugin_that_wants_to_ask(plugin: Plugin) -> None:
    """One that needs a person at a terminal is refused with the way out."""
    with pytest.raises(HarnessError, match=r"at a terminal.*client certificate"):
        kubeconfigs.read(plugin.kubeconfig(interactiveMode="Always"))


@pytest.fixture
def picky() -> Iterator[tuple[str, list[str]]]:
    """A server that takes the token `second` only; its address, and the tokens that it saw."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(200 if seen[-1] == "Bearer second" else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def test_a_refused_token_is_exchanged_once(plugin: Plugin, picky: tuple[str, list[str]]) -> None:
    """After a 401 the plugin is asked again, and the request is sent again; not for ever."""
    address, seen = picky
    kube = Kube.of(plugin.kubeconfig(server=address))
    plugin.answers(token="second")
    kube.api.request("GET", "/version")
    # The pool asked for a credential when the client was made, for the certificate it might be.
    assert seen == ["Bearer first", "Bearer second"]
    plugin.answers(token="third")
    kube.api.access.plugin.forget()  # type: ignore[union-attr]
    with pytest.raises(HarnessError, match="401"):
        kube.api.request("GET", "/version")
    assert seen[2:] == ["Bearer third", "Bearer third"]
