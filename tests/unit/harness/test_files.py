"""Folders, locks, ports, keys and kubeconfigs."""

from __future__ import annotations

import base64
import random
import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness import folders, kubeconfigs, locks, ports, signing_key
from harness.errors import HarnessError
from harness.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

TESTS = Path(__file__).parents[2]


class TestFolders:
    """Where things are kept."""

    @pytest.mark.parametrize(
        ("folder", "variable", "default"),
        [
            (folders.cache, "XDG_CACHE_HOME", ".cache/coder-cva"),
            (folders.state, "XDG_STATE_HOME", ".local/state/coder-cva"),
        ],
    )
    def test_as_the_environment_says(
        self,
        folder: Callable[[], Path],
        variable: str,
        default: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The XDG variable decides if it is absolute, the home folder otherwise."""
        monkeypatch.setenv("HOME", "/home/jane")
        for value, expected in {
            "/somewhere": "/somewhere/coder-cva",
            "": f"/home/jane/{default}",
            "relative": f"/home/jane/{default}",
        }.items():
            monkeypatch.setenv(variable, value)
            assert str(folder()) == expected


class TestLocks:
    """Locks end with their holder."""

    def test_exclusion(self, tmp_path: Path) -> None:
        """While one holds it, it is taken; afterwards it is free."""
        path = tmp_path / "deep" / "lock"
        assert not locks.taken(path)
        with locks.held(path):
            assert locks.taken(path)
        assert not locks.taken(path)

    def test_a_dead_holder_holds_nothing(self, tmp_path: Path) -> None:
        """A killed process frees its lock, and who waited for it goes on, having said so."""
        path = tmp_path / "lock"
        code = f"from harness import locks, waiting; from pathlib import Path; locks.take(Path({str(path)!r})); input()"
        with subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, env={"PYTHONPATH": str(TESTS)}
        ) as holder:
            wait_for(lambda: locks.taken(path))
            assert not locks.take(path)
            waited = []

            def told() -> None:
                waited.append(True)
                holder.kill()

            with locks.held(path, waiting=told):
                assert waited == [True]


def test_ports_are_free_and_different() -> None:
    """Ports can be bound, and none is given twice."""
    found = ports.free(5)
    assert len(set(found)) == 5
    for port in found:
        with socket.socket() as attempt:
            attempt.bind(("127.0.0.1", port))


def test_a_used_port_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every port is in use, that is said."""
    with socket.socket() as user:
        user.bind(("127.0.0.1", 0))
        user.listen()
        monkeypatch.setattr(random.SystemRandom, "sample", lambda *_: [user.getsockname()[1]])
        with pytest.raises(OSError, match="no 1 free ports"):
            ports.free(1)


class TestSigningKey:
    """The key that signs service-account tokens."""

    def test_form(self, tmp_path: Path) -> None:
        """PEM of the length that RFC 5915 gives a P-256 key with its public key; owner only."""
        path = tmp_path / "key"
        signing_key.write(path)
        assert path.stat().st_mode & 0o077 == 0
        body = re.sub("-----.*-----|\n", "", path.read_text())
        assert len(base64.b64decode(body)) == 121

    def test_public_point(self, tmp_path: Path) -> None:
        """The public point lies on the curve, and no two keys are the same."""
        points = set()
        for name in ("one", "two"):
            path = tmp_path / name
            signing_key.write(path)
            der = base64.b64decode(re.sub("-----.*-----|\n", "", path.read_text()))
            x, y = (int.from_bytes(part, "big") for part in (der[-64:-32], der[-32:]))
            p = 2**256 - 2**224 + 2**192 + 2**96 - 1
            b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
            assert (y * y - x**3 + 3 * x - b) % p == 0
            points.add(x)
        assert len(points) == 2

    def test_known_answer(self) -> None:
        """Three times the generator is what NIST's test vectors say."""
        point = signing_key._multiply(3, signing_key._G)
        assert point
        assert f"{point[0]:064X}" == (
            "5ECBE4D1A6330A44C8F7EF951D4BF165E6C6B721EFADA985FB41661BC6E7FD6C"
        )

    def test_neutral_element(self) -> None:
        """The order of the group times the generator is infinity."""
        assert signing_key._multiply(signing_key._N, signing_key._G) is None


class TestKubeconfigs:
    """What is written can be read, and foreign ones too."""

    def test_round_trip(self, tmp_path: Path) -> None:
        """Context, server, authority and token come back; the file is its owner's only."""
        path = kubeconfigs.write(
            tmp_path / "k", name="n", server="https://s", authority=b"ca", token="t"
        )
        access = kubeconfigs.read(path)
        assert (access.context, access.server, access.authority, access.token) == (
            "n",
            "https://s",
            b"ca",
            "t",
        )
        assert path.stat().st_mode & 0o077 == 0

    def foreign(self, tmp_path: Path, user: dict[str, Any], **cluster: object) -> Path:
        """A kubeconfig as another tool writes it."""
        document = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": "https://s", **cluster}}],
            "users": [{"name": "u", "user": user}],
        }
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(document))
        return path

    def test_files_beside_it(self, tmp_path: Path) -> None:
        """Relative paths are looked up beside the kubeconfig, as kubectl does."""
        for name in ("ca", "cert", "key"):
            (tmp_path / name).write_text(name)
        (tmp_path / "token").write_text("secret\n")
        user = {"client-certificate": "cert", "client-key": "key", "tokenFile": "token"}
        access = kubeconfigs.read(self.foreign(tmp_path, user, **{"certificate-authority": "ca"}))
        assert access.authority == b"ca"
        assert (access.certificate, access.key, access.token) == (b"cert", b"key", "secret")

    def test_insecure(self, tmp_path: Path) -> None:
        """An insecure cluster is known as one."""
        assert kubeconfigs.read(
            self.foreign(tmp_path, {}, **{"insecure-skip-tls-verify": True})
        ).insecure

    def test_the_old_login_is_refused(self, tmp_path: Path) -> None:
        """An auth-provider is not run; the message says what is needed instead."""
        path = self.foreign(tmp_path, {"auth-provider": {"name": "gcp"}})
        with pytest.raises(HarnessError, match=r"'u' of .* has an auth-provider.*exec plugin"):
            kubeconfigs.read(path)

    def test_a_context_that_is_not_there(self, tmp_path: Path) -> None:
        """A dangling name is named."""
        path = tmp_path / "kubeconfig"
        path.write_text("current-context: lost\n")
        with pytest.raises(HarnessError, match="no entry 'lost' among its contexts"):
            kubeconfigs.read(path)

    def test_bad_authority(self, tmp_path: Path) -> None:
        """A certificate that is none is an error when the client is made, not later."""
        from harness.kube import Kube  # noqa: PLC0415

        path = kubeconfigs.write(
            tmp_path / "k", name="n", server="https://s", authority=b"x", token="t"
        )
        with pytest.raises(ssl.SSLError):
            Kube.of(path)
