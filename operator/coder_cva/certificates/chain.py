"""A serving certificate and the authorities that vouch for it, and what becomes of them with time.

An authority is told to the API server a day before anything is served by it, and stays told until it
expires: whatever a replica serves at any moment, and whichever configuration the API server has seen
last, the two agree. The key of an authority is overwritten by its successor's.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from coder_cva.certificates import issuing


@dataclass(frozen=True, slots=True)
class Terms:
    """How long certificates last, and when they are renewed."""

    authority: dt.timedelta = dt.timedelta(days=730)
    """A new one is made at half of it."""
    serving: dt.timedelta = dt.timedelta(days=90)
    """A new one is made at two thirds of it."""
    overlap: dt.timedelta = dt.timedelta(days=1)
    """How long an authority is known before it is used."""


DEFAULT_TERMS: Final = Terms()


@dataclass(frozen=True, slots=True)
class Chain:
    """All four as PEM; ``authorities`` are one after the other, the newest first."""

    authorities: str
    certificate: str
    authority_key: str = field(repr=False)
    key: str = field(repr=False)

    @classmethod
    def of(cls, data: Mapping[str, str]) -> Self:
        """What a Secret holds under the usual keys; "" for what it does not."""
        return cls(
            authorities=data.get("ca.crt", ""),
            certificate=data.get("tls.crt", ""),
            authority_key=data.get("ca.key", ""),
            key=data.get("tls.key", ""),
        )

    def data(self) -> dict[str, str]:
        """The same for a Secret."""
        return {
            "ca.crt": self.authorities,
            "ca.key": self.authority_key,
            "tls.crt": self.certificate,
            "tls.key": self.key,
        }


def advanced(
    chain: Chain, names: Sequence[str], now: dt.datetime, terms: Terms = DEFAULT_TERMS
) -> Chain:
    """The chain that should be there now for these names; the same one where nothing is due."""
    known = _read(chain)
    if known is None or known.newest.not_valid_after_utc <= now:
        return _anew(names, now, terms)
    moved = chain
    if now >= known.newest.not_valid_before_utc + terms.authority / 2:
        moved, known = _with_new_authority(chain, known, now, terms)
    if _is_due(known, names, now, terms):
        return _served(moved, known, names, now, terms)
    return moved


def expiry(chain: Chain) -> dt.datetime | None:
    """When the serving certificate ends; None where there is none that can be read."""
    try:
        return x509.load_pem_x509_certificate(chain.certificate.encode()).not_valid_after_utc
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Known:
    """What the PEM says."""

    authorities: list[x509.Certificate]
    authority_key: ec.EllipticCurvePrivateKey
    serving: x509.Certificate | None

    @property
    def newest(self) -> x509.Certificate:
        return self.authorities[0]

    @property
    def issuer(self) -> x509.Certificate | None:
        """The authority behind what is served."""
        return next((one for one in self.authorities if _vouches(one, self.serving)), None)


def _read(chain: Chain) -> _Known | None:
    """None where there is no authority with its key, by which anything could be continued."""
    try:
        authorities = x509.load_pem_x509_certificates(chain.authorities.encode())
        key = load_pem_private_key(chain.authority_key.encode(), None)
    except (ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    if key.public_key() != authorities[0].public_key():
        return None
    return _Known(authorities, key, _serving(chain))


def _serving(chain: Chain) -> x509.Certificate | None:
    try:
        serving = x509.load_pem_x509_certificate(chain.certificate.encode())
        key = load_pem_private_key(chain.key.encode(), None)
    except (ValueError, TypeError):
        return None
    is_pair = (
        isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == serving.public_key()
    )
    return serving if is_pair else None


def _vouches(authority: x509.Certificate, serving: x509.Certificate | None) -> bool:
    if serving is None:
        return False
    try:
        serving.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _is_due(known: _Known, names: Sequence[str], now: dt.datetime, terms: Terms) -> bool:
    """Whether another serving certificate is needed: none that holds, half used up, or a newer authority."""
    serving, issuer = known.serving, known.issuer
    if serving is None or issuer is None or issuing.names_of(serving) != sorted(names):
        return True
    if now >= serving.not_valid_before_utc + terms.serving * 2 / 3:
        return True
    is_known = now >= known.newest.not_valid_before_utc + terms.overlap
    return issuer != known.newest and is_known


def _anew(names: Sequence[str], now: dt.datetime, terms: Terms) -> Chain:
    authority, key = issuing.authority(now, terms.authority)
    serving, serving_key = issuing.serving(names, authority, key, now, terms.serving)
    return Chain(
        issuing.pem(authority),
        issuing.pem(serving),
        issuing.key_pem(key),
        issuing.key_pem(serving_key),
    )


def _with_new_authority(
    chain: Chain, known: _Known, now: dt.datetime, terms: Terms
) -> tuple[Chain, _Known]:
    authority, key = issuing.authority(now, terms.authority)
    living = [one for one in known.authorities if one.not_valid_after_utc > now]
    authorities = [authority, *living]
    told = "".join(map(issuing.pem, authorities))
    moved = Chain(told, chain.certificate, issuing.key_pem(key), chain.key)
    return moved, _Known(authorities, key, known.serving)


def _served(
    chain: Chain, known: _Known, names: Sequence[str], now: dt.datetime, terms: Terms
) -> Chain:
    serving, key = issuing.serving(names, known.newest, known.authority_key, now, terms.serving)
    return Chain(chain.authorities, issuing.pem(serving), chain.authority_key, issuing.key_pem(key))
