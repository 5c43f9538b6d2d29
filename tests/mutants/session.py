"""A session of cosmic-ray, which is a SQLite file: what is left out of it, and what is taken over from the last one."""

from __future__ import annotations

import ast
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

_BINARY: Final = "core/ReplaceBinaryOperator_"
_TABLES: Final = ("work_results", "mutation_specs", "work_items")
Span: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""From where to where a text goes: lines from 1, columns from 0."""
Sources: TypeAlias = Mapping[str, str]
"""The texts of modules."""


def leave_out_trivial(session: Path, folder: Path) -> None:
    """Drops the changes that end every test at the import, and would be counted as noticed.

    Those of annotations: ``int | None`` becomes ``int + None``. And those of stars that multiply nothing:
    the ones of ``{**one, **other}`` and of signatures, which are taken for operators.
    """
    with closing(sqlite3.connect(session)) as db, db:
        rows = db.execute(
            "SELECT job_id, module_path, operator_name, start_pos_row, start_pos_col "
            "FROM mutation_specs"
        ).fetchall()
        sources = {one: (folder / one).read_text("utf-8") for _, one, *_ in rows}
        annotated = {one: annotations_of(source) for one, source in sources.items()}
        computed = {one: operators_of(source) for one, source in sources.items()}
        for job, module, change, row, column in rows:
            is_binary = change.startswith(_BINARY)
            if _within((row, column), annotated[module]) or (
                is_binary and not _within((row, column), computed[module])
            ):
                for table in _TABLES:
                    db.execute(f"DELETE FROM {table} WHERE job_id = ?", (job,))


def annotations_of(source: str) -> list[Span]:
    """Where the annotations of arguments, results, fields and variables stand."""
    return [
        ((one.lineno, one.col_offset), _end(one))
        for node in ast.walk(ast.parse(source))
        for one in (getattr(node, name, None) for name in ("annotation", "returns"))
        if isinstance(one, ast.expr)
    ]


def operators_of(source: str) -> list[Span]:
    """Where operators stand that compute something of two sides."""
    return [
        (_end(node.left), (node.right.lineno, node.right.col_offset))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.BinOp)
    ]


def _end(node: ast.expr) -> tuple[int, int]:
    return (node.end_lineno or 0, node.end_col_offset or 0)


def _within(place: tuple[int, int], spans: list[Span]) -> bool:
    return any(start <= place < end for start, end in spans)


def take_over(session: Path, last: Path, before: Sources, now: Sources) -> None:
    """Takes from the last session what the tests noticed then, in functions that are as they were.

    It holds as long as tests are only added: a change that one of them noticed, it notices still. What
    stands at the top of a module, a function or a class, is one piece; an edited one is played whole.
    """
    with closing(sqlite3.connect(last)) as db:
        found = _places(db, before)
        killed = db.execute(
            "SELECT job_id, worker_outcome, output, test_outcome, diff FROM work_results "
            "WHERE test_outcome = 'KILLED'"
        ).fetchall()
    with closing(sqlite3.connect(session)) as db, db:
        jobs = {place: job for job, place in _places(db, now).items()}
        db.executemany(
            "INSERT INTO work_results (worker_outcome, output, test_outcome, diff, job_id) "
            "VALUES (?, ?, ?, ?, ?)",
            [(*result, jobs[found[job]]) for job, *result in killed if found[job] in jobs],
        )


def _places(db: sqlite3.Connection, sources: Sources) -> dict[str, tuple[object, ...]]:
    """By job where its change is, in words that hold while the piece of code around it does."""
    rows = db.execute(
        "SELECT job_id, module_path, operator_name, start_pos_row, start_pos_col FROM mutation_specs "
        "ORDER BY occurrence"
    ).fetchall()
    pieces = {module: _pieces(source) for module, source in sources.items()}
    found: dict[str, tuple[object, ...]] = {}
    seen: Counter[tuple[object, ...]] = Counter()
    for job, module, operator, row, column in rows:
        start, text = pieces[module][row]
        place = (module, operator, text, row - start, column)
        seen[place] += 1  # a number is changed in two ways
        found[job] = (*place, seen[place])
    return found


def _pieces(source: str) -> dict[int, tuple[int, str]]:
    """By line the piece of code that it is in: where that begins, and its text."""
    lines = source.splitlines()
    found: dict[int, tuple[int, str]] = {}
    for node in ast.parse(source).body:
        decorators = [one.lineno for one in getattr(node, "decorator_list", ())]
        start, end = min([node.lineno, *decorators]), node.end_lineno or node.lineno
        piece = (start, "\n".join(lines[start - 1 : end]))
        found |= dict.fromkeys(range(start, end + 1), piece)
    return found
