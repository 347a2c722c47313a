"""The requests in flight: messages of the workers, and what is repeated when a worker is lost."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import pytest

from errors import MalformedBody
from server.ipc.messages import (
    WHOLE_REQUEST,
    BodyParsed,
    RecordingKey,
    Result,
    SentToModel,
    Stage,
    Task,
    TaskHead,
)
from server.ipc.shared_state import SharedState
from server.workers import in_flight
from server.workers.in_flight import InFlightRequests, PendingRequest

# Pids above the kernel's limit (2^22), so that no process has them.
SIGNAL_PID, OTHER_SIGNAL_PID, MODEL_PID = 5_000_001, 5_000_002, 5_000_003
COUNT = 3
MAX_CPU_S = 20.0


class Fixture:
    """A table of two signal workers and a model worker, and the requests of one HTTP process."""

    def __init__(self) -> None:
        self.state = SharedState(2, ["cpu"], 1, 4)
        self.sent: list[Task] = []
        self.deadline_s = time.monotonic() + 130.0
        self.requests = InFlightRequests(self.state, 0, self.sent.append, MAX_CPU_S)

    def submit(self) -> PendingRequest:
        slot = self.requests.reserve()
        assert slot is not None
        head = TaskHead(
            0, slot.generation, slot, "analyze", "id", "json", 1.0, time.monotonic() + 100.0
        )
        return self.requests.submit(Task(head, "", "", b"{}", {}, False))

    def parsed(self, pending: PendingRequest, pid: int, count: int = COUNT) -> None:
        many = count > 1
        self.requests.receive([BodyParsed(pending.uid, count, many, self.deadline_s, pid, None)])

    def sent_to_model(self, pending: PendingRequest, *indices: int) -> None:
        self.requests.receive([SentToModel(pending.uid, index) for index in indices])

    def dies_with(self, stage: Stage, pid: int, *keys: RecordingKey) -> list[Task]:
        """End a new process of the stage's first row that works on these. Return what is sent."""
        row = self.state.rows[stage][0]
        self.state.starts[row] += 1
        self.state.in_progress.enter(row, self.state.starts[row], pid)
        self.state.set_in_progress(row, keys)
        self.sent.clear()
        self.requests.worker_died(stage, pid)
        return list(self.sent)


def on_loop(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def resend_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "RESEND_AFTER_S", 0.0)


async def later() -> None:
    """Let the event loop call what is due."""
    await asyncio.sleep(0.01)


def test_a_request_is_finished_with_its_last_result() -> None:
    http = Fixture()
    pending = http.submit()
    http.parsed(pending, SIGNAL_PID)
    assert (pending.count, pending.many, pending.deadline_s) == (COUNT, True, http.deadline_s)
    http.sent_to_model(pending, 0, 1)
    assert not pending.changed.is_set()
    for index in (2, 0):
        pending.changed.clear()
        http.requests.receive([Result(pending.uid, index, b"first")])
        assert pending.changed.is_set()
        assert not pending.is_finished
    http.requests.receive([Result(pending.uid, 0, b"again")])
    assert not pending.is_finished
    http.requests.receive([Result(pending.uid, 1, b"last")])
    assert pending.is_finished
    assert {index: result.payload for index, result in pending.results.items()} == {
        2: b"first",
        0: b"first",
        1: b"last",
    }


def test_messages_of_a_released_request_are_ignored() -> None:
    http = Fixture()
    pending = http.submit()
    http.requests.release(pending.task.head.slot)
    http.parsed(pending, SIGNAL_PID)
    assert pending.count is None
    assert http.requests.pending == {}


def test_slots_are_unique_and_reused() -> None:
    state = SharedState(1, [], 2, 2)
    first, second = (InFlightRequests(state, number, [].append, MAX_CPU_S) for number in (0, 1))
    slots = [requests.reserve() for requests in (first, first, second, second)]
    assert {slot.index for slot in slots if slot} == {0, 1, 2, 3}
    assert len({slot.generation for slot in slots if slot}) == 4
    assert first.reserve() is None and second.reserve() is None
    freed = slots[0]
    assert freed is not None
    first.release(freed)
    assert not state.is_awaited(freed)
    again = first.reserve()
    assert again is not None and again.index == freed.index
    assert again.generation != freed.generation


