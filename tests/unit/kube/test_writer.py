"""Writing by server-side apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coder_cva import ports
from coder_cva.kube.writer import Writer
from coder_cva.values.manifest import Ref
from support.api_server import answer, refuse, watched

if TYPE_CHECKING:
    from coder_cva.kube.connection import Connection
    from support.api_server import FakeApi

REF = Ref("v1", "Service", "coder", "coder")
MANIFEST = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "coder", "namespace": "coder"},
}


@pytest.fixture
def writer(connection: Connection) -> Writer:
    """A writer over the fake."""
    return Writer(connection, lambda: None)


async def test_apply_is_server_side_apply(api: FakeApi, writer: Writer) -> None:
    """Our field manager, strict validation, force and dry run as asked; the result comes back."""
    api.others = [answer({"kind": "Service"})]

    assert await writer.apply(MANIFEST) == {"kind": "Service"}
    await writer.apply(MANIFEST, force=True, dry_run=True)

    method, path, query, headers, body = api.requests[0]
    assert (method, path) == ("PATCH", "/api/v1/namespaces/coder/services/coder")
    assert query == {
        "fieldManager": "coder-cva-operator",
        "force": "false",
        "fieldValidation": "Strict",
    }
    assert headers["Content-Type"] == "application/apply-patch+yaml"
    assert body == MANIFEST
    assert api.asked[1]["force"] == "true"
    assert api.asked[1]["dryRun"] == "All"


async def test_amending_merges_into_the_metadata_of_one_version(
    api: FakeApi, writer: Writer
) -> None:
    """A merge patch by our manager: null takes out, the version is a precondition, another one is Stale."""
    api.others = [answer({"kind": "Service"}), refuse(409)]
    metadata = {"ownerReferences": None, "labels": {"a": None}}

    assert await writer.amend(REF, metadata, version="7") == {"kind": "Service"}
    with pytest.raises(ports.Stale):
        await writer.amend(REF, metadata, version="7")

    method, path, query, headers, body = api.requests[0]
    assert (method, path) == ("PATCH", "/api/v1/namespaces/coder/services/coder")
    assert query == {"fieldManager": "coder-cva-operator"}
    assert headers["Content-Type"] == "application/merge-patch+json"
    assert body == {"metadata": {**metadata, "resourceVersion": "7"}}


async def test_live_tells_absence_from_refusal(api: FakeApi, writer: Writer) -> None:
    """404 is None, 403 is an error."""
    api.others = [answer({"a": 1}), refuse(404), refuse(403)]

    assert await writer.live(REF) == {"a": 1}
    assert await writer.live(REF) is None
    with pytest.raises(ports.Forbidden):
        await writer.live(REF)


async def test_delete_names_the_uid(api: FakeApi, writer: Writer) -> None:
    """The UID is a precondition, the absent object fine, another one Stale."""
    api.others = [answer({}), refuse(404), refuse(409)]

    await writer.delete(REF, uid="u-1")
    await writer.delete(REF, uid="u-1")
    with pytest.raises(ports.Stale):
        await writer.delete(REF, uid="u-1")

    body = api.requests[0][4]
    assert body["preconditions"] == {"uid": "u-1"}
    assert body["propagationPolicy"] == "Background"


async def test_no_answer_is_unreachable(api: FakeApi, writer: Writer) -> None:
    """Trouble of the connection is an error with a retry, for every method."""
    api.others = [refuse(503)]
    with pytest.raises(ports.Unreachable):
        await writer.apply(MANIFEST)

    api.others = [watched(drop=True)]
    for attempt in (
        writer.apply(MANIFEST),
        writer.amend(REF, {}, version="7"),
        writer.live(REF),
        writer.delete(REF, uid="u"),
    ):
        with pytest.raises(ports.Unreachable):
            await attempt
