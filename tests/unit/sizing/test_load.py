"""How a tier fits its load: the first limit decides, and what goes up and down is not told twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.catalogue.architectures import architectures
from coder_cva.sizing.load import Fit, Fitting, Load, fitting

TABLES = architectures("2026")
NAMES = [one.name for one in TABLES.tiers]
LOADS = st.builds(
    Load,
    users=st.none() | st.integers(0, 20_000),
    workspaces=st.none() | st.integers(0, 12_000),
    builds=st.none() | st.integers(0, 1_200),
    is_whole=st.booleans(),
)


def fit(load: Load, tier: str = "2k", was: str = "") -> Fitting:
    """How that tier of edition 2026 fits."""
    return fitting(TABLES.tier(tier), TABLES, load, was)


@pytest.mark.parametrize(
    ("load", "expected", "reason", "better"),
    [
        (Load(2001, 1, 1), Fit.OUTGROWN, "2,001 users are more than its 2,000", "3k"),
        (Load(1, 1, 601), Fit.OUTGROWN, "601 builds are more than its 120", ""),
        (Load(1500, 6000, 1), Fit.OUTGROWN, "6,000 workspaces are more than its 1,200", "10k"),
        (Load(1600, 100, 10), Fit.NEARLY_OUTGROWN, "1,600 of 2,000 users are 80 %", "3k"),
        (Load(100, 1199, 10), Fit.NEARLY_OUTGROWN, "1,199 of 1,200 workspaces are 99 %", "3k"),
        (Load(1599, 959, 95), Fit.FITS, "1,599 of 2,000 users", ""),
        (Load(799, 1, 1, is_whole=True), Fit.OVERSIZED, "799 of 1,000 users", "1k"),
        (Load(800, 1, 1, is_whole=True), Fit.FITS, "800 of 2,000 users", ""),
        (Load(None, 1, None), Fit.FITS, "1 of 1,200 workspaces", ""),
    ],
)
def test_what_is_said_of_tier_2k(load: Load, expected: Fit, reason: str, better: str) -> None:
    """Each bound from both sides; a load that is not known as a whole makes no tier too large."""
    found = fit(load)

    assert (found.fit, found.better) == (expected, better)
    assert reason in found.reasons


def test_beyond_the_largest_tier() -> None:
    """There is none to go to."""
    assert fit(Load(10_001, 1, 1), "10k").better == ""
    assert fit(Load(8_000, 1, 1), "10k") == Fitting(
        Fit.NEARLY_OUTGROWN, ("8,000 of 10,000 users are 80 %",), ""
    )


def test_from_the_smallest_tier_one_goes_to_the_next() -> None:
    """Not to itself, and no further."""
    assert fit(Load(800, 1, 1), "1k").better == "2k"


@pytest.mark.parametrize(
    ("was", "users", "expected"),
    [
        ("Fits", 1599, Fit.FITS),
        ("AboutToOutgrow", 1599, Fit.NEARLY_OUTGROWN),
        ("AboutToOutgrow", 1500, Fit.NEARLY_OUTGROWN),
        ("AboutToOutgrow", 1499, Fit.FITS),
        ("Outgrown", 1599, Fit.FITS),
    ],
)
def test_between_75_and_80_percent_it_stays_as_it_was_told(
    was: str, users: int, expected: Fit
) -> None:
    """So a load at the bound is told once."""
    assert fit(Load(users), was=was).fit is expected


@given(load=LOADS, tier=st.sampled_from(NAMES), was=st.sampled_from(["", *Fit]))
def test_a_better_tier_is_better(load: Load, tier: str, was: str) -> None:
    """Where one is named, the load does not outgrow it; larger for growth, smaller for what is oversized."""
    found = fit(load, tier, was)

    if found.better:
        there = fit(load, found.better).fit
        assert there is not Fit.OUTGROWN
        grows = NAMES.index(found.better) > NAMES.index(tier)
        assert grows is (found.fit in (Fit.OUTGROWN, Fit.NEARLY_OUTGROWN))


@given(load=LOADS, tier=st.sampled_from(NAMES), more=st.integers(0, 5_000))
def test_more_load_never_makes_a_tier_look_larger(load: Load, tier: str, more: int) -> None:
    """Oversized, fits, about to be outgrown, outgrown: in this order as users come."""
    order = [Fit.OVERSIZED, Fit.FITS, Fit.NEARLY_OUTGROWN, Fit.OUTGROWN]
    grown = Load((load.users or 0) + more, load.workspaces, load.builds, load.is_whole)
    begun = Load(load.users or 0, load.workspaces, load.builds, load.is_whole)

    assert order.index(fit(grown, tier).fit) >= order.index(fit(begun, tier).fit)