@pytest.mark.parametrize("stage", ["signal", "model"])
def test_a_recording_with_others_is_given_up_after_three_deaths(stage: Stage) -> None:
    """The first death does not show which recording caused it; the next two are in isolation."""

    async def test() -> None:
        http = Fixture()
        pending = http.submit()
        neighbour = http.submit()
        for request in (pending, neighbour):
            http.parsed(request, SIGNAL_PID)
        pid = SIGNAL_PID if stage == "signal" else MODEL_PID
        keys = [(pending.uid, 1)]
        if stage == "model":
            http.sent_to_model(pending, 1)
            http.sent_to_model(neighbour, 2)
            keys.append((neighbour.uid, 2))
        for _ in range(2):
            sent = http.dies_with(stage, pid, *keys)
            assert (pending.uid, (1,), True) in described(sent)
            assert pending.results == {}
            http.requests.receive(
                [BodyParsed(pending.uid, COUNT, True, 999.0, OTHER_SIGNAL_PID, (1,))]
            )
            if stage == "model":
                http.sent_to_model(pending, 1)
            else:
                pid = OTHER_SIGNAL_PID
            keys = [(pending.uid, 1)]
        sent = http.dies_with(stage, pid, *keys)
        assert all(uid != pending.uid for uid, _, _ in described(sent))
        error = pending.results[1].error
        assert error is not None and error.code == "worker_crashed"
        # The deadline of the first parse counts, however often the body is parsed.
        assert pending.deadline_s == http.deadline_s

    on_loop(test)


def test_the_only_recording_of_a_batch_is_given_up_after_two_deaths() -> None:
    async def test() -> None:
        http = Fixture()
        pending = http.submit()
        http.parsed(pending, SIGNAL_PID)
        http.sent_to_model(pending, 1)
        assert described(http.dies_with("model", MODEL_PID, (pending.uid, 1))) == [
            (pending.uid, (1,), True)
        ]
        http.sent_to_model(pending, 1)
        assert http.dies_with("model", MODEL_PID, (pending.uid, 1)) == []
        error = pending.results[1].error
        assert error is not None and error.code == "worker_crashed"
        assert set(pending.results) == {1}

    on_loop(test)


def test_a_body_that_ends_its_parser_is_given_up_after_three_deaths() -> None:
    async def test() -> None:
        http = Fixture()
        pending = http.submit()
        for _ in range(2):
            sent = http.dies_with("signal", SIGNAL_PID, (pending.uid, WHOLE_REQUEST))
            assert described(sent) == [(pending.uid, None, True)]
        assert http.dies_with("signal", SIGNAL_PID, (pending.uid, WHOLE_REQUEST)) == []
        assert pending.is_finished
        assert pending.failure is not None and pending.failure.code == "worker_crashed"

    on_loop(test)


def test_of_an_open_body_the_recording_in_progress_is_isolated_and_the_rest_repeated() -> None:
    async def test() -> None:
        http = Fixture()
        pending = http.submit()
        http.parsed(pending, SIGNAL_PID, count=4)
        http.requests.receive([Result(pending.uid, 0, b"done")])
        sent = http.dies_with("signal", SIGNAL_PID, (pending.uid, 1))
        assert described(sent) == [(pending.uid, (1,), True), (pending.uid, (2, 3), False)]
        # Parsed once, the deadline is not extended again.
        assert all(task.fixed_deadline and task.head.deadline_s == http.deadline_s for task in sent)

    on_loop(test)


def test_a_recording_whose_parser_died_before_it_was_sent_is_repeated() -> None:
    """SentToModel is sent before the recording itself."""

    async def test() -> None:
        http = Fixture()
        pending = http.submit()
        http.parsed(pending, SIGNAL_PID)
        http.sent_to_model(pending, 0, 1)
        row = http.state.rows["model"][0]
        own_pid = alive_pid()
        http.state.starts[row] = 1
        http.state.pid[row] = own_pid
        http.state.ready[row] = 1
        http.state.in_progress.enter(row, 1, own_pid)
        http.state.set_in_progress(row, [(pending.uid, 0)])
        sent = http.dies_with("signal", SIGNAL_PID, (pending.uid, 2))
        assert described(sent) == [(pending.uid, (2,), True), (pending.uid, (1,), False)]

    on_loop(test)


def test_what_another_worker_has_is_left_to_it() -> None:
    async def test() -> None:
        http = Fixture()
        pending = http.submit()
        http.parsed(pending, OTHER_SIGNAL_PID)
        assert http.dies_with("signal", SIGNAL_PID) == []

    on_loop(test)


