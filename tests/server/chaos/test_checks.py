"""The checks of a chaos run notice what they are for."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psutil
import pytest

from tests.server.chaos.account import KILLED, LOST, MAIN_KILLED, Account
from tests.server.chaos.clients import Broken, Connection, NotAccepted
from tests.server.chaos.questions import (
    Fingerprints,
    PartlyRefused,
    Question,
    SwappedAnswer,
    WrongAnswer,
)
from tests.server.chaos.remains import (
    MIB,
    SHARED_MEMORY,
    Growth,
    Memory,
    Sample,
    remains_of,
)
from tests.server.harness import RunningServer, free_port

HEAD, BODY = b"POST / HTTP/1.1\r\n\r\n", b"body"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\nx-request-id: one\r\ncontent-length: 4\r\n\r\nbody"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    b"2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"
)


@pytest.fixture
def known() -> Fingerprints:
    """Fingerprints of two recordings."""
    fingerprints = Fingerprints()
    for number, value in enumerate((1.0, 2.0)):
        question = Question("features", (number,), f"n{number}")
        fingerprints.learn(question, _answer(question, value))
    return fingerprints


def _answer(question: Question, *values: float, **other: object) -> bytes:
    results = [
        {"id": name, "request_id": question.name, "features": [value, 0.5], **other}
        for name, value in zip(question.ids, values, strict=True)
    ]
    if question.kind == "many":
        return json.dumps({"results": results}).encode()
    return json.dumps(results[0]).encode()


def test_the_answer_to_the_recording_passes(known: Fingerprints) -> None:
    one = Question("features", (1,), "a")
    known.check(one, "a", _answer(one, 2.0))
    several = Question("many", (1, 0, 1), "b")
    known.check(several, "b", _answer(several, 2.0, 1.0, 2.0))


def test_another_ones_answer_is_noticed(known: Fingerprints) -> None:
    question = Question("features", (1,), "a")
    with pytest.raises(SwappedAnswer, match="recording 1 has the answer of 0"):
        known.check(question, "a", _answer(question, 1.0))
    with pytest.raises(SwappedAnswer, match="request b"):
        known.check(question, "b", _answer(question, 2.0))
    with pytest.raises(SwappedAnswer, match="id b-0"):
        known.check(question, "a", _answer(question, 2.0, id="b-0"))
    several = Question("many", (1, 0), "b")
    with pytest.raises(SwappedAnswer, match="recording 1 has the answer of 0"):
        known.check(several, "b", _answer(several, 1.0, 2.0))


def test_an_answer_of_no_recording_is_noticed(known: Fingerprints) -> None:
    question = Question("features", (1,), "a")
    with pytest.raises(WrongAnswer, match="no recording"):
        known.check(question, "a", _answer(question, 1.5))
    several = Question("many", (1, 0), "b")
    with pytest.raises(WrongAnswer, match="1 results for 2"):
        known.check(several, "b", json.dumps({"results": [{}]}).encode())
    with pytest.raises(PartlyRefused):
        known.check(several, "b", _answer(several, 2.0, 1.0, error={"status": 503}))


def test_recordings_that_are_too_alike_are_noticed(known: Fingerprints) -> None:
    question = Question("features", (0,), "a")
    known.learn(question, _answer(question, 2.0001))
    with pytest.raises(AssertionError):
        known.check_pool()


def test_a_broken_connection_is_lost_unless_this_test_broke_it() -> None:
    account = Account(1)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        account.note_doomed(psutil.Process(process.pid), [4001])
        process.kill()
    assert account.reason_of_break(4001, 0) == KILLED
    assert account.reason_of_break(4002, 0) == LOST
    account.note_opened(4001)  # the port of a new connection
    assert account.reason_of_break(4001, 0) == LOST
    account.note_main_killed()
    account.life += 1
    assert account.reason_of_break(4001, 0) == MAIN_KILLED
    assert account.reason_of_break(4001, 1) == LOST


def test_a_connection_says_whether_the_request_was_accepted() -> None:
    with _connected(CONTINUE, WHOLE) as connection:
        answer = connection.ask(HEAD, BODY)
        assert (answer.status, answer.request_id, answer.body) == (200, "one", b"body")
        assert not connection.must_close
    with _connected(CONTINUE, CHUNKED) as connection:
        assert connection.ask(HEAD, BODY).body == b"body"
        assert connection.must_close
    with _connected(WHOLE) as connection:  # refused before the body
        assert connection.ask(HEAD, BODY).status == 200
        assert connection.must_close
    with _connected() as connection, pytest.raises(NotAccepted):
        connection.ask(HEAD, BODY)
    for part in (b"", WHOLE[:-1], CHUNKED[:-3], WHOLE[:12]):
        with _connected(CONTINUE, part) as connection, pytest.raises(Broken):
            connection.ask(HEAD, BODY)
    with pytest.raises(NotAccepted):
        Connection(free_port())


@contextlib.contextmanager
def _connected(*parts: bytes) -> Iterator[Connection]:
    """Yield a connection to a server that sends the parts, one after the other, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                for part in parts:
                    connection.sendall(part)
                    if part == CONTINUE:
                        connection.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        with contextlib.closing(Connection(int(listener.getsockname()[1]))) as connection:
            yield connection
        thread.join()


def test_what_is_left_behind_is_found(tmp_path: Path) -> None:
    sleeper = [sys.executable, "-c", "input()"]
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        subprocess.Popen(sleeper, stdin=subprocess.PIPE, start_new_session=True) as process,
        tempfile.NamedTemporaryFile(dir=SHARED_MEMORY, prefix="ecg-test-") as shared,
    ):
        name = Path(shared.name).name
        port = int(listener.getsockname()[1])
        left_at_the_end: list[psutil.Process] = []
        server = SimpleNamespace(
            process=process, port=port, left_at_the_end=lambda: left_at_the_end
        )
        (tmp_path / "forgotten").touch()
        found = remains_of(cast(RunningServer, server), tmp_path, [name])
        assert [what.split()[0] for what in found] == ["process", "socket", "file", "shared"]
        process.kill()
    (tmp_path / "forgotten").unlink()
    assert remains_of(cast(RunningServer, server), tmp_path, [name]) == []


def test_growth_is_that_after_the_warm_up() -> None:
    """30 samples that grow by 1 MiB each; the first nine are the warm-up."""
    memory = Memory(cast(RunningServer, None))
    memory.keep(7, "main", [Sample(10 * n, n * MIB, 5 + n) for n in range(30)])
    (growth,) = memory.growths()
    assert growth == Growth("main", 7, 200, (12.0, 19.0, 26.0), descriptors=20)
    assert growth.mib == 14.0
