"""Logs: one line a record for collectors, whatever is in it; readable text for people."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.telemetry.logs import JsonFormatter, set_up

if TYPE_CHECKING:
    from collections.abc import Iterator


def record(message: str, *args: Any, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("coder_cva.test", logging.WARNING, __file__, 1, message, args, None)
    vars(made).update(extra)
    return made


def line(made: logging.LogRecord) -> dict[str, Any]:
    """A record as a collector reads it; it must be one line of plain characters."""
    text = JsonFormatter().format(made)
    assert text.isascii()
    assert len(text.splitlines()) == 1
    read: dict[str, Any] = json.loads(text)
    return read


@pytest.mark.parametrize(
    "hostile",
    [
        'quote " and backslash \\',
        'two\nlines\r\n{"level": "info"}',
        "control \x00 \x1b[31m \x7f",
        "Grüße, 日本語, 🚢",
        "line \u2028 and paragraph \u2029",
        "half a pair \ud83d",
    ],
)
def test_whatever_is_told_is_one_line_of_json(hostile: str) -> None:
    """Messages quote names and answers that others chose; none of them can forge a second record."""
    read = line(record("%s", hostile, object=hostile))

    assert read["message"] == read["object"] == hostile
    assert (read["level"], read["logger"]) == ("warning", "coder_cva.test")


@given(st.text(), st.text())
def test_any_text_comes_back(message: str, extra: str) -> None:
    """As message and as a field of its own."""
    read = line(record("%s", message, extra=extra))

    assert (read["message"], read["extra"]) == (message, extra)


def test_no_field_replaces_what_a_line_says_itself() -> None:
    """A field of the name of ours is given up, whoever passes it."""
    read = line(record("true", level="forged", logger="forged", time="forged"))

    assert (read["message"], read["level"], read["logger"]) == ("true", "warning", "coder_cva.test")
    assert read["time"] != "forged"


def test_what_is_no_json_is_told_as_text() -> None:
    """Any object may be passed along."""
    assert line(record("it", key={"a": Exception("b")}))["key"] == {"a": "b"}


def test_what_kopf_passes_along_is_left_out() -> None:
    """It puts whole references into each of its records."""
    assert "k8s_ref" not in line(record("it", k8s_ref={"name": "x"}))


def test_an_exception_stands_in_the_same_line() -> None:
    """With its traceback, whose lines are escaped."""

    def fail() -> None:
        raise ValueError("first\nsecond")

    made = record("failed")
    try:
        fail()
    except ValueError:
        made.exc_info = sys.exc_info()

    read = line(made)

    assert read["exception"].startswith("Traceback")
    assert read["exception"].endswith("ValueError: first\nsecond")


@pytest.fixture
def logging_kept() -> Iterator[None]:
    """Whatever a test sets up is undone."""
    names = ("", "kopf", "aiohttp.access", "kopf._core.reactor.running")
    loggers = [logging.getLogger(name) for name in names]
    levels = [one.level for one in loggers]
    handlers = list(loggers[0].handlers)
    yield
    loggers[0].handlers[:] = handlers
    for one, level in zip(loggers, levels, strict=True):
        one.setLevel(level)


@pytest.mark.usefixtures("logging_kept")
def test_text_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, logger and message on standard error; less than the level asked for is not told."""
    set_up("INFO", "text")

    logging.getLogger("coder_cva.test").info("Grüße an %s", "alle")
    logging.getLogger("coder_cva.test").debug("not told")

    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0].endswith(" INFO    coder_cva.test: Grüße an alle")
    assert len(err.splitlines()) == 1


@pytest.mark.usefixtures("logging_kept")
def test_json_is_for_collectors(capsys: pytest.CaptureFixture[str]) -> None:
    """Every line of standard error is an object of its own."""
    set_up("DEBUG", "json")

    logging.getLogger("coder_cva.test").debug("one\ntwo")
    logging.getLogger("coder_cva.test").info("three")

    read = [json.loads(one) for one in capsys.readouterr().err.splitlines()]
    assert [one["message"] for one in read] == ["one\ntwo", "three"]


@pytest.mark.usefixtures("logging_kept")
def test_noise_of_libraries_is_left_out_and_their_troubles_are_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """kopf tells of each event that it was handled."""
    set_up("DEBUG", "text")

    logging.getLogger("kopf.objects").info("handled")
    logging.getLogger("kopf.objects").warning("trouble")

    assert [one.endswith("trouble") for one in capsys.readouterr().err.splitlines()] == [True]


@pytest.mark.parametrize(
    ("level", "form", "named"),
    [("INFO", "xml", "LOG_FORMAT='xml'"), ("LOUD", "json", "LOG_LEVEL='LOUD'")],
)
@pytest.mark.usefixtures("logging_kept")
def test_what_is_unknown_is_refused_with_the_name_of_its_variable(
    level: str, form: str, named: str
) -> None:
    """And nothing is changed then."""
    before = list(logging.getLogger().handlers)

    with pytest.raises(ValueError, match=named):
        set_up(level, form)

    assert logging.getLogger().handlers == before