def test_what_waited_for_a_dead_worker_is_sent_again_a_little_later() -> None:
    async def test() -> None:
        http = Fixture()
        unparsed, at_model, finished, failed = (http.submit() for _ in range(4))
        error = MalformedBody("bad")
        http.requests.receive([Result(failed.uid, WHOLE_REQUEST, error=error)])
        assert failed.is_finished and failed.failure is error
        http.parsed(at_model, OTHER_SIGNAL_PID)
        http.sent_to_model(at_model, 0)
        http.parsed(finished, OTHER_SIGNAL_PID, count=1)
        http.requests.receive([Result(finished.uid, 0, b"done")])
        assert http.dies_with("signal", SIGNAL_PID) == []
        await later()
        # The recordings 1 and 2 are with a worker that is not alive either.
        assert described(http.sent) == [
            (unparsed.uid, None, False),
            (at_model.uid, (1, 2), False),
        ]
        assert http.dies_with("model", MODEL_PID) == []
        await later()
        assert described(http.sent) == [(at_model.uid, (0,), False)]

    on_loop(test)


def test_what_a_live_worker_has_is_not_sent_again() -> None:
    async def test() -> None:
        http = Fixture()
        held, sent_after = http.submit(), http.submit()
        row = http.state.rows["signal"][1]
        http.state.starts[row] = 1
        http.state.pid[row] = alive_pid()
        http.state.ready[row] = 1
        http.parsed(held, alive_pid())
        assert http.dies_with("signal", SIGNAL_PID) == []
        sent_after.body.sent_s += 60.0
        await later()
        assert http.sent == []

    on_loop(test)


def described(tasks: list[Task]) -> list[tuple[int, tuple[int, ...] | None, bool]]:
    return [(task.head.uid, task.only_indices, task.isolated) for task in tasks]


def alive_pid() -> int:
    return os.getpid()


def dies_too_costly(http: Fixture, *keys: RecordingKey) -> list[Task]:
    """End a signal worker that was killed for the first of these."""
    row = http.state.rows["signal"][0]
    http.state.starts[row] += 1
    http.state.in_progress.enter(row, http.state.starts[row], SIGNAL_PID)
    http.state.set_in_progress(row, keys)
    http.state.in_progress.set_too_costly(row, http.state.starts[row])
    http.sent.clear()
    http.requests.worker_died("signal", SIGNAL_PID)
    return list(http.sent)


def test_a_body_that_takes_too_much_cpu_time_is_refused_and_not_repeated() -> None:
    async def test() -> None:
        http = Fixture()
        pending, read_meanwhile = http.submit(), http.submit()
        keys = [(pending.uid, WHOLE_REQUEST), (read_meanwhile.uid, WHOLE_REQUEST)]
        sent = dies_too_costly(http, *keys)
        assert described(sent) == [(read_meanwhile.uid, None, True)]
        assert pending.failure is not None and pending.failure.code == "too_costly"
        assert "20 s" in pending.failure.detail

    on_loop(test)


@pytest.mark.parametrize(("index", "refused"), [(1, {1}), (WHOLE_REQUEST, {0, 1, 2})])
def test_a_recording_that_takes_too_much_cpu_time_is_refused_alone(
    index: int, refused: set[int]
) -> None:
    async def test() -> None:
        http = Fixture()
        pending = http.submit()
        http.parsed(pending, SIGNAL_PID)
        sent = dies_too_costly(http, (pending.uid, index))
        codes = {index: result.error and result.error.code for index, result in _results(pending)}
        assert codes == dict.fromkeys(refused, "too_costly")
        again = {index for _, indices, _ in described(sent) for index in indices or ()}
        assert again == {0, 1, 2} - refused

    on_loop(test)


def _results(pending: PendingRequest) -> list[tuple[int, Result]]:
    return list(pending.results.items())


def test_what_is_past_its_deadline_is_not_repeated() -> None:
    async def test() -> None:
        http = Fixture()
        late, timely = http.submit(), http.submit()
        late.deadline_s = time.monotonic() - 0.1
        keys = [(late.uid, WHOLE_REQUEST), (timely.uid, WHOLE_REQUEST)]
        assert described(http.dies_with("signal", SIGNAL_PID, *keys)) == [(timely.uid, None, True)]
        assert not late.is_finished

    on_loop(test)


def test_a_body_whose_first_recording_ends_its_worker_is_isolated() -> None:
    """The number of recordings arrives only with the first one's result."""

    async def test() -> None:
        http = Fixture()
        pending = http.submit()
        sent = http.dies_with("signal", SIGNAL_PID, (pending.uid, 0))
        assert described(sent) == [(pending.uid, None, True)]

    on_loop(test)
