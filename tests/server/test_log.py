"""The log: one format for every process, as text or as JSON objects (ECG_LOG_JSON)."""

from __future__ import annotations

import json
import logging
import re

import pytest

from log_lines import JsonFormatter, TextFormatter, fields_of, hide_library_text, stack_of
from server.log import log_bug
from tests.server.ecgs import get, post
from tests.server.harness import RunningServer

TIME = r"2001-09-09T01:46:40\.500\+00:00"  # 1,000,000,000.5 s since 1970


def record(
    level: int, *, error: BaseException | None = None, name: str = "ecg.x", **fields: object
) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    entry = logging.LogRecord(name, level, "file", 1, "%d of %d", (2, 3), exc_info)
    entry.created = 1_000_000_000.5
    if fields:
        entry.fields = fields
    return entry


def test_a_line_of_text() -> None:
    line = TextFormatter().format(record(logging.WARNING, route="/analyze", ms=1.5))
    assert re.fullmatch(TIME + r" warning ecg\.x 2 of 3 route=/analyze ms=1\.5", line)
    assert re.fullmatch(TIME + r" info    ecg\.x 2 of 3", TextFormatter().format(record(20)))


def test_a_line_of_text_ends_with_the_traceback() -> None:
    line = TextFormatter().format(record(logging.ERROR, error=ValueError("why")))
    assert line.splitlines()[1:] == ["ValueError"]


def test_a_line_of_json() -> None:
    line = json.loads(JsonFormatter().format(record(logging.INFO, status=200)))
    assert re.fullmatch(TIME, line.pop("time"))
    assert line == {"level": "info", "logger": "ecg.x", "message": "2 of 3", "status": 200}
    failed = json.loads(JsonFormatter().format(record(logging.ERROR, error=ValueError("why"))))
    assert failed["exception"] == "ValueError"
    assert "status" not in failed


def test_a_bug_is_logged_and_answered_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("secret")
    except ValueError as error:
        answer = log_bug(logging.getLogger("ecg.test"), "id-7", error)
    (entry,) = caplog.records
    assert (entry.levelname, entry.getMessage()) == ("ERROR", "a request failed")
    assert fields_of(entry) == {"request_id": "id-7"}
    assert entry.exc_info is not None and entry.exc_info[1] is not None
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "secret" not in answer.detail


NAME = "Mustermann"


def caught(chained: bool) -> BaseException:
    try:
        try:
            float(NAME)
        except ValueError as error:
            if not chained:
                raise
            raise KeyError(NAME) from error
    except (ValueError, KeyError) as error:
        return error
    raise AssertionError


@pytest.mark.parametrize("chained", [False, True])
def test_an_exceptions_message_is_left_out_and_its_stack_kept(chained: bool) -> None:
    stack = stack_of(record(logging.ERROR, error=caught(chained), name="ecg.signal"))
    assert NAME not in stack
    assert stack.splitlines()[-1] == ("KeyError" if chained else "ValueError")
    assert stack.count("test_log.py") == 1 + chained
    assert ("\nValueError\nand then\n" in stack) == chained


def test_the_message_of_an_encoders_exception_is_kept() -> None:
    error = RuntimeError("CUDA out of memory")
    assert stack_of(record(40, error=error, name="ecg.model")) == "RuntimeError: CUDA out of memory"
    assert stack_of(record(40, error=error, name="ecg.modeling")) == "RuntimeError"


def test_an_operating_systems_error_has_its_number_but_no_file() -> None:
    assert stack_of(record(40, error=OSError(28, "full", "/mustermann"))) == "OSError: errno 28"


@pytest.mark.parametrize("name", ["pydicom", "py.warnings", "asyncio", "ecgs"])
def test_libraries_may_report_an_error_but_not_in_their_own_words(name: str) -> None:
    assert not hide_library_text(record(logging.WARNING, name=name))
    failed = record(logging.ERROR, name=name)
    assert hide_library_text(failed)
    assert failed.getMessage() == "error in file, line 1 (text not shown)"


@pytest.mark.parametrize("name", ["ecg.http", "litserve", "uvicorn.error"])
def test_lines_of_the_server_are_shown_as_they_are(name: str) -> None:
    shown = record(logging.INFO, name=name)
    assert hide_library_text(shown)
    assert shown.getMessage() == "2 of 3"


def test_every_line_of_a_server_is_a_json_object() -> None:
    with RunningServer(ECG_MODEL="none", ECG_LOG_JSON="true") as server:
        get(server, "/nothing")
        bad = post(server, "/analyze", json={}, headers={"X-Request-ID": "id-1"})
        assert bad.status_code == 422
        server.process.terminate()
        server.process.wait()
        lines = [json.loads(line) for line in server.log().splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    requests = [line for line in lines if line["logger"] == "ecg.access"]
    assert {(line["route"], line["status"], line["code"]) for line in requests} >= {
        ("other", 404, "not_found"),
        ("/analyze", 422, "missing_field"),
    }
    (entry,) = [line for line in requests if line["request_id"] == "id-1"]
    assert entry["message"] == "request"
    assert entry["level"] == "info"
    assert entry["ms"] > 0
    assert any(line["logger"] == "ecg.start" for line in lines)
