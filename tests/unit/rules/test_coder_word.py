"""Coder's word for rules: only where it was seen, and both ways out where it was not."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.rules import coder_word, replica_licence
from coder_cva.rules.model import Verdict
from coder_cva.snapshot.coder_seen import CoderSeen, Entitlements, Feature, Unseen
from coder_cva.snapshot.observations import Observations
from support import builders
from support.corpus import merged
from support.deployments import adopted

HA = coder_word.HIGH_AVAILABILITY
ASKED = {"coderAPI": {"tokenSecretRef": {"name": "coder-token"}}}


def world(seen: CoderSeen | None = None, spec: Any = None) -> Any:
    """A cluster in which Coder said this."""
    deployment = merged(adopted("coder"), {"spec": spec or {}})
    return builders.world(deployment, builders.pools(), observed=Observations(coder=seen))


def licensed(**features: str) -> CoderSeen:
    """A Coder with these features."""
    said = {name: Feature(value) for name, value in features.items()}
    return CoderSeen(entitlements=Entitlements(has_license=True, features=said))


@pytest.mark.parametrize(
    ("seen", "lacks", "known"),
    [
        (None, False, False),
        (CoderSeen(), False, False),
        (CoderSeen(entitlements=Unseen("Slow", "late")), False, False),
        (licensed(high_availability="entitled"), False, True),
        (licensed(high_availability="grace_period"), False, True),
        (licensed(high_availability="not_entitled"), True, True),
        (licensed(audit_log="entitled"), True, True),
    ],
)
def test_a_licence_lacks_only_what_coder_said_that_it_lacks(
    seen: CoderSeen | None, lacks: bool, known: bool
) -> None:
    """Silence is no refusal."""
    assert coder_word.lacks(world(seen), HA) is lacks
    assert replica_licence.is_known(world(seen)) is known


def test_the_specs_word_counts_where_coder_is_silent() -> None:
    """As it did before Coder could be asked."""
    stated = {"controlPlane": {"highAvailabilityLicensed": True}}

    assert replica_licence.is_known(world(None, stated))
    assert replica_licence.condition(world()).startswith("only with a licence")
    assert replica_licence.told(world()) == ""


@pytest.mark.parametrize(
    ("seen", "spec", "reason"),
    [
        (None, {}, "CoderNotAsked"),
        (None, ASKED, "NotAskedYet"),
        (CoderSeen(), ASKED, "Forbidden"),
    ],
)
def test_what_was_not_seen_is_unknown_with_a_way_out(
    seen: CoderSeen | None, spec: Any, reason: str
) -> None:
    """Not asked, not asked yet, not shown."""
    found = coder_word.not_seen(world(seen, spec), Unseen("Forbidden", "it may not"))

    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, reason)
