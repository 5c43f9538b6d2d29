"""One value of one Secret, or in words why it cannot be had."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.kube.connection import Connection
from coder_cva.kube.credentials import Credentials
from coder_cva.kube.secrets import SecretValue, value
from support.api_server import answer, kubeconfig, refuse, serving

if TYPE_CHECKING:
    from pathlib import Path

    from support.api_server import Handler


async def read(path: Path, handler: Handler) -> SecretValue:
    """What is read of Secret db in namespace coder under the key url."""
    async with serving() as fake:
        fake.others = [handler]
        credentials = Credentials(kubeconfig(path / "config", fake.port, {"token": "t"}))
        await credentials.load()
        async with Connection(credentials) as connection:
            found = await value(connection, "coder", "db", "url")
        assert fake.requests[0][:2] == ("GET", "/api/v1/namespaces/coder/secrets/db")
        return found


def holding(**data: Any) -> Handler:
    """A Secret with these keys."""
    return answer({"data": data})


async def test_the_value_is_given_and_never_shown(tmp_path: Path) -> None:
    """Not even by whoever prints it."""
    secret = base64.b64encode(b"postgres://u:p@h/d").decode()

    found = await read(tmp_path, holding(url=secret))

    assert found.value == "postgres://u:p@h/d"
    assert not found.problem
    assert "postgres" not in repr(found)


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (refuse(403), "may not be read: grant the operator get"),
        (refuse(401), "may not be read"),
        (refuse(404), "the Secret coder/db is not there: create it"),
        (refuse(500, "etcd is away"), "could not be read: etcd is away"),
        (holding(other="eA=="), "has no key url"),
        (holding(url="%%%"), "holds no text under url"),
        (holding(url="//8="), "holds no text under url"),
    ],
)
async def test_why_there_is_none(tmp_path: Path, handler: Handler, words: str) -> None:
    """Each reason in its own words."""
    found = await read(tmp_path, handler)

    assert words in found.problem
    assert not found.value


async def test_an_api_server_that_is_away(tmp_path: Path) -> None:
    """No answer is no missing Secret."""
    credentials = Credentials(kubeconfig(tmp_path / "config", 1, {"token": "t"}))
    await credentials.load()
    async with Connection(credentials) as connection:
        found = await value(connection, "coder", "db", "url")

    assert found.problem.startswith("the Secret coder/db could not be read: ")
