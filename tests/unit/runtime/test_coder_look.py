"""The look at Coder: the token out of its Secret, the right server, and nothing of the token left behind."""

from __future__ import annotations

import base64
import contextlib
import logging
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.kube.connection import Connection
from coder_cva.kube.credentials import Credentials
from coder_cva.runtime import looks
from coder_cva.runtime.coder_look import CoderLook, in_cluster
from coder_cva.snapshot.coder_seen import CoderSeen, Unseen
from coder_cva.snapshot.observations import Observations
from support import builders, coder_stub
from support.api_server import answer, kubeconfig, refuse, serving
from support.coder_stub import TOKEN
from support.corpus import merged
from support.deployments import adopted, managed, region

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from coder_cva.api.v1alpha1.resource import CoderDeployment
    from support.api_server import Handler


def asking(url: str | None = None, **ref: str) -> CoderDeployment:
    """A CoderDeployment that wants Coder to be asked."""
    said: dict[str, Any] = {"tokenSecretRef": {"name": "coder-token", **ref}}
    if url is not None:
        said["url"] = url
    return builders.coder_deployment(merged(adopted("coder"), {"spec": {"coderAPI": said}}))


def secret(**data: str) -> Handler:
    """A Secret with these values."""
    return answer(
        {"data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}}
    )


@contextlib.asynccontextmanager
async def cluster(path: Path, handler: Handler) -> AsyncIterator[CoderLook]:
    """A look in a cluster that answers so about the Secret."""
    async with serving() as fake:
        fake.others = [handler]
        credentials = Credentials(kubeconfig(path / "config", fake.port, {"token": "t"}))
        await credentials.load()
        async with Connection(credentials) as connection:
            yield CoderLook(connection)


def why(seen: CoderSeen | None) -> Unseen:
    """Why nothing at all was seen."""
    assert seen is not None
    assert isinstance(seen.version, Unseen)
    assert seen.templates == seen.entitlements == seen.version
    return seen.version


async def test_coder_is_asked_with_the_token_of_the_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A line break at its end, as echo leaves it, does no harm; no log shows the token."""
    caplog.set_level(logging.DEBUG)
    async with (
        coder_stub.serving() as stub,
        cluster(tmp_path, secret(admin=f"{TOKEN}\n")) as look,
    ):
        seen = await look.look(asking(stub.url, key="admin"), None)

    assert seen is not None
    assert seen.version == "2.30.1+9a1b2c3"
    assert {token for _, _, token in stub.requests} == {TOKEN}
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(seen)


async def test_nothing_is_asked_where_the_spec_does_not(tmp_path: Path) -> None:
    """Neither the Secret nor Coder."""
    async with cluster(tmp_path, refuse(500)) as look:
        assert await look.look(builders.coder_deployment(adopted("coder")), None) is None


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (refuse(403), ["coder/coder-token", "deploy/optional", "token for Coder's API"]),
        (refuse(404), ["is not there: create it"]),
        (secret(other="x"), ["has no key token"]),
        (secret(token=""), ["holds no token under token", "coder tokens create"]),
        (secret(token="two\nlines"), ["holds no token under token"]),
        (secret(token="Schlüssel"), ["holds no token under token"]),
        (secret(token="postgres://u:lines@db/coder"), ["holds no token under token"]),
        (secret(token="x" * 10_000), ["holds no token under token"]),
    ],
)
async def test_without_a_token_nothing_is_seen(
    tmp_path: Path, handler: Handler, words: list[str]
) -> None:
    """Every part says so, and Coder is not asked; what stood there instead is not told."""
    async with coder_stub.serving() as stub, cluster(tmp_path, handler) as look:
        found = why(await look.look(asking(stub.url), None))

    assert found.reason == "TokenNotRead"
    assert all(word in found.message for word in words), found.message
    assert "lines" not in found.message
    assert stub.requests == []


@pytest.mark.parametrize(
    ("base", "name", "url"),
    [
        (managed, "dev", "http://dev.team.svc"),
        (adopted, "dev", "http://coder.team.svc"),
    ],
)
def test_coderd_is_reached_by_its_service(
    base: Callable[[str, str], dict[str, Any]], name: str, url: str
) -> None:
    """Ours has the name of the CoderDeployment, that of Coder's chart is always called coder."""
    assert in_cluster(builders.coder_deployment(base("team", name))) == url


async def test_the_look_is_one_of_those_that_are_made(tmp_path: Path) -> None:
    """Its part is one of Observations."""
    async with cluster(tmp_path, refuse(500)) as look:
        (made,) = (one for one in looks.over(look.connection) if one.part == "coder")

    assert made == look
    seen: dict[str, Any] = {made.part: CoderSeen()}
    assert Observations(**seen).coder == CoderSeen()


def test_a_region_names_the_server() -> None:
    """It has no Service of coderd; without a URL its spec is refused."""
    said = {"tokenSecretRef": {"name": "t"}, "url": "https://coder.example.com"}
    made = builders.coder_deployment(merged(region("coder"), {"spec": {"coderAPI": said}}))

    assert made.spec.coder_api is not None
    assert made.spec.coder_api.url == "https://coder.example.com"
