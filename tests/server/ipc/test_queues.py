"""The outbox keeps messages for a full queue in order, and drops those no longer wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import pytest

from server.ipc.channel import Channel
from server.ipc.queues import Outbox, Queues

FILL = np.zeros(10_000, np.float32)


class Recorder:
    def __init__(self) -> None:
        self.unwanted: set[int] = set()
        self.dropped = 0

    def is_wanted(self, message: tuple[int, np.ndarray]) -> bool:
        return message[0] not in self.unwanted

    def on_dropped(self) -> None:
        self.dropped += 1


@pytest.fixture
def channel() -> Iterator[Channel]:
    with contextlib.closing(Channel()) as opened:
        yield opened


def test_messages_for_a_full_queue_are_kept_in_order(channel: Channel) -> None:
    recorder = Recorder()
    outbox = Outbox[tuple[int, np.ndarray]](channel, recorder.is_wanted, recorder.on_dropped)
    count = 0
    while outbox.is_empty:
        outbox.put((count, FILL))
        count += 1
    for number in range(count, count + 3):
        outbox.put((number, FILL))
    received = []
    while (message := channel.try_receive()) is not None:
        received.append(message[0])
        outbox.flush()
    assert received == list(range(count + 3))
    assert outbox.is_empty
    assert recorder.dropped == 0


def test_messages_that_nobody_wants_are_dropped(channel: Channel) -> None:
    recorder = Recorder()
    outbox = Outbox[tuple[int, np.ndarray]](channel, recorder.is_wanted, recorder.on_dropped)
    recorder.unwanted = {1, 2}
    for number in range(4):
        outbox.put((number, FILL[:1]))
    assert outbox.is_empty
    assert [channel.receive()[0] for _ in range(2)] == [0, 3]
    assert channel.try_receive() is None
    assert recorder.dropped == 2


def test_a_message_that_cannot_be_sent_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    channel, recorder = Channel(), Recorder()
    outbox = Outbox[tuple[int, np.ndarray]](channel, recorder.is_wanted, recorder.on_dropped)
    channel.close()
    outbox.put((0, FILL))
    assert outbox.is_empty
    assert recorder.dropped == 1
    assert [entry.levelname for entry in caplog.records] == ["ERROR"]


def test_each_http_process_has_its_queue_of_answers() -> None:
    queues = Queues.for_http_processes(3)
    items = (queues.single_items, queues.many_items)
    channels = [queues.tasks, queues.files, *items, *queues.answers]
    assert len(queues.answers) == 3
    assert len({id(channel) for channel in channels}) == 7
    for channel in channels:
        channel.close()
