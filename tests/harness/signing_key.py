"""The key with which a cluster signs service-account tokens, made without any dependency.

The standard library makes no key pairs, and a cluster that is thrown away after the tests is
no reason for a cryptography package: the curve's arithmetic fits on this page. It is not
constant-time and protects nothing but test data.
"""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# NIST P-256 (FIPS 186-4, D.1.2.3).
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_OID_PRIME256V1 = bytes.fromhex("06082a8648ce3d030107")

Point = tuple[int, int] | None


def write(path: Path) -> None:
    """Write a new private key as PEM, readable by its owner only."""
    secret = secrets.randbelow(_N - 1) + 1
    public = _multiply(secret, _G)
    if public is None:
        raise ArithmeticError("a multiple of the generator below its order is never infinity")
    path.touch(mode=0o600)
    path.write_text(_pem(secret, public))


def _pem(secret: int, public: tuple[int, int]) -> str:
    """RFC 5915: ECPrivateKey with the named curve and the public key."""
    point = b"\x04" + b"".join(coordinate.to_bytes(32, "big") for coordinate in public)
    body = (
        _der(0x02, b"\x01")
        + _der(0x04, secret.to_bytes(32, "big"))
        + _der(0xA0, _OID_PRIME256V1)
        + _der(0xA1, _der(0x03, b"\x00" + point))
    )
    text = base64.encodebytes(_der(0x30, body)).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{text}-----END EC PRIVATE KEY-----\n"


def _der(tag: int, content: bytes) -> bytes:
    # Nothing here is longer than 127 bytes, so a length is always one byte.
    return bytes([tag, len(content)]) + content


def _multiply(factor: int, point: Point) -> Point:
    result: Point = None
    while factor:
        if factor & 1:
            result = _add(result, point)
        point = _add(point, point)
        factor >>= 1
    return result


def _add(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return other if one is None else one
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % _P == 0:
        return None
    if one == other:
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, _P) % _P
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, _P) % _P
    x3 = (slope * slope - x1 - x2) % _P
    return x3, (slope * (x1 - x3) - y1) % _P
