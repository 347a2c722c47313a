"""The order in which a signal worker processes its open bodies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.ipc.messages import BodyParsed, Result
from server.stages.fair_scheduler import MAX_OPEN_BODIES, FairScheduler
from server.stages.signal import FilesToRead, SignalStage
from tests.server.stages.test_signal_stage import (
    file_task,
    no_memory,
    record_in,
    stage,
    task_of,
)

__all__ = ["stage"]  # a fixture


def steps(scheduler: FairScheduler) -> list[tuple[int, int]]:
    """(request, recording) of each result, until the scheduler is idle."""
    order = []
    while not scheduler.is_idle:
        _, sent = scheduler.step()
        order += [(message.uid, message.index) for message in sent if isinstance(message, Result)]
    return order


def test_bodies_are_processed_by_turns(stage: SignalStage) -> None:
    scheduler = FairScheduler(stage)
    scheduler.add(task_of(stage, {"records": [{}] * 3}, uid=1))
    scheduler.add(task_of(stage, {}, uid=2))
    scheduler.add(task_of(stage, {"records": [{}] * 2}, uid=3))
    assert steps(scheduler) == [(1, 0), (2, 0), (3, 0), (1, 1), (3, 1), (1, 2)]


def test_a_scheduler_has_room_for_a_few_bodies(stage: SignalStage) -> None:
    scheduler = FairScheduler(stage)
    assert scheduler.is_idle
    for uid in range(1, MAX_OPEN_BODIES + 1):
        assert scheduler.has_room
        scheduler.add(task_of(stage, {}, uid=uid))
    assert not scheduler.has_room
    assert not scheduler.is_idle
    steps(scheduler)
    assert scheduler.has_room


def test_an_isolated_task_runs_when_no_other_body_is_open(stage: SignalStage) -> None:
    scheduler = FairScheduler(stage)
    scheduler.add(task_of(stage, {"records": [{}] * 2}, uid=1))
    isolated = task_of(stage, {"records": [{}] * 2}, uid=2)
    scheduler.add(replace(isolated, isolated=True))
    assert not scheduler.has_room
    order = []
    while not scheduler.is_idle:
        http_process, sent = scheduler.step()
        assert http_process == 0
        order += [(message.uid, message.index) for message in sent if isinstance(message, Result)]
        assert scheduler.has_room == scheduler.is_idle or order[-1] == (2, 1)
    assert order == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert scheduler.has_room


def test_a_step_names_the_http_process_of_its_body(stage: SignalStage) -> None:
    scheduler = FairScheduler(stage)
    task = task_of(stage, {}, uid=5)
    scheduler.add(replace(task, head=replace(task.head, http_process=3)))
    http_process, sent = scheduler.step()
    assert http_process == 3
    assert [type(message) for message in sent] == [BodyParsed, Result]


def test_a_body_whose_files_are_read_holds_up_no_other(stage: SignalStage) -> None:
    scheduler = FairScheduler(stage)
    scheduler.add(file_task(stage, uid=1), reads_files=True)
    assert scheduler.has_room and not scheduler.has_room_for_files
    _, (asked,) = scheduler.step()
    assert isinstance(asked, FilesToRead)
    assert scheduler.is_idle
    assert scheduler.has_room and not scheduler.has_room_for_files
    scheduler.add(task_of(stage, {"records": [{}] * 2}, uid=2))
    assert steps(scheduler) == [(2, 0), (2, 1)]
    assert scheduler.is_idle
    scheduler.resume(record_in(asked))
    assert scheduler.has_room_for_files
    assert steps(scheduler) == [(1, 0)]
    assert scheduler.is_idle


def test_files_that_are_refused_at_once_leave_room_for_the_next(stage: SignalStage) -> None:
    scheduler = FairScheduler(stage)
    scheduler.add(replace(file_task(stage, uid=1), body=b""), reads_files=True)
    assert not scheduler.has_room_for_files
    assert len(steps(scheduler)) == 1
    assert scheduler.has_room_for_files


def test_an_isolated_task_waits_until_files_are_read(stage: SignalStage) -> None:
    scheduler = FairScheduler(stage)
    scheduler.add(file_task(stage, uid=1), reads_files=True)
    _, (asked,) = scheduler.step()
    scheduler.add(replace(task_of(stage, {}, uid=2), isolated=True))
    assert scheduler.is_idle
    assert not scheduler.has_room
    scheduler.resume(record_in(asked))
    assert steps(scheduler) == [(1, 0), (2, 0)]
    assert scheduler.has_room


def test_nothing_else_is_taken_while_the_files_of_an_isolated_task_are_read(
    stage: SignalStage,
) -> None:
    scheduler = FairScheduler(stage)
    scheduler.add(replace(file_task(stage, uid=1), isolated=True), reads_files=True)
    assert not scheduler.is_idle
    _, (asked,) = scheduler.step()
    assert scheduler.is_idle
    assert not scheduler.has_room and not scheduler.has_room_for_files
    scheduler.resume(record_in(asked))
    assert steps(scheduler) == [(1, 0)]
    assert scheduler.has_room and scheduler.has_room_for_files


def test_a_task_without_enough_memory_is_repeated_when_no_other_is_open(
    stage: SignalStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = FairScheduler(stage)
    scheduler.add(task_of(stage, {"records": [{}] * 3}, uid=1))
    with monkeypatch.context() as patched:
        patched.setattr("server.stages.signal.read_request", no_memory)
        scheduler.add(task_of(stage, {}, uid=2))
        _, sent = scheduler.step()
    assert sent == []
    assert not scheduler.has_room
    assert steps(scheduler) == [(2, 0), (1, 0), (1, 1), (1, 2)]
    assert scheduler.has_room


def test_files_are_read_again_if_there_was_no_memory_for_their_recording(
    stage: SignalStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = FairScheduler(stage)
    scheduler.add(file_task(stage, uid=1), reads_files=True)
    _, (asked,) = scheduler.step()
    scheduler.resume(record_in(asked))
    with monkeypatch.context() as patched:
        patched.setattr("server.stages.signal.prepare", no_memory)
        scheduler.step()
    assert not scheduler.has_room_for_files
    _, (asked,) = scheduler.step()
    scheduler.resume(record_in(asked))
    assert steps(scheduler) == [(1, 0)]
    assert scheduler.has_room_for_files
