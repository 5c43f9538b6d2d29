"""The certificate that a connection URL names: a file by the word of whoever wrote the Secret."""

from __future__ import annotations

import ssl
from pathlib import Path

import certifi
import pytest

from coder_cva.postgres import tls
from coder_cva.postgres.faults import Unmeasured
from coder_cva.snapshot.database_seen import Fault
from coder_cva.values.postgres_url import parse


def context(path: str, mode: str = "verify-full") -> ssl.SSLContext | None:
    """The TLS of a URL that names this file."""
    url = parse(f"postgres://u:pw@db/coder?sslmode={mode}&sslrootcert={path}")
    return tls.context(url, offered=True)


def test_the_authorities_of_a_file_are_trusted(tmp_path: Path) -> None:
    """Also where words in another alphabet stand between them, as in the lists of browsers."""
    bundle = tmp_path / "ca.crt"
    bundle.write_text("# Főtanúsítvány\n" + _certificate(), encoding="utf-8")

    made = context(str(bundle))

    assert made is not None
    assert made.verify_mode is ssl.CERT_REQUIRED
    assert made.check_hostname
    assert len(made.get_ca_certs()) == 1


@pytest.mark.parametrize(
    "path", ["/proc/self/pagemap", "/proc/self/environ", "/dev/zero", "/", "/not/here", "%00"]
)
def test_what_is_no_file_of_this_size_is_not_read(path: str) -> None:
    """A file of the kernel's without an end would stop the whole operator."""
    with pytest.raises(Unmeasured) as raised:
        context(path)
    assert raised.value.fault is Fault.CERTIFICATE
    assert "not in the operator's Pod" in raised.value.message


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    """Nobody has so many authorities."""
    large = tmp_path / "large"
    large.write_bytes(b"\n" * (1024 * 1024 + 1))

    with pytest.raises(Unmeasured):
        context(str(large))


@pytest.mark.parametrize("words", ["a token", "-----BEGIN CERTIFICATE-----\nno\n"])
@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_file_without_a_certificate(tmp_path: Path, words: str, mode: str) -> None:
    """It is a fault of its own, and nothing of the file is told."""
    file = tmp_path / "token"
    file.write_text(words, encoding="utf-8")

    with pytest.raises(Unmeasured) as raised:
        context(str(file), mode)

    assert raised.value.fault is Fault.CERTIFICATE
    assert words not in raised.value.message
    assert raised.value.__suppress_context__


def _certificate() -> str:
    """One of the web's authorities."""
    whole = Path(certifi.where()).read_text(encoding="utf-8")
    end = "-----END CERTIFICATE-----\n"
    return whole[whole.index("-----BEGIN") : whole.index(end)] + end
