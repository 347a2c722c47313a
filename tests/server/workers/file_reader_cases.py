"""Files are read in a process of their own: what it may take, and what happens when it ends."""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from errors import CorruptFile, EcgError
from formats.hints import Hints
from formats.parts import Part
from server.ipc.messages import Slot, TaskHead
from server.ipc.shared_state import SharedState
from server.stages.cost_limit import MIB, CostLimit
from server.stages.parsed_request import UploadedFiles
from server.stages.signal import FilesToRead
from server.workers import reader_process
from server.workers.file_reader import FileReader, NurseryLost
from server.workers.reader_process import MAX_OPEN_FILES, fork_nursery
from signals.record import EcgRecord

GUARD_S = 60.0  # keeps a failing test from hanging
LIMIT = CostLimit(cpu_seconds=1.0, memory_mb=200, memory_name="ECG_READER_MEMORY_MB")
SLOT = Slot(0, 1)
CSV = b"I,II\n" + b"0.1,0.2\n" * 1000
RECORD = EcgRecord(np.zeros((1, 10), np.float32), 500.0, ("I",))

Read = Callable[..., EcgRecord]


class Reading:
    """A worker's file reader. `read` stands for formats.registry.read in the reader process."""

    def __init__(self, read: Read | None, monkeypatch: pytest.MonkeyPatch) -> None:
        if read is not None:
            monkeypatch.setattr(reader_process, "read", read)
        self.state = SharedState(1, [], 1, 1)
        self.state.slots[SLOT.index] = SLOT.generation
        self.nursery = fork_nursery(LIMIT)
        self.reader = FileReader(self.nursery, self.state, LIMIT)

    def job(self, data: bytes = CSV, *, seconds: float = GUARD_S) -> FilesToRead:
        now_s = time.monotonic()
        head = TaskHead(0, 1, SLOT, "assess_quality", "id", "json", now_s, now_s + seconds)
        return FilesToRead(head, UploadedFiles([Part("", data)], Hints(fs=500.0), MIB))

    def read(self, data: bytes = CSV) -> EcgRecord | EcgError:
        self.reader.start(self.job(data))
        readable, _, _ = select.select([self.reader], [], [], GUARD_S)
        assert readable, "no outcome"
        return self.reader.outcome()

    def error(self, data: bytes = CSV) -> EcgError:
        outcome = self.read(data)
        assert isinstance(outcome, EcgError), outcome
        return outcome


Start = Callable[[Read | None], Reading]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    started: list[Reading] = []

    def start(read: Read | None = None) -> Reading:
        started.append(Reading(read, monkeypatch))
        return started[-1]

    yield start
    for reading in started:
        reading.nursery.close()
    for process in _own_processes():
        with suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(GUARD_S)


def _own_processes() -> list[psutil.Process]:
    """Return this process's nurseries and their readers, not those of servers that tests share."""
    nurseries = [child for child in psutil.Process().children() if child.name() == "ecg-nursery"]
    return [*nurseries, *(reader for nursery in nurseries for reader in nursery.children())]


def first_does(action: Callable[[], object]) -> Read:
    """A reader that acts on the upload b"1" and reads every other one."""

    def read(parts: list[Part], hints: Hints, max_bytes: int) -> EcgRecord:
        if parts[0].data == b"1":
            action()
        return RECORD

    return read


def burn_cpu() -> None:
    while True:
        pass


def allocate() -> None:
    np.ones(2 * LIMIT.memory_bytes, np.uint8)


def end_by_signal() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def test_the_recording_is_that_of_the_file(start: Start) -> None:
    record = start(None).read()
    assert isinstance(record, EcgRecord)
    assert record.lead_names == ("I", "II")
    assert np.array_equal(record.signal, np.tile(np.float32([[0.1], [0.2]]), 1000))
    assert record.signal.flags.writeable


def test_the_errors_are_those_of_the_file(start: Start) -> None:
    reading = start(None)
    error = reading.error(b"%PDF")
    assert (error.code, error.status) == ("unknown_format", 415)
    assert error.detail.startswith("a PDF")
    assert isinstance(reading.read(), EcgRecord)


