"""Connection URLs: what is understood, what is refused, and that no text tells the password."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coder_cva.values import postgres_url
from coder_cva.values.postgres_url import NotAUrl, PostgresUrl, parse

PASSWORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "postgres://coder:pw@db.example.com:6543/main?sslmode=verify-full&sslrootcert=/ca.crt",
            {
                "hosts": (("db.example.com", 6543),),
                "user": "coder",
                "password": "pw",
                "database": "main",
                "sslmode": "verify-full",
                "root_certificate": "/ca.crt",
            },
        ),
        ("postgresql://u@h", {"hosts": (("h", 5432),), "user": "u", "database": "u"}),
        ("  postgres://u:p@h/d\n", {"hosts": (("h", 5432),), "password": "p", "database": "d"}),
        ("postgres://u:p@[fd00::1]:99/d", {"hosts": (("fd00::1", 99),)}),
        ("postgres://u:p@a:1,b:2/d", {"hosts": (("a", 1), ("b", 2))}),
        ("postgres://u:p@a,b/d?port=77", {"hosts": (("a", 77), ("b", 77))}),
        ("postgres:///d?host=h&user=u&password=p%26", {"hosts": (("h", 5432),), "password": "p&"}),
        ("postgres://u:p@s@h/d", {"password": "p@s", "hosts": (("h", 5432),)}),
        ("postgres://u:a%2Fb%3F%23%40c@h/d", {"password": "a/b?#@c"}),
        ("postgres://u:p@h/d?target_session_attrs=read-write", {"target": "read-write"}),
        ("postgres://u:p@h/d?search_path=coder&x", {"database": "d"}),
        (
            "host=h port=99 user=u password='it\\'s = p\\\\w' dbname=d sslmode=disable",
            {
                "hosts": (("h", 99),),
                "user": "u",
                "password": "it's = p\\w",
                "database": "d",
                "sslmode": "disable",
            },
        ),
        ("user = u host = a,b port = 1,2", {"hosts": (("a", 1), ("b", 2))}),
        ("hostaddr=10.0.0.1 host=h user=u password=x=y", {"hosts": (("10.0.0.1", 5432),)}),
        ("host=h user=u password=a\\ b", {"password": "a b"}),
    ],
)
def test_what_is_understood(text: str, expected: dict[str, Any]) -> None:
    found = parse(text)

    assert {name: getattr(found, name) for name in expected} == expected


def test_what_is_not_said_is_as_in_coderds_driver() -> None:
    """It encrypts without being asked to."""
    assert parse("postgres://u:p@h/d") == PostgresUrl((("h", 5432),), "u", "p", "d", "require")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", postgres_url.NO_URL),
        ("hunter2", postgres_url.NO_URL),
        ("mysql://u:p@h/d?a=b", postgres_url.NO_URL),
        ("host=h user=u password=two words dbname=d", postgres_url.NO_URL),
        ("host=h user=u password='open", postgres_url.NO_URL),
        ("postgres://u:12/ss@h/d", postgres_url.NOT_ENCODED),
        ("postgres://u:12?ss@h/d", postgres_url.NOT_ENCODED),
        ("postgres://u:12#ss@h/d", postgres_url.NOT_ENCODED),
        ("postgres://u:p@h/d?password=a#b", postgres_url.NOT_ENCODED),
        ("postgres://u:%ff@h/d", postgres_url.NOT_ENCODED),
        ("postgres://u:p@/d", postgres_url.NO_HOST),
        ("postgres://u:p@%2Fvar%2Frun/d", postgres_url.NO_HOST),
        ("host=/var/run/postgresql user=u", postgres_url.NO_HOST),
        ("postgres://u:p@h:0/d", postgres_url.NO_PORT),
        ("postgres://u:p@h:70000/d", postgres_url.NO_PORT),
        ("postgres://u:p@h:x/d", postgres_url.NO_PORT),
        ("host=a,b,c port=1,2 user=u", postgres_url.NO_PORT),
        ("postgres://h/d", postgres_url.NO_USER),
        ("postgres://u:p@h/d?sslmode=on", postgres_url.NO_MODE),
        ("postgres://u:p@h/d?target_session_attrs=master", postgres_url.NO_TARGET),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(NotAUrl) as raised:
        parse(text)

    assert str(raised.value) == why


@given(PASSWORDS)
@example("@:/?#%&=+ '\"\\")
def test_a_password_comes_through_in_both_forms_and_is_shown_in_none(password: str) -> None:
    """Whatever it is: what is shown of a URL is the same as with another password."""
    url = parse(f"postgres://coder:{quote(password, safe='')}@h/d")
    escaped = password.replace("\\", "\\\\").replace("'", "\\'")
    pairs = parse(f"host=h user=coder dbname=d password='{escaped}'")

    assert url.password == pairs.password == password
    assert repr(url) == repr(pairs) == repr(parse("postgres://coder:other@h/d"))


@given(st.one_of(st.text(), PASSWORDS.map(lambda one: f"postgres://u:{one}@h/d?sslmode=require")))
@example("postgres://u:5/x@h/d")
def test_a_refusal_quotes_nothing(text: str) -> None:
    """Also of a password that is not encoded: no part of it is taken for a host's or a database's name."""
    found, refusal = None, ""
    try:
        found = parse(text)
    except NotAUrl as error:
        refusal = str(error)

    assert found is not None or refusal in postgres_url.REFUSALS
    if found is not None and text.startswith("postgres://u:"):
        assert (found.hosts, found.database) == ((("h", 5432),), "d")
