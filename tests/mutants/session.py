"""A session of cosmic-ray, which is a SQLite file: what is left out of it, and what is taken over from the last one."""

from __future__ import annotations

import ast
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from pathlib import Path

_TABLES: Final = ("work_results", "mutation_specs", "work_items")
_PLACE: Final = "module_path, operator_name, occurrence"
Span: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""From where to where a text goes: lines from 1, columns from 0."""


def leave_out_annotations(session: Path, folder: Path) -> None:
    """Drops the changes of annotations.

    They say nothing at run time: ``int | None`` becomes ``int + None``, which ends every test at the import,
    and would be counted as noticed.
    """
    with closing(sqlite3.connect(session)) as db, db:
        query = "SELECT job_id, module_path, start_pos_row, start_pos_col FROM mutation_specs"
        rows = db.execute(query).fetchall()
        spans = {one: annotated((folder / one).read_text("utf-8")) for _, one, *_ in rows}
        for job, module, row, column in rows:
            if any(start <= (row, column) < end for start, end in spans[module]):
                for table in _TABLES:
                    db.execute(f"DELETE FROM {table} WHERE job_id = ?", (job,))


def annotated(source: str) -> list[Span]:
    """Where the annotations of arguments, results, fields and variables stand."""
    return [
        ((one.lineno, one.col_offset), (one.end_lineno or 0, one.end_col_offset or 0))
        for node in ast.walk(ast.parse(source))
        for one in _annotations(node)
    ]


def _annotations(node: ast.AST) -> Iterator[ast.expr]:
    for name in ("annotation", "returns"):
        found = getattr(node, name, None)
        if isinstance(found, ast.expr):
            yield found


def take_over(session: Path, last: Path, unchanged: AbstractSet[str]) -> None:
    """Takes from the last session what the tests noticed then, in modules that are as they were.

    It holds as long as tests are only added: a change that one of them noticed, it notices still.
    """
    killed = (
        f"SELECT {_PLACE}, worker_outcome, output, test_outcome, diff FROM mutation_specs "
        "NATURAL JOIN work_results WHERE test_outcome = 'KILLED'"
    )
    with closing(sqlite3.connect(last)) as db:
        rows = [row for row in db.execute(killed) if row[0] in unchanged]
    with closing(sqlite3.connect(session)) as db, db:
        jobs = {
            tuple(place): job
            for job, *place in db.execute(f"SELECT job_id, {_PLACE} FROM mutation_specs")
        }
        db.executemany(
            "INSERT INTO work_results (worker_outcome, output, test_outcome, diff, job_id) "
            "VALUES (?, ?, ?, ?, ?)",
            [(*row[3:], jobs[tuple(row[:3])]) for row in rows],
        )