@pytest.mark.parametrize(
    ("action", "code", "words"),
    [
        (burn_cpu, "too_costly", "more than 1 s of CPU time"),
        (allocate, "too_costly", "more than 200 MB of memory"),
        (end_by_signal, "worker_crashed", "SIGSEGV"),
        (lambda: os._exit(3), "worker_crashed", "exit status 3"),
        (lambda: 1 / 0, "internal_error", "the log of the server"),
    ],
    ids=["cpu", "memory", "signal", "exit", "bug"],
)
def test_one_upload_fails_and_the_next_is_read(
    start: Start, action: Callable[[], object], code: str, words: str
) -> None:
    reading = start(first_does(action))
    error = reading.error(b"1")
    assert error.code == code
    assert words in error.detail
    assert isinstance(reading.read(), EcgRecord)
    assert isinstance(reading.read(), EcgRecord)


def test_the_traceback_of_a_bug_is_in_the_workers_log(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    start(first_does(lambda: 1 / 0)).error(b"1")
    (entry,) = caplog.records
    assert entry.exc_info is not None
    assert "ZeroDivisionError" in str(entry.exc_info[1])


def test_cpu_time_is_counted_for_each_upload(start: Start) -> None:
    def burn_part(parts: list[Part], hints: Hints, max_bytes: int) -> EcgRecord:
        # The limit is rounded up to whole seconds, which is what the kernel counts.
        until_s = time.process_time() + 0.7 * LIMIT.cpu_seconds
        while time.process_time() < until_s:
            pass
        return RECORD

    reading = start(burn_part)
    for _ in range(4):
        assert isinstance(reading.read(), EcgRecord)


def test_an_upload_that_nobody_awaits_is_given_up(start: Start) -> None:
    reading = start(first_does(lambda: time.sleep(GUARD_S)))
    reading.reader.start(reading.job(b"1"))
    assert reading.reader.give_up_if_overdue() is None
    assert reading.reader.is_busy
    reading.state.slots[SLOT.index] = 0
    error = reading.reader.give_up_if_overdue()
    assert error is not None and error.code == "deadline_exceeded"
    assert not reading.reader.is_busy
    assert isinstance(reading.read(), EcgRecord)


def test_an_upload_is_given_up_at_its_deadline(start: Start) -> None:
    reading = start(first_does(lambda: time.sleep(GUARD_S)))
    reading.reader.start(reading.job(b"1", seconds=-1.0))
    error = reading.reader.give_up_if_overdue()
    assert error is not None and error.code == "deadline_exceeded"


def _reader_pid() -> int:
    (pid,) = [process.pid for process in _own_processes() if process.name() == "ecg-reader"]
    return pid


def test_a_reader_that_ended_while_idle_is_replaced(start: Start) -> None:
    reading = start(None)
    assert isinstance(reading.read(), EcgRecord)
    killed = psutil.Process(_reader_pid())
    killed.kill()
    killed.wait(GUARD_S)
    assert isinstance(reading.read(), EcgRecord)


def test_without_its_nursery_the_reader_is_lost(start: Start) -> None:
    reading = start(None)
    assert isinstance(reading.read(), EcgRecord)
    reader = psutil.Process(_reader_pid())
    nursery = reader.parent()
    assert nursery is not None
    nursery.kill()
    reader.wait(GUARD_S)
    with pytest.raises(NurseryLost):
        reading.read()


def test_the_reader_has_no_file_of_the_server_and_can_write_none(
    start: Start, tmp_path: Path
) -> None:
    def report(parts: list[Part], hints: Hints, max_bytes: int) -> EcgRecord:
        fds = [int(path.name) for path in Path("/proc/self/fd").iterdir()]
        limits = [
            resource.getrlimit(kind)[1] for kind in (resource.RLIMIT_CORE, resource.RLIMIT_NOFILE)
        ]
        try:
            (tmp_path / "file").write_bytes(b"content")
            written = "written"
        except OSError as error:
            written = error.strerror
        raise CorruptFile(f"{len(fds)} {limits} {written}")

    with (tmp_path / "open").open("w"):
        error = start(report).error()
    # Three standard streams, the connection, and the listing itself.
    assert error.detail == f"5 [0, {MAX_OPEN_FILES}] File too large"
