"""Which links are followed, and when none are."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, cast

import pytest

from coder_cva.kube.connection import Answer, Connection, NoAnswer
from coder_cva.runtime.links_look import LinksLook
from coder_cva.snapshot.links_seen import LinkSeen, LinksSeen
from support import builders
from support.coder_manifests import chart_coderd, chart_proxy
from support.corpus import merged
from support.deployments import adopted

LINKS = [
    {"name": "Help", "target": "http://127.0.0.1:9/"},
    {"name": "Report", "target": "http://10.0.0.1/new?body={CODER_BUILD_INFO}"},
    {"name": "Again", "target": "http://10.0.0.1/new?body={CODER_BUILD_INFO}"},
    {"name": "Write", "target": "mailto:coder@corp.net"},
    {"name": "Second", "target": "http://192.168.0.1/"},
]
TARGET = "http://10.0.0.1/help"
LINK = [{"name": "Help", "target": TARGET}]


class Api:
    """Stands for the API server: Deployments of one namespace."""

    def __init__(self, *objects: dict[str, Any], status: int = 200) -> None:
        self.body = {"items": [one for one in objects if one["kind"] == "Deployment"]}
        self.status = status
        self.asked: list[str] = []

    async def request(self, method: str, path: str) -> Answer:
        """The list, or no answer at all."""
        self.asked.append(f"{method} {path}")
        if not self.status:
            raise NoAnswer("it is not there")
        return Answer(self.status, self.body)


async def looked(api: Api, **network: Any) -> LinksSeen | None:
    """What the look sees with these words of the spec."""
    said = {"followSupportLinks": True, **network}
    deployment = merged(adopted("coder"), {"spec": {"network": said}})
    look = LinksLook(cast("Connection", api))
    return await look.look(builders.coder_deployment(builders.live(deployment)), None)


def coderd(links: Any) -> list[dict[str, Any]]:
    """A coderd with these links."""
    env = [{"name": "CODER_SUPPORT_LINKS", "value": json.dumps(links)}]
    return [*chart_coderd(env=env), *chart_proxy()]


@pytest.mark.parametrize("network", [{"followSupportLinks": False}, {"airGapped": True}])
async def test_nobody_is_asked_unless_the_spec_says_so(network: dict[str, bool]) -> None:
    """Nor where nothing could answer."""
    api = Api(*coderd(LINKS))

    assert await looked(api, **network) is None
    assert api.asked == []


async def test_the_links_of_coderd_that_are_in_order_are_asked() -> None:
    """Addresses of the web, each once, and no private one: all of these are."""
    api = Api(*coderd(LINKS))

    seen = await looked(api)

    assert api.asked == ["GET /apis/apps/v1/namespaces/coder/deployments"]
    assert seen is not None
    assert [(one.target, one.reason) for one in seen.links] == [
        ("http://10.0.0.1/new?body=", "Private"),
        ("http://192.168.0.1/", "Private"),
    ]


@pytest.mark.parametrize("said", [[], "nonsense", [{"name": "x"}]])
async def test_where_there_is_no_link_nothing_is_seen(said: Any) -> None:
    """Not even a fault: that is the rule's to tell."""
    assert await looked(Api(*coderd(said))) == LinksSeen()


@pytest.mark.parametrize("status", [0, 403])
async def test_a_refusal_is_told(status: int) -> None:
    """It is no empty menu."""
    seen = await looked(Api(status=status))

    assert seen is not None
    assert seen.words.startswith("coderd's Deployment could not be read")


@pytest.mark.parametrize(
    ("answer", "hours", "links", "again"),
    [
        (LinkSeen(TARGET, status=200), 23, LINK, False),
        (LinkSeen(TARGET, status=200), 25, LINK, True),
        (LinkSeen(TARGET, status=200), -1, LINK, True),
        (LinkSeen(TARGET, status=503), 0.5, LINK, False),
        (LinkSeen(TARGET, status=503), 1.5, LINK, True),
        (LinkSeen(TARGET, reason="NotReached"), 1.5, LINK, True),
        (LinkSeen(TARGET, reason="Private"), 1.5, LINK, False),
        (LinkSeen(TARGET, status=200), 0, LINKS, True),
        (None, 0, LINK, True),
    ],
)
async def test_when_links_are_followed_again(
    answer: LinkSeen | None, hours: float, links: Any, *, again: bool
) -> None:
    """Once a day; sooner where one did not answer, and at once where there are others or none was followed."""
    now = builders.NOW
    before = (
        LinksSeen((answer,), at=now - timedelta(hours=hours)) if answer else LinksSeen(words="no")
    )
    look = LinksLook(cast("Connection", Api(*coderd(links))), clock=lambda: now)
    said = {"spec": {"network": {"followSupportLinks": True}}}

    seen = await look.look(
        builders.coder_deployment(builders.live(merged(adopted("coder"), said))), before
    )

    assert (seen is not before) is again
    assert seen is not None
    assert (seen.at == now) is again
