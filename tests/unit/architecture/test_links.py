"""Links in the documents: each leads to a file of the repository, and to a heading that is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    if (ROOT / name).is_file()
]
_FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_ELSEWHERE = re.compile(r"[a-z]+:")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _FENCED.sub("", page.read_text("utf-8"))


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("\\", "").lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """The anchors of a page; of equal headings the later ones are numbered."""
    found: dict[str, int] = {}
    for heading in _HEADING.findall(prose(page)):
        name = slug(heading)
        found[name] = found.get(name, -1) + 1
    return {f"{name}-{n}" if n else name for name, last in found.items() for n in range(last + 1)}


def broken(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    found = []
    for target in _LINK.findall(prose(page)):
        if _ELSEWHERE.match(target):
            continue
        name, _, anchor = target.partition("#")
        there = page.parent / name if name else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            found.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda it: str(it.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Relative ones; what lies on other servers is not asked."""
    assert broken(page) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](b.md)", []),
        ("[a](b.md#one-two)", []),
        ("[a](#here)\n# Here", []),
        ("[a](https://example.com/x#y) [b](mailto:a@example.com)", []),
        ("```\n[a](none.md)\n```", []),
        ("[a](none.md)", ["none.md"]),
        ("[a](b.md#three) [a](#nowhere)", ["b.md#three", "#nowhere"]),
        ("[a](b.md#one-two-1)", []),
        ("[a](b.md#in-code)", ["b.md#in-code"]),
    ],
)
def test_what_is_broken_is_found(tmp_path: Path, text: str, expected: list[str]) -> None:
    """Files and headings; what stands in a block of code is neither link nor heading."""
    (tmp_path / "b.md").write_text("# One *two*!\n```\n# In code\n```\n## One two\n")
    page = tmp_path / "a.md"
    page.write_text(text)

    assert broken(page) == expected
