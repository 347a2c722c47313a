"""How log lines look, and what they never contain: samples, names of patients, names of files.

Our own lines are written without them. Two sources could still quote a client's file, and are cut:
the message of an exception (`float("Erika")` quotes its argument), and the lines and warnings of
libraries that read files.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final

# Their records below WARNING are of no use to an operator.
NOISY_LOGGERS: Final = ("litserve", "uvicorn", "uvicorn.error", "httpx", "asyncio")

# Loggers whose exceptions are logged with their message. They see tensors, devices and settings, no
# text of a client, and "CUDA out of memory" is what an operator needs to read.
MESSAGE_LOGGERS: Final = ("ecg.model", "ecg.model_worker", "ecg.start", "ecg.server", "litserve")
# Loggers whose lines are shown as they are; see `hide_library_text` for the others.
SHOWN_LOGGERS: Final = ("ecg", "litserve", "uvicorn", "opentelemetry")


class TextFormatter(logging.Formatter):
    """Time, level, logger, message, then fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower()
        line = f"{_timestamp(record)} {level:7} {record.name} {record.getMessage()}"
        for name, value in fields_of(record).items():
            line += f" {name}={value}"
        stack = stack_of(record)
        return f"{line}\n{stack}" if stack else line


class JsonFormatter(logging.Formatter):
    """One JSON object per line (ECG_LOG_JSON)."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _timestamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= fields_of(record)
        stack = stack_of(record)
        if stack:
            line["exception"] = stack
        return json.dumps(line)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    return getattr(record, "fields", None) or {}


def stack_of(record: logging.LogRecord) -> str:
    """Return the record's exception with its stack, "" if it has none.

    The exception's message is left out unless its logger is one of MESSAGE_LOGGERS.
    """
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return ""
    if _is_one_of(record.name, MESSAGE_LOGGERS):
        return "".join(traceback.format_exception(error)).rstrip()
    causes = [error]
    while (cause := causes[0].__cause__ or causes[0].__context__) and cause not in causes:
        causes.insert(0, cause)
    parts = [
        "".join(traceback.format_tb(cause.__traceback__)) + _type_of(cause) for cause in causes
    ]
    return "\nand then\n".join(parts)


def _type_of(error: BaseException) -> str:
    name = type(error).__name__
    # The number says more (no space, too many files); the name of the file stays out.
    return f"{name}: errno {error.errno}" if isinstance(error, OSError) and error.errno else name


def _is_one_of(logger: str, names: tuple[str, ...]) -> bool:
    return any(logger == name or logger.startswith(f"{name}.") for name in names)


def hide_library_text(record: logging.LogRecord) -> bool:
    """Drop what libraries log below ERROR; of their errors keep the place, not the text.

    A filter of the log's handlers. pydicom, for one, quotes a value that breaks the standard.
    """
    if _is_one_of(record.name, SHOWN_LOGGERS):
        return True
    if record.levelno < logging.ERROR:
        return False
    record.msg = f"error in {record.module}, line {record.lineno} (text not shown)"
    record.args = ()
    return True


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def log_to_stderr(level: str, *, as_json: bool) -> None:
    """Log to standard error in one format. Every process calls this."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    handler.addFilter(hide_library_text)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # LitServe and uvicorn install handlers; with them their records would appear twice.
    for name in NOISY_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(logging.WARNING, root.level))
