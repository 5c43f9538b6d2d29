"""The pages of the clauses, made from the catalogue, the rules and the corpus: ``python -m support.rule_pages``.

``--check`` only says which are stale. What a page shows of a verdict is judged anew: the corpus file that is
marked with ``shown``, else the first by name. A clause without a rule has a page that says so.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from coder_cva.catalogue.clauses import Clause, Disposition, clauses
from coder_cva.cli import generate
from coder_cva.reports.markdown import escaped
from coder_cva.rules.registry import ALL
from support import connection_page, corpus
from support.rule_page import MARK, page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER: Final = "docs/rules"
CATALOGUE: Final = "docs/reference/catalogue.md"


def files() -> dict[str, str]:
    """Every page: its path from the root of the repository, and its text."""
    rules = {one.id: one for one in ALL}
    cases = corpus.cases()
    pages = {
        f"{FOLDER}/{clause.id}.md": page(
            clause,
            rules.get(clause.id),
            [one for one in cases if one.clause == clause.id],
            around,
        )
        for clause, around in _with_neighbours(clauses())
    }
    return {**pages, CATALOGUE: catalogue(rules.keys()), **connection_page.files()}


def _with_neighbours(found: tuple[Clause, ...]) -> Iterator[tuple[Clause, str]]:
    for place, clause in enumerate(found):
        steps = [f"[← {one.id}]({one.id}.md)" for one in found[max(0, place - 1) : place]]
        steps += ["[all clauses](../reference/catalogue.md)"]
        steps += [f"[{one.id} →]({one.id}.md)" for one in found[place + 1 : place + 2]]
        yield clause, " · ".join(steps)


def catalogue(judged_ids: Iterable[str]) -> str:
    """The table of all clauses."""
    known = frozenset(judged_ids)
    lines = [
        MARK,
        "",
        "# All clauses",
        "",
        (
            f"What the Coder Validated Architecture asks for: {len(clauses())} clauses, of which this version judges "
            f"{len(known)}. Severity says what a failure costs: Coder does not work (critical), users lose work or "
            "connections (high), operation suffers (medium, low), advice (advisory). The operator enforces a clause, checks "
            "it, or takes your word for it."
        ),
        "",
        "| id | title | severity | disposition | judged |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| [{one.id}](../rules/{one.id}.md) | {escaped(one.title)} | {one.severity.value} "
        f"| {one.disposition.value} | {_is_judged(one, known)} |"
        for one in clauses()
    ]
    return "\n".join(lines) + "\n"


def _is_judged(clause: Clause, known: frozenset[str]) -> str:
    if clause.id in known:
        return "yes"
    return "by your word" if clause.disposition is Disposition.ATTESTED else "not yet"


def main() -> int:
    """Writes the pages, or with ``--check`` only says which are stale; pages of no clause go."""
    parser = argparse.ArgumentParser(prog="support.rule_pages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which are stale")
    check = parser.parse_args().check
    wanted = files()
    strays = stray(wanted)
    for one in strays:
        if check:
            print(f"stale: {one} is the page of no clause (run `make generate`)", file=sys.stderr)
        else:
            (generate.ROOT / one).unlink()
    stale = generate.bring(wanted, check=check)
    return 1 if check and (strays or stale) else 0


def stray(wanted: Iterable[str]) -> list[str]:
    """Pages that lie there and are not made."""
    there = {str(one.relative_to(generate.ROOT)) for one in (generate.ROOT / FOLDER).glob("*.md")}
    return sorted(there - set(wanted))


if __name__ == "__main__":
    sys.exit(main())
