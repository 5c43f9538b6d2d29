"""Support links: every text is read or refused, and what is kept after a fault is in order."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.rules.support_links import Link, UnreadableError, faults, parse

TEXTS = st.text(max_size=30)
ENTRIES = st.dictionaries(
    st.sampled_from(["name", "target", "icon", "location", "Name", "url"]),
    TEXTS | st.sampled_from(["https://wiki.corp.net", "mailto:a@corp.net", "http://[", "//x", "docs"]),
    max_size=5,
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def read(said: str) -> tuple[Link, ...] | None:
    """The links, None where the text is refused."""
    try:
        return parse(said)
    except UnreadableError:
        return None


@given(st.text(max_size=200) | JSON.map(json.dumps) | JSON.map(yaml.safe_dump))
def test_no_text_raises_anything_else(said: str) -> None:
    """Hostile texts are refused in one way; what is read can be judged."""
    links = read(said)
    assert links is None or list(faults(links)) is not None


@pytest.mark.parametrize(
    "said",
    [
        "[" * 5_000,
        "&a [*a]",
        '"\\UFFFFFFFF"',
        "!!python/object/apply:os.system [ls]",
        "? [a, b]\n: c",
        "- - - x",
        "{a: b}",
        "- text",
        "- {name: [a], target: b}",
        "\x00",
        "[" + "{}," * 40_000 + "]",
        "a: b: c",
        "---\na\n---\nb",
    ],
)
def test_hostile_texts_are_refused(said: str) -> None:
    """Depth, references to itself, objects of a language, length, several documents."""
    assert read(said) is None


def test_references_that_multiply_cost_nothing() -> None:
    """Each layer names the one below ten times; nobody follows them all."""
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert read("- " + "\n  ".join(layers)) is not None


@given(st.lists(ENTRIES, min_size=1, max_size=5))
def test_without_the_faulty_ones_nothing_is_faulted(entries: list[dict[str, str]]) -> None:
    """So the remedy, which keeps the rest, is in order; it is read as it was written."""
    links = read(json.dumps(entries))
    if links is None:
        return
    wrong = {one.place for one in faults(links)}
    rest = tuple(one for place, one in enumerate(links) if place not in wrong)

    assert list(faults(rest)) == []
    assert read(json.dumps([one.dump() for one in rest])) == rest


@pytest.mark.parametrize("said", ["", "  ", "[]", "null", "~", "# nothing"])
def test_nothing_said_is_no_link(said: str) -> None:
    """Coder's own apply."""
    assert parse(said) == ()


def test_yaml_is_read_as_coderd_reads_it() -> None:
    """Numbers and dates stay texts; keys count in small letters alone."""
    said = "- {name: 2024-01-01, target: 'https://wiki.corp.net', Icon: bug}"

    assert parse(said) == (Link("2024-01-01", "https://wiki.corp.net"),)


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        ("https://wiki.corp.net/a?b=c#d", ""),
        ("http://wiki/", ""),
        ("https://10.0.0.1:8443/", ""),
        ("mailto:help@corp.net?subject=Coder", ""),
        ("https://git.corp.net/new?body={CODER_BUILD_INFO}", ""),
        ("", "none"),
        ("/docs", "no absolute address"),
        ("javascript:alert(1)", "no absolute address"),
        ("ftp://files.corp.net", "no absolute address"),
        ("https://", "names no host"),
        ("mailto:", "names no host"),
        ("https://wiki.corp.net:port/", "no address"),
        ("https://[::1", "no address"),
        ("https://<your-wiki>/", "yet to be filled in"),
        ("https://your-company.net/", "yet to be filled in"),
        # What somebody forgot to fill in is what the rule is to find.
        ("https://wiki.corp.net/TODO", "yet to be filled in"),
        ("https://wiki.corp.net/a b", "yet to be filled in"),
        ("https://docs.example.org/", "kept free for examples"),
        ("https://localhost:8080/", "kept free for examples"),
        ("mailto:me@example.com", "kept free for examples"),
        ("http://docs.web.svc/", "do not reach"),
        ("http://127.0.0.1/", "whoever follows it"),
        ("http://[::1]/", "whoever follows it"),
        ("http://169.254.169.254/latest", "whoever follows it"),
    ],
)
def test_targets(target: str, wrong: str) -> None:
    """What is seen of an address without asking it."""
    found = list(faults((Link("Help", target),)))

    assert len(found) == bool(wrong)
    for one in found:
        assert one.part == "target"
        assert wrong in one.observed
