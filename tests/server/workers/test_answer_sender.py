"""Answers reach their HTTP process, or an error does; a full queue holds up no other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from server.ipc.channel import Channel
from server.ipc.messages import BodyParsed, Message, Result
from server.ipc.queues import Queues
from server.ipc.shared_state import UID_BITS, SharedState
from server.workers.answer_sender import AnswerSender
from tests.server.harness import no_descriptors_left

GUARD_S = 60.0  # keeps a failing test from hanging
LARGE = b"x" * 3_000_000  # passed on in a memory file
FIRST, SECOND = 1, (1 << UID_BITS) + 1  # uids of requests of HTTP processes 0 and 1


class Fixture:
    def __init__(self) -> None:
        self.state = SharedState(1, [], 2, 4)
        self.queues = Queues.for_http_processes(2)
        self.sender = AnswerSender(self.queues, self.state)
        self.state.slots[1] = FIRST
        self.state.slots[6] = SECOND

    def fill(self) -> int:
        """Send to HTTP process 0, which receives nothing, until its queue is full."""
        count = 0
        while not any(self.sender._kept):
            self.sender.send(0, [Result(FIRST, count, payload=b"y" * 20_000)])
            count += 1
        return count

    def received(self, http_process: int) -> list[Message]:
        messages: list[Message] = []
        while (found := self.queues.answers[http_process].try_receive()) is not None:
            messages += found
        return messages


@pytest.fixture
def fixture() -> Iterator[Fixture]:
    fixture = Fixture()
    yield fixture
    for slot in range(8):
        fixture.state.slots[slot] = 0
    _wait_for(lambda: not any(fixture.sender._kept))
    queues = fixture.queues
    for channel in (*queues.answers, *vars(queues).values()):
        if isinstance(channel, Channel):
            channel.close()


def _wait_for(condition: Callable[[], object]) -> None:
    until_s = time.monotonic() + GUARD_S
    while not condition():
        assert time.monotonic() < until_s, "it did not happen"
        time.sleep(0.02)


def test_a_process_that_receives_nothing_holds_up_no_other(fixture: Fixture) -> None:
    count = fixture.fill()
    fixture.sender.send(1, [Result(SECOND, 0, payload=b"z")])
    assert [message.uid for message in fixture.received(1)] == [SECOND]
    fixture.sender.send(0, [Result(FIRST, count, payload=LARGE)])
    # All of them, in order, as soon as there is room.
    found: list[Message] = []

    def receive() -> bool:
        found.extend(fixture.received(0))
        return len(found) > count

    _wait_for(receive)
    assert [message.index for message in found] == list(range(count + 1))  # type: ignore[union-attr]
    assert found[-1].payload == LARGE  # type: ignore[union-attr]


def test_what_is_kept_for_a_process_that_ended_is_dropped(fixture: Fixture) -> None:
    fixture.fill()
    fixture.state.free_slots(0)
    _wait_for(lambda: not any(fixture.sender._kept))


def test_an_answer_that_cannot_be_sent_becomes_an_error(
    fixture: Fixture, caplog: pytest.LogCaptureFixture
) -> None:
    parsed = BodyParsed(FIRST, 2, True, 1.0, 1, None)
    with no_descriptors_left(os.getpid()):
        fixture.sender.send(0, [parsed, Result(FIRST, 1, payload=LARGE)])
    found, result = fixture.received(0)
    assert found == parsed
    assert isinstance(result, Result) and result.index == 1
    assert result.error is not None and result.error.code == "not_queued"
    assert (result.error.status, result.error.retry_after_s) == (503, 1)
    assert "a message of the queue answers is lost" in caplog.text
