"""Names of variables: what is known is never faulted, and whatever is written, one answer comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.catalogue.variables import variables
from coder_cva.rules.variable_names import Fault, Unheard, is_slip, judged, nearest

KNOWN = variables()
NAMES = sorted(KNOWN.server)
LASTING = [name for name in NAMES if KNOWN.server[name].deprecated is None]
VERSIONS = st.none() | st.tuples(st.just(2), st.integers(0, 60), st.integers(0, 9))
WORDS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", max_size=40).map("CODER_".__add__)


@given(st.sampled_from(LASTING))
def test_what_the_newest_release_reads_is_right(name: str) -> None:
    """Names that are read and not deprecated."""
    if KNOWN.server[name].until is None:
        assert judged(name, KNOWN.newest) is None


@given(WORDS, VERSIONS)
def test_every_name_has_an_answer_and_always_the_same(
    name: str, version: tuple[int, int, int] | None
) -> None:
    """Whatever is written; a name that is recommended is itself right for that version."""
    found = judged(name, version)

    assert found == judged(name, version)
    if isinstance(found, Fault):
        for one in found.instead:
            assert not isinstance(judged(one, version), Unheard)


@given(st.sampled_from(LASTING), st.data())
def test_a_letter_too_many_leads_back(name: str, data: st.DataObject) -> None:
    """The nearest name to a slip is at least as near as what was meant, and the slip is no new name."""
    place = data.draw(st.integers(len("CODER_"), len(name)))
    slip = f"{name[:place]}X{name[place:]}"

    assert nearest(slip, LASTING)
    assert nearest(name, LASTING) == name


@given(st.lists(st.sampled_from(NAMES), min_size=1, unique=True), WORDS)
def test_the_order_of_names_does_not_matter(names: list[str], name: str) -> None:
    """Equal worlds, equal findings."""
    assert nearest(name, names) == nearest(name, list(reversed(names)))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("CODER_PROMETHEUS_ENABLED", "CODER_PROMETHEUS_ENABLE"),
        ("CODER_ACCESS_URI", "CODER_ACCESS_URL"),
        ("CODER_WILDCARD_URL", "CODER_WILDCARD_ACCESS_URL"),
        ("CODER_POSTGRES_URL", ""),
        ("CODER_BLOCK_DIRECT_CONNECTIONS", ""),
        ("CODER_DERP_RELAY_URL", "CODER_DERP_SERVER_RELAY_URL"),
        ("CODER_PROVISIONER_DAEMON_COUNT", "CODER_PROVISIONER_DAEMONS"),
        ("CODER_", ""),
    ],
)
def test_what_people_write_by_mistake(written: str, meant: str) -> None:
    """The name that Coder's reference has for it, where one is like it."""
    found = judged(written, (2, 30, 0))

    assert isinstance(found, Fault)
    assert found.instead == ((meant,) if meant else ())


def test_a_slip_has_as_many_words() -> None:
    """A word too many may be a new name."""
    assert is_slip("CODER_PROMETHEUS_ENABLED", "CODER_PROMETHEUS_ENABLE")
    assert not is_slip("CODER_PROMETHEUS_V2_ENABLE", "CODER_PROMETHEUS_ENABLE")
    assert not is_slip("CODER_QUANTUM_ENABLE", "CODER_PROMETHEUS_ENABLE")


def test_of_an_unknown_version_the_newest_release_judges() -> None:
    """What is deprecated now is told of, and what is gone."""
    assert judged("CODER_DISABLE_TEMPLATE_BUILDER", None) is None
    assert isinstance(judged("CODER_AIBRIDGE_ENABLED", None), Fault)
    assert isinstance(judged("CODER_IN_MEMORY", None), Fault)
    assert judged("CODER_IN_MEMORY", (2, 20, 0)) is None


def test_no_successor_is_named_that_this_version_does_not_read() -> None:
    """It was deprecated before anything took its place."""
    found = judged("CODER_AIBRIDGE_PROXY_DOMAIN_ALLOWLIST", (2, 33, 0))

    assert found == Fault("deprecated since 2.33.0, without a successor", "not set")
