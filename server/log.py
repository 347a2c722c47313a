"""One structured line a request, and what the processes have to say. Never samples, names or file names."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from server.settings import Settings

access = logging.getLogger("ecg.access")


class TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = (
            f"{_timestamp(record)} {record.levelname.lower():7} {record.name} {record.getMessage()}"
        )
        fields = getattr(record, "fields", None)
        if fields:
            line += " " + " ".join(f"{name}={value}" for name, value in fields.items())
        return line + ("\n" + self.formatException(record.exc_info) if record.exc_info else "")


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _timestamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "fields", None) or {}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def configure_logging(settings: Settings) -> None:
    """The same lines from every process, on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if settings.log_json else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for noisy in ("litserve", "uvicorn", "uvicorn.error", "httpx", "asyncio"):
        logger = logging.getLogger(noisy)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(logging.WARNING, root.level))


def log_request(route: str, status: int, code: str, milliseconds: float, request_id: str) -> None:
    access.info(
        "request",
        extra={
            "fields": {
                "route": route,
                "status": status,
                "code": code or "-",
                "ms": round(milliseconds, 1),
                "request_id": request_id,
            }
        },
    )
