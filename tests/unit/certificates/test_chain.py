from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from coder_cva.certificates.chain import DEFAULT_TERMS, Chain, advanced, expiry
from coder_cva.certificates.issuing import names_of

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NAMES = ("coder-cva-webhook.coder-cva-system.svc", "127.0.0.1")
NOTHING = Chain("", "", "", "")
DAY = timedelta(days=1)


def authorities(chain: Chain) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(chain.authorities.encode())


def serving(chain: Chain) -> x509.Certificate:
    return x509.load_pem_x509_certificate(chain.certificate.encode())


def is_believed(chain: Chain, told: str, now: datetime) -> bool:
    """Whether whoever was told these authorities believes what this chain serves, at that time."""
    served = serving(chain)
    if not served.not_valid_before_utc <= now < served.not_valid_after_utc:
        return False
    for one in x509.load_pem_x509_certificates(told.encode()):
        try:
            served.verify_directly_issued_by(one)
        except Exception:  # noqa: BLE001 - another one may vouch
            continue
        return one.not_valid_before_utc <= now < one.not_valid_after_utc
    return False


def test_out_of_nothing_comes_a_chain_for_the_names() -> None:
    """One authority, one certificate of its own for a server, which outlives nobody."""
    chain = advanced(NOTHING, NAMES, NOW)
    assert is_believed(chain, chain.authorities, NOW)
    assert names_of(serving(chain)) == sorted(NAMES)
    assert serving(chain).not_valid_after_utc == NOW + DEFAULT_TERMS.serving == expiry(chain)
    constraints = authorities(chain)[0].extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value.ca
    assert Chain.of(chain.data()) == chain


def test_nothing_moves_while_nothing_is_due() -> None:
    """A quiet cluster sees no writes."""
    chain = advanced(NOTHING, NAMES, NOW)
    assert advanced(chain, NAMES, NOW + 59 * DAY) is chain


def test_at_two_thirds_another_certificate_is_served_by_the_same_authority() -> None:
    """Nobody has to be told anything for it."""
    chain = advanced(NOTHING, NAMES, NOW)
    later = advanced(chain, NAMES, NOW + 60 * DAY)
    assert later.authorities == chain.authorities
    assert later.certificate != chain.certificate
    assert is_believed(later, chain.authorities, NOW + 60 * DAY)


def test_a_new_authority_is_told_before_it_is_used() -> None:
    """Both are told at first, the old certificate is served; a day later one of the new authority's."""
    chain = replace(advanced(NOTHING, NAMES, NOW))
    half = NOW + 365 * DAY
    chain = advanced(advanced(chain, NAMES, half - 10 * DAY), NAMES, half - 10 * DAY)
    told = advanced(chain, NAMES, half)
    assert len(authorities(told)) == 2
    assert told.certificate == chain.certificate
    used = advanced(told, NAMES, half + DAY)
    assert used.authorities == told.authorities
    assert is_believed(used, told.authorities, half + DAY)
    assert not is_believed(used, chain.authorities, half + DAY)


@pytest.mark.parametrize("broken", ["authorities", "certificate", "authority_key", "key"])
@pytest.mark.parametrize("text", ["", "no pem"])
def test_what_cannot_be_read_is_made_anew(broken: str, text: str) -> None:
    """Somebody emptied the Secret, or wrote something else into it."""
    chain = replace(advanced(NOTHING, NAMES, NOW), **{broken: text})
    mended = advanced(chain, NAMES, NOW)
    assert is_believed(mended, mended.authorities, NOW)


def test_keys_that_belong_to_something_else_are_not_used() -> None:
    """Halves of two chains make none."""
    one, other = advanced(NOTHING, NAMES, NOW), advanced(NOTHING, NAMES, NOW)
    for mixed in (replace(one, key=other.key), replace(one, authority_key=other.authority_key)):
        mended = advanced(mixed, NAMES, NOW)
        assert mended.certificate != mixed.certificate
        assert is_believed(mended, mended.authorities, NOW)


def test_other_names_ask_for_another_certificate() -> None:
    """The operator moved to another namespace, or is called by another URL."""
    chain = advanced(NOTHING, NAMES, NOW)
    moved = advanced(chain, ("elsewhere.svc",), NOW)
    assert names_of(serving(moved)) == ["elsewhere.svc"]
    assert moved.authorities == chain.authorities


def test_what_has_expired_is_made_anew() -> None:
    """The operator was away for years."""
    chain = advanced(NOTHING, NAMES, NOW)
    later = NOW + 900 * DAY
    mended = advanced(chain, NAMES, later)
    assert len(authorities(mended)) == 1
    assert is_believed(mended, mended.authorities, later)
    assert expiry(NOTHING) is None


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 29), min_size=5, max_size=40))
def test_the_bundle_is_never_stale(steps: list[int]) -> None:
    """Whoever looks at least every four weeks: what is served is believed by what was told before and after."""
    now, chain = NOW, advanced(NOTHING, NAMES, NOW)
    for days in steps:
        now += days * DAY
        following = advanced(chain, NAMES, now)
        assert is_believed(following, chain.authorities, now) or following == chain
        assert is_believed(following, following.authorities, now)
        assert is_believed(chain, following.authorities, now)
        chain = following


def test_no_key_is_shown() -> None:
    """Neither in a log nor in a traceback."""
    chain = advanced(NOTHING, NAMES, NOW)
    assert "PRIVATE" not in repr(chain)
