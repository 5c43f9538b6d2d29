from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot.autoscaler_status import STEP, groups, written
from coder_cva.snapshot.records_scaling import ScaledGroup
from support.scaling_manifests import status_text

MIG = "https://www.googleapis.com/compute/v1/projects/p/zones/z/instanceGroups/gke-a-b-9f1c2d3e-grp"
SIZES = st.tuples(
    st.from_regex(r"[A-Za-z][A-Za-z0-9:/._-]{0,60}[a-z0-9]", fullmatch=True),
    *[st.integers(0, 999_999_999)] * 3,
)

OF_AKS = """\
autoscalerStatus: Running
clusterWide:
  health:
    nodeCounts:
      registered:
        ready: 4
    status: Healthy
nodeGroups:
- health:
    cloudProviderTarget: 3
    maxSize: 3
    minSize: 2
    status: Healthy
  name: aks-user-25795745-vmss
  scaleDown:
    status: NoCandidates
  scaleUp:
    backoffInfo: {}
    status: NoActivity
time: 2026-10-02 14:29:22.999645779 +0000 UTC
"""
"""As AKS writes it: keys by the alphabet, the time at the end."""


@given(st.lists(SIZES, max_size=5), st.booleans(), st.booleans())
def test_both_forms_say_the_same(
    sizes: list[tuple[str, int, int, int]], lines: bool, waits: bool
) -> None:
    """Whatever groups there are, in lines and in YAML."""
    text = status_text(sizes, scale_up="Backoff" if waits else "NoActivity", lines=lines)

    assert groups(text) == tuple(
        ScaledGroup(name, least, most, now, waits) for name, least, most, now in sizes
    )


def test_the_order_of_keys_does_not_matter() -> None:
    """Some write them as the type has them, some by the alphabet."""
    assert groups(OF_AKS) == (ScaledGroup("aks-user-25795745-vmss", 2, 3, 3),)
    assert written(OF_AKS) == datetime(2026, 10, 2, 14, 25, tzinfo=UTC)


def test_a_url_is_a_name() -> None:
    assert groups(status_text([(MIG, 0, 5, 1)], lines=True))[0].name == MIG


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("time: 2026-11-23 08:59:52.661669494 +0000 UTC\n", "2026-11-23T08:55:00+00:00"),
        ('time: "2026-11-23T08:59:52Z"\n', "2026-11-23T08:55:00+00:00"),
        ("time: 2026-11-23 10:00:00 +0100 CET\n", "2026-11-23T09:00:00+00:00"),
        ("time: 2026-11-23 04:01:00 -05:00\n", "2026-11-23T09:00:00+00:00"),
        ("Cluster-autoscaler status at 2018-07-25 22:59:22.66 +0000 UTC:\n", "2018-07-25T22:55:00+00:00"),
        ("2026-11-23 08:59:52.663 +0000 UTC", "2026-11-23T08:55:00+00:00"),
    ],
)  # fmt: skip
def test_the_time_is_read_in_each_form_and_cut(text: str, moment: str) -> None:
    """So that a status that says the same ten seconds later is no news."""
    assert written(text) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "autoscalerStatus: Initializing\n",
        "time: yesterday\n",
        "time: 2026-13-45 08:59:52\n",
        "time: 0001-01-01 00:00:00 +2300\n",
        "time: 2026-01-01 00:00:00 +9999\n",
        "nodeGroups:\n- health: {lastProbeTime: 2026-11-23 08:59:52}\n",
    ],
)
def test_what_is_no_time_of_the_status_is_none(text: str) -> None:
    """A probe's time is none: probes go on in a group that was not told of for long."""
    assert written(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "nodeGroups: [",
        "nodeGroups: " + "[" * 5_000,
        "nodeGroups: 3",
        "nodeGroups: [3, {name: 3.5e1x: y}]",
        "nodeGroups: [{health: {minSize: 1}}]",
        "nodeGroups:\n- ? {a: b}\n  : c\n",
        "Name:  x\n",
        "  Name:        x\n  Health:      Healthy (ready=1)\n",
    ],
)
def test_what_is_not_understood_is_no_group(text: str) -> None:
    assert groups(text) == ()


def test_a_size_that_is_none_is_nothing() -> None:
    text = "nodeGroups: [{name: a, health: {minSize: -1, maxSize: 99999999999, cloudProviderTarget: x}}]"

    assert groups(text) == (ScaledGroup("a"),)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - written as UTC
def test_the_time_is_less_than_a_step_too_early(moment: datetime) -> None:
    """And never too late."""
    found = written(f"time: {moment:%Y-%m-%d %H:%M:%S} +0000 UTC")

    assert found is not None
    assert timedelta(0) <= moment.replace(tzinfo=UTC, microsecond=0) - found < STEP


@given(st.text(max_size=200), st.text(max_size=50))
def test_no_text_raises(text: str, more: str) -> None:
    for one in (text, f"nodeGroups:\n{text}", f"  Name: {text}\n  Health: {more}", f"time: {text}"):
        groups(one)
        written(one)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[{a: "])
def test_a_text_without_a_bottom_is_none(opening: str) -> None:
    """Whoever writes a ConfigMap of this name, in a namespace of his own, must not end the operator."""
    assert groups("nodeGroups:\n  " + opening * 200_000) == ()
