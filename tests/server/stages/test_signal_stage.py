"""The signal stage without a server: deadlines, work in progress, the order of messages."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from errors import CorruptFile
from formats.registry import read
from heads.cache import HeadCache
from intervals.neurokit.loading import load
from report.loading import load as load_report
from server.ipc.messages import (
    WHOLE_REQUEST,
    BodyParsed,
    Result,
    Slot,
    Task,
    TaskHead,
)
from server.ipc.shared_state import SharedState
from server.settings import Settings
from server.stages.cost_limit import CostLimit
from server.stages.parsed_request import Limits
from server.stages.signal import FilesToRead, NeedsIsolation, SignalStage
from server.start import choose_deployment
from signals.record import EcgRecord
from tests.server.ecgs import MSGPACK, Ecg, twelve_seconds

PID = 4321
ECG = twelve_seconds()
RECEIVED_S = 1.0
COST_LIMIT = CostLimit(cpu_seconds=10.0, memory_mb=100, memory_name="ECG_WORKER_MEMORY_MB")
FILES = "application/octet-stream"


@pytest.fixture
def stage(tmp_path: Path) -> SignalStage:
    settings = Settings(model="none", models_dir=tmp_path)
    state = SharedState(2, [], 1, 8)
    state.pid[1] = PID
    state.starts[1] = 1
    state.in_progress.enter(1, 1, PID)
    limits = Limits(max_body_bytes=10_000_000, max_records=5, max_seconds=20.0)
    deployment = choose_deployment(settings, cuda=False)
    return SignalStage(
        deployment, HeadCache(tmp_path), limits, COST_LIMIT, state, 1, load, load_report
    )


def task_of(
    stage: SignalStage,
    body: dict[str, Any] | bytes,
    *,
    uid: int = 7,
    fixed_deadline: bool = False,
    content_type: str = "application/json",
) -> Task:
    """A task that is awaited."""
    slot = Slot(uid % 8, uid)
    stage.state.slots[slot.index] = slot.generation
    deadline_s = time.monotonic() + 1000.0
    head = TaskHead(0, uid, slot, "assess_quality", "id", "json", RECEIVED_S, deadline_s)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Task(head, content_type, "", content, {}, fixed_deadline)


def extension_s(stage: SignalStage, task: Task) -> float:
    parsed = next(stage.run(task))
    assert isinstance(parsed, BodyParsed)
    return parsed.deadline_s - task.head.deadline_s


def test_the_deadline_is_extended_by_a_second_for_each_ten_of_signal(stage: SignalStage) -> None:
    # 12.4 s and 6 s of signal: 1.84 s.
    records = [ECG.json(), ECG.seconds(0, 6).json()]
    extension = extension_s(stage, task_of(stage, {"records": records}))
    assert extension == pytest.approx(1.84, abs=1e-9)
    binary = task_of(stage, ECG.msgpack(), content_type=MSGPACK)
    # Of a binary array the length counts as one lead of int16: 12 leads x 12.4 s x 2 = 298 s, but
    # no more than the longest recording, 20 s.
    assert extension_s(stage, binary) == pytest.approx(2.0, abs=1e-9)


def test_a_declared_length_beyond_the_limit_extends_no_further(stage: SignalStage) -> None:
    record = {"signal": [[0.0] * 5000] * 12, "fs": 1}
    extension = extension_s(stage, task_of(stage, {"records": [record, record]}))
    assert extension == pytest.approx(2 * 20.0 / 10, abs=1e-9)


@pytest.mark.parametrize("fs", [None, "500", True, 0, 0.5, -500, [500]])
def test_a_record_without_a_valid_rate_extends_nothing(stage: SignalStage, fs: object) -> None:
    assert extension_s(stage, task_of(stage, ECG.json() | {"fs": fs})) == 0


@pytest.mark.parametrize(
    ("signal", "samples"),
    [
        ([[0.0] * 90] * 2, 90),
        ([[0.0] * 2] * 90, 90),
        ([0.0] * 80, 80),
        ({"I": [0.0] * 30, "II": [0.0] * 70, "III": "x"}, 70),
        ([], 0),
        ({}, 0),
        ("AAAA", 0),
        (None, 0),
        ([None, [1.0] * 99], 2),
    ],
    ids=str,
)
def test_the_declared_length_of_each_form(stage: SignalStage, signal: object, samples: int) -> None:
    task = task_of(stage, {"signal": signal, "fs": 50})
    assert extension_s(stage, task) == pytest.approx(samples / 50 / 10, abs=1e-9)


def test_a_clients_deadline_is_not_extended(stage: SignalStage) -> None:
    assert extension_s(stage, task_of(stage, ECG.json(), fixed_deadline=True)) == 0


def test_each_recording_is_in_progress_before_its_work_begins(stage: SignalStage) -> None:
    task = task_of(stage, {"records": [ECG.json(), {}, ECG.json()]})

    def in_progress() -> set[tuple[int, int]]:
        return set(stage.state.in_progress.of_process([1], PID))

    messages = stage.run(task)
    parsed = next(messages)
    assert in_progress() == {(7, WHOLE_REQUEST)}
    assert isinstance(parsed, BodyParsed)
    assert (parsed.uid, parsed.count, parsed.many, parsed.pid) == (7, 3, True, PID)
    codes = []
    for index, message in enumerate(messages):
        assert in_progress() == {(7, index)}
        assert isinstance(message, Result)
        assert (message.uid, message.index) == (7, index)
        codes.append(message.error and message.error.code)
    assert codes == [None, "missing_field", None]


def test_only_the_recordings_asked_for_are_processed(stage: SignalStage) -> None:
    task = replace(task_of(stage, {"records": [ECG.json()] * 4}), only_indices=(3, 1))
    parsed, *results = stage.run(task)
    assert isinstance(parsed, BodyParsed)
    assert (parsed.count, parsed.only_indices) == (4, (3, 1))
    assert [result.index for result in results if isinstance(result, Result)] == [1, 3]


def test_a_request_that_nobody_awaits_is_dropped(stage: SignalStage) -> None:
    task = task_of(stage, {"records": [ECG.json()] * 3})
    messages = stage.run(task)
    assert isinstance(next(messages), BodyParsed)
    assert isinstance(next(messages), Result)
    stage.state.slots[task.head.slot.index] = 0
    assert list(messages) == []


def test_a_recording_after_the_deadline_is_refused(stage: SignalStage) -> None:
    task = task_of(stage, ECG.json(), fixed_deadline=True)
    late = replace(task, head=replace(task.head, deadline_s=time.monotonic() - 1))
    _, result = stage.run(late)
    assert isinstance(result, Result)
    assert result.error is not None and result.error.code == "deadline_exceeded"


def test_timings_are_in_milliseconds(stage: SignalStage) -> None:
    before = time.monotonic()
    _, result = stage.run(task_of(stage, ECG.json()))
    after = time.monotonic()
    elapsed_ms = 1000 * (after - before)
    assert isinstance(result, Result)
    timings = result.timings_ms
    assert 1000 * (before - RECEIVED_S) <= timings["queue"] <= 1000 * (after - RECEIVED_S)
    assert 0 < timings["parse"] < elapsed_ms
    assert 0 < timings["assemble"] < elapsed_ms


# Files


def csv_of(ecg: Ecg) -> bytes:
    rows = "\n".join(",".join(f"{value:.3f}" for value in row) for row in ecg.signal.T)
    return (",".join(ecg.lead_names) + "\n" + rows).encode()


def file_task(stage: SignalStage, *, uid: int = 7) -> Task:
    task = task_of(stage, csv_of(ECG), uid=uid, content_type=FILES)
    return replace(task, params={"fs": [f"{ECG.fs:g}"]})


def record_in(message: object) -> EcgRecord:
    """What the reader process would return."""
    assert isinstance(message, FilesToRead)
    return read(message.files.parts, message.files.hints, max_bytes=message.files.max_bytes)


def test_files_are_left_to_the_reader_process(stage: SignalStage) -> None:
    messages = stage.run(file_task(stage))
    asked = next(messages)
    assert isinstance(asked, FilesToRead)
    assert asked.head.uid == 7
    parsed = messages.send(record_in(asked))
    assert isinstance(parsed, BodyParsed) and parsed.count == 1
    # 12.4 s of signal.
    assert parsed.deadline_s - asked.head.deadline_s == pytest.approx(1.24, abs=1e-9)
    result = next(messages)
    assert isinstance(result, Result) and result.error is None


def test_an_error_of_the_reader_process_is_the_answer(stage: SignalStage) -> None:
    messages = stage.run(file_task(stage))
    next(messages)
    result = messages.send(CorruptFile("the file is cut off"))
    assert isinstance(result, Result)
    assert result.index == WHOLE_REQUEST
    assert result.error is not None and result.error.code == "corrupt_file"
    assert list(messages) == []


def test_what_is_being_read_is_in_progress_beside_other_work(stage: SignalStage) -> None:
    def in_progress() -> set[tuple[int, int]]:
        return set(stage.state.in_progress.of_process([1], PID))

    files = stage.run(file_task(stage, uid=7))
    asked = next(files)
    other = stage.run(task_of(stage, ECG.json(), uid=8))
    next(other)
    assert in_progress() == {(7, WHOLE_REQUEST), (8, WHOLE_REQUEST)}
    files.send(record_in(asked))
    assert in_progress() == {(7, WHOLE_REQUEST)}
    next(stage.run(task_of(stage, ECG.json(), uid=9)))
    assert in_progress() == {(9, WHOLE_REQUEST)}


NO_MEMORY = {"parsing": "read_request", "preparing": "prepare"}


def no_memory(*_: object, **__: object) -> None:
    raise MemoryError


@pytest.mark.parametrize("fails", ["parsing", "preparing"])
def test_without_memory_a_task_is_repeated_alone(
    stage: SignalStage, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(f"server.stages.signal.{NO_MEMORY[fails]}", no_memory)
        task = task_of(stage, {"records": [ECG.json()] * 2})
        *_, last = stage.run(task)
    assert isinstance(last, NeedsIsolation)
    only = {"parsing": None, "preparing": (1,)}[fails]
    assert last.task == replace(task, isolated=True, only_indices=only)
    *_, result = stage.run(last.task)
    assert isinstance(result, Result) and result.error is None


@pytest.mark.parametrize("fails", ["parsing", "preparing"])
def test_without_memory_one_request_fails_and_the_worker_goes_on(
    stage: SignalStage, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(f"server.stages.signal.{NO_MEMORY[fails]}", no_memory)
        *_, result = stage.run(replace(task_of(stage, ECG.json()), isolated=True))
    assert isinstance(result, Result)
    assert result.error is not None and result.error.code == "too_costly"
    assert "more than 100 MB" in result.error.detail
    assert "ECG_WORKER_MEMORY_MB" in result.error.detail
    *_, result = stage.run(task_of(stage, ECG.json()))
    assert isinstance(result, Result) and result.error is None
