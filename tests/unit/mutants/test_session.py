"""What is left out of a session, and what is taken over, on files with the tables of cosmic-ray 8.7."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from mutants import session

if TYPE_CHECKING:
    from pathlib import Path

TABLES = """
CREATE TABLE work_items (job_id VARCHAR NOT NULL, PRIMARY KEY (job_id));
CREATE TABLE mutation_specs (
    module_path VARCHAR, operator_name VARCHAR, operator_args JSON, occurrence INTEGER,
    start_pos_row INTEGER, start_pos_col INTEGER, end_pos_row INTEGER, end_pos_col INTEGER,
    definition_name VARCHAR, job_id VARCHAR NOT NULL, PRIMARY KEY (job_id)
);
CREATE TABLE work_results (
    worker_outcome VARCHAR(9), output TEXT, test_outcome VARCHAR(11), diff TEXT,
    job_id VARCHAR NOT NULL, PRIMARY KEY (job_id)
);
"""
SOURCE = """
wanted: int | None = 1 | 2
def known(one: int | None) -> list[
    int | str
]:
    return [one | 1]
def other(*, one): return {**one}
"""
CHANGES = [(2, 12), (2, 23), (3, 19), (4, 8), (6, 16), (7, 10), (7, 27)]
"""Where the operators stand: lines from 1, columns from 0."""


def made(path: Path, module: str, outcomes: dict[str, str], down: int = 0) -> Path:
    """A session of a change for each operator of the source, which may begin further down."""
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(TABLES)
        for number, (row, column) in enumerate(CHANGES):
            job = f"{path.stem}-{number}"
            place = (
                module,
                "core/ReplaceBinaryOperator_BitOr_Add",
                "{}",
                number,
                row + down,
                column,
                row + down,
                column + 1,
                "",
                job,
            )
            db.execute("INSERT INTO work_items VALUES (?)", (job,))
            db.execute(f"INSERT INTO mutation_specs VALUES ({','.join('?' * 10)})", place)
            if str(number) in outcomes:
                result = ("NORMAL", "", outcomes[str(number)], "", job)
                db.execute("INSERT INTO work_results VALUES (?, ?, ?, ?, ?)", result)
    return path


def asked(path: Path, query: str) -> list[object]:
    """The first column of the answer."""
    with closing(sqlite3.connect(path)) as db:
        return [row[0] for row in db.execute(query)]


def test_what_only_ends_the_import_is_not_changed(tmp_path: Path) -> None:
    """Annotations of a variable, an argument and a result, and stars; what is computed stays."""
    (tmp_path / "a.py").write_text(SOURCE)
    path = made(tmp_path / "new", "a.py", {})

    session.leave_out_trivial(path, tmp_path)

    assert asked(path, "SELECT occurrence FROM mutation_specs ORDER BY 1") == [1, 4]
    assert asked(path, "SELECT job_id FROM work_items ORDER BY 1") == ["new-1", "new-4"]


def test_what_was_noticed_is_taken_over(tmp_path: Path) -> None:
    """By its place: jobs have other names in every session. Survivors are played again."""
    last = made(tmp_path / "last", "a.py", {"1": "KILLED", "3": "SURVIVED", "4": "KILLED"})
    path = made(tmp_path / "new", "a.py", {})

    session.take_over(path, last, {"a.py": SOURCE}, {"a.py": SOURCE})

    assert asked(path, "SELECT job_id FROM work_results ORDER BY 1") == ["new-1", "new-4"]
    assert set(asked(path, "SELECT test_outcome FROM work_results")) == {"KILLED"}
    assert set(asked(path, "SELECT worker_outcome FROM work_results")) == {"NORMAL"}


def test_an_edited_function_is_played_whole(tmp_path: Path) -> None:
    """What stands beside it is not, although it moved."""
    last = made(tmp_path / "last", "a.py", {"1": "KILLED", "4": "KILLED"})
    path = made(tmp_path / "new", "a.py", {})

    session.take_over(path, last, {"a.py": SOURCE}, {"a.py": SOURCE.replace("one | 1", "one | 2")})

    assert asked(path, "SELECT job_id FROM work_results") == ["new-1"]


def test_what_moved_is_found_again(tmp_path: Path) -> None:
    """By its own lines, and not by those of the file."""
    last = made(tmp_path / "last", "a.py", {"1": "KILLED", "4": "KILLED"})
    path = made(tmp_path / "new", "a.py", {}, down=2)

    session.take_over(path, last, {"a.py": SOURCE}, {"a.py": f"import ast\n\n{SOURCE}"})

    assert asked(path, "SELECT job_id FROM work_results ORDER BY 1") == ["new-1", "new-4"]
