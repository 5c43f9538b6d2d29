"""Logs as text for people or as JSON for collectors."""

import json
import logging
import sys
from typing import Final

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_NOISY: Final = ("kopf", "aiohttp.access")
"""They tell of each event that it was handled. What a pass did is told by us; their troubles still show."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and whatever was passed as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        extra = {
            k: v for k, v in vars(record).items() if k not in _STANDARD and not k.startswith("k8s_")
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({**extra, **line}, default=str)


def set_up(level: str, form: str) -> None:
    """Sends all logs to standard error in the form ``text`` or ``json``.

    Raises:
        ValueError: the form or the level is unknown; the message names the variable.
    """
    if form not in ("text", "json"):
        raise ValueError(f"LOG_FORMAT={form!r} is unknown: use text or json")
    if level not in logging.getLevelNamesMapping():
        raise ValueError(f"LOG_LEVEL={level!r} is unknown: use DEBUG, INFO, WARNING or ERROR")
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It warns that signals do not reach it: they are ours.
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)
