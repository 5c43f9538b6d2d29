"""The house rules that no other tool holds."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from coder_cva.cli import generate

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "operator" / "coder_cva"
LINE_LIMIT = 400
FUNCTION_LIMIT = 40
MEDIAN_LIMIT = 130

SOURCES = sorted(PACKAGE.rglob("*.py"))
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
]


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_the_standard_library_is_not_shadowed() -> None:
    """An operator/__init__.py would replace the standard library's `operator` for everybody."""
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_files_are_small() -> None:
    """No Python file has more than 400 lines, and half of them have fewer than 130."""
    everything = [*SOURCES, *(ROOT / "tests").rglob("*.py")]

    assert [str(one) for one in everything if lines(one) > LINE_LIMIT] == []
    assert sorted(map(lines, SOURCES))[len(SOURCES) // 2] <= MEDIAN_LIMIT


def test_functions_are_small() -> None:
    """No function has more than 40 lines."""
    long = [
        f"{path.relative_to(ROOT)}:{node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= FUNCTION_LIMIT
    ]

    assert long == []


@pytest.mark.parametrize(
    "sign", sorted(PACKAGE.rglob("__init__.py")), ids=lambda it: str(it.relative_to(PACKAGE))
)
def test_every_room_has_a_door_sign(sign: Path) -> None:
    """A newcomer reads in four lines what lives here, and what never belongs here."""
    text = sign.read_text(encoding="utf-8")

    for line in ("Lives here:", "May be imported:", "Never belongs here:", "Read first:"):
        assert line in text, line


@pytest.mark.parametrize("name", sorted(generate.files()))
def test_generated_files_are_fresh(name: str) -> None:
    """What is generated is committed, and equals what the code makes now."""
    assert (ROOT / name).read_text(encoding="utf-8") == generate.files()[name]


def test_no_cancellation_is_swallowed() -> None:
    """In Python 3.11 asyncio.wait_for loses one that meets the result, and the process does not end."""
    assert [str(one) for one in SOURCES if "asyncio.wait_for" in one.read_text("utf-8")] == []


def test_lock_files_hold_no_address() -> None:
    """Names, versions and hashes only: the project installs from whichever index a user has."""
    for lock in (ROOT / "requirements").glob("*.lock"):
        assert not re.search(r"https?://|--(extra-)?index-url", lock.read_text(encoding="utf-8"))


def test_the_contract_of_the_make_targets() -> None:
    """Each target that a page names exists, and each target is explained by `make help`."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    explained = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    named = {
        target
        for page in TRACKED
        if page.suffix == ".md" and page.exists()
        for target in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))
    }

    assert named - targets == set()
    assert targets - explained == set()


def test_every_decision_has_a_number_of_its_own_and_is_listed() -> None:
    """Numbers run without a gap; the list says the titles as the decisions do."""
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    found = sorted(folder.glob("[0-9]*.md"))

    for number, page in enumerate(found, start=1):
        title = page.read_text(encoding="utf-8").partition("\n")[0].removeprefix(f"# {number}. ")
        assert page.name.startswith(f"{number:04}-")
        assert f"| {number} | [{title}]({page.name}) |" in index
    assert index.count("| [") == len(found)
