"""Support links that are followed: what they answered decides, and silence is not known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coder_cva.rules.chapters.support import support_links_lead_somewhere
from coder_cva.rules.model import Judgement, Verdict
from coder_cva.snapshot.links_seen import LinkSeen, LinksSeen
from coder_cva.snapshot.observations import Observations
from support import builders
from support.coder_manifests import chart_coderd
from support.corpus import merged
from support.deployments import adopted

HELP, CHAT = "https://wiki.corp.net/", "https://chat.corp.net/"
LINKS = [
    {"name": "Help", "target": HELP},
    {"name": "Chat", "target": CHAT},
    {"name": "Write", "target": "mailto:coder@corp.net"},
]


def judged(seen: LinksSeen | None, **network: Any) -> Judgement:
    """The judgement on three links of which this was seen."""
    said = {"followSupportLinks": True, **network}
    env = [{"name": "CODER_SUPPORT_LINKS", "value": json.dumps(LINKS)}]
    world = builders.world(
        merged(adopted("coder"), {"spec": {"network": said}}),
        builders.pools(),
        builders.all_running([chart_coderd(env=env)], ["control-plane-1"]),
        observed=Observations(links=seen),
    )
    return support_links_lead_somewhere(world)


def both(help_: LinkSeen, chat: LinkSeen) -> LinksSeen:
    """What the two answered."""
    return LinksSeen((help_, chat))


@pytest.mark.parametrize("status", [200, 204, 401, 403, 405, 429])
def test_a_page_that_answers_is_there(status: int) -> None:
    """Also one that asks who you are."""
    found = judged(both(LinkSeen(HELP, status), LinkSeen(CHAT, 200)))

    assert found.verdict is Verdict.PASSED
    assert "and each answers" in found.message


@pytest.mark.parametrize("status", [404, 410, 500, 503])
def test_a_page_that_is_gone_is_a_finding(status: int) -> None:
    """The remedy keeps the others, also where one of them was not reached."""
    found = judged(both(LinkSeen(HELP, status), LinkSeen(CHAT, 0, "NotReached", "refused")))

    assert found.verdict is Verdict.FAILED
    (finding,) = found.findings
    assert finding.field.endswith("env[CODER_SUPPORT_LINKS][0].target")
    assert finding.observed == f"{HELP} answers {status}"
    assert CHAT in finding.remedy
    assert HELP not in finding.remedy


@pytest.mark.parametrize(
    ("seen", "reason", "words"),
    [
        (None, "NotFollowed", "they are being followed"),
        (LinksSeen(words="coderd's Deployment could not be read"), "NotFollowed", "could not be"),
        (LinksSeen((LinkSeen(HELP, 200),)), "LinksNotReached", f"{CHAT} was not followed yet"),
        (
            both(LinkSeen(HELP, 200), LinkSeen(CHAT, 0, "Private", "leads to a private address")),
            "LinksNotReached",
            "leads to a private address",
        ),
    ],
)
def test_what_was_not_seen_is_not_known(seen: LinksSeen | None, reason: str, words: str) -> None:
    """The operator's place is not the users': what it does not reach may well be there."""
    found = judged(seen)

    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, reason)
    assert words in found.message


@pytest.mark.parametrize("network", [{"followSupportLinks": False}, {"airGapped": True}])
def test_nobody_follows_unless_the_spec_says_so(network: dict[str, bool]) -> None:
    """What is written is then all that is judged."""
    found = judged(both(LinkSeen(HELP, 404), LinkSeen(CHAT, 404)), **network)

    assert found.verdict is Verdict.PASSED
    assert "they are not followed" in found.message
