"""The outbox keeps messages for a full queue in order, and drops those no longer wanted."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from server import metric_families
from server.ipc.channel import Channel
from server.ipc.queues import Outbox, Queues
from tests.server.harness import no_descriptors_left

FILL = np.zeros(10_000, np.float32)


@dataclass(frozen=True)
class Item:
    uid: int
    content: np.ndarray


class Recorder:
    def __init__(self, channel: Channel) -> None:
        self.unwanted: set[int] = set()
        self.dropped = 0
        self.lost: list[int] = []
        self.outbox = Outbox[Item](channel, "items", self.is_wanted, self.on_dropped, self.on_lost)

    def is_wanted(self, message: Item) -> bool:
        return message.uid not in self.unwanted

    def on_lost(self, message: Item) -> None:
        self.lost.append(message.uid)

    def on_dropped(self) -> None:
        self.dropped += 1


@pytest.fixture
def channel() -> Iterator[Channel]:
    with contextlib.closing(Channel()) as opened:
        yield opened


def test_messages_for_a_full_queue_are_kept_in_order(channel: Channel) -> None:
    recorder = Recorder(channel)
    outbox = recorder.outbox
    count = 0
    while outbox.is_empty:
        outbox.put(Item(count, FILL))
        count += 1
    for number in range(count, count + 3):
        outbox.put(Item(number, FILL))
    received = []
    while (message := channel.try_receive()) is not None:
        received.append(message.uid)
        outbox.flush()
    assert received == list(range(count + 3))
    assert outbox.is_empty
    assert recorder.dropped == 0


def test_messages_that_nobody_wants_are_dropped(channel: Channel) -> None:
    recorder = Recorder(channel)
    outbox = recorder.outbox
    recorder.unwanted = {1, 2}
    for number in range(4):
        outbox.put(Item(number, FILL[:1]))
    assert outbox.is_empty
    assert [channel.receive().uid for _ in range(2)] == [0, 3]
    assert channel.try_receive() is None
    assert recorder.dropped == 2


def test_a_message_that_cannot_be_sent_is_reported_counted_and_logged(
    channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(channel)
    large = np.zeros(3_000_000, np.float32)  # passed on in a memory file
    before = _lost()
    with no_descriptors_left(os.getpid()):
        recorder.outbox.put(Item(3, large))
        recorder.outbox.put(Item(4, FILL[:1]))
    assert recorder.outbox.is_empty
    assert (recorder.lost, recorder.dropped) == ([3], 0)
    assert channel.receive().uid == 4
    assert channel.try_receive() is None
    assert [entry.levelname for entry in caplog.records] == ["ERROR"]
    assert "a message of the queue items is lost" in caplog.text
    assert _lost() == before + 1


def _lost() -> float:
    row = metric_families._Process.writer.row
    key = ("ecg_lost_messages",)
    return sum(row.cells[start] for found, start, _ in row.series() if found == key)


def test_each_http_process_has_its_queue_of_answers() -> None:
    queues = Queues.for_http_processes(3)
    items = (queues.single_items, queues.many_items)
    channels = [queues.tasks, queues.files, *items, *queues.answers]
    assert len(queues.answers) == 3
    assert len({id(channel) for channel in channels}) == 7
    for channel in channels:
        channel.close()
