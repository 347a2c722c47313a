"""Messages between processes arrive complete and once, whatever their size, and leak nothing."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from server.ipc.channel import Channel, LostMessage
from tests.server.harness import no_descriptors_left

SMALL, BIG = 10, 3_000_000  # values; the second is more than any socket is granted


@pytest.fixture
def channel() -> Iterator[Channel]:
    with contextlib.closing(Channel()) as opened:
        yield opened


def _descriptors() -> int:
    gc.collect()  # what earlier tests left in reference cycles holds descriptors too
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("size", [0, 1, SMALL, 30_000, BIG])
def test_an_array_arrives_as_it_was_sent(channel: Channel, size: int) -> None:
    sent = np.arange(size, dtype=np.float32)
    before = _descriptors()
    channel.send(("one", sent, {"two": sent[:3]}))
    name, found, rest = channel.receive()
    assert name == "one"
    np.testing.assert_array_equal(found, sent)
    np.testing.assert_array_equal(rest["two"], sent[:3])
    assert found.flags.aligned
    del found, rest
    assert _descriptors() == before


def test_messages_keep_their_order_and_an_empty_queue_says_so(channel: Channel) -> None:
    for number in range(50):
        assert channel.try_send(number)
    assert [channel.try_receive() for _ in range(51)] == [*range(50), None]


def test_a_full_queue_takes_no_more_until_something_is_taken(channel: Channel) -> None:
    message = np.zeros(10_000, np.float32)
    sent = 0
    while channel.try_send(message):
        sent += 1
    assert sent >= 4
    channel.receive()
    channel.receive()
    assert channel.try_send(message)


def _take_and_end(channel: Channel) -> None:
    channel.receive()
    os._exit(9)


def test_what_waits_outlives_who_took_the_message_before_it(channel: Channel) -> None:
    channel.send(("taken", np.zeros(BIG, np.float32)))
    channel.send(("waiting", np.ones(BIG, np.float32)))
    worker = multiprocessing.get_context("spawn").Process(target=_take_and_end, args=(channel,))
    worker.start()
    worker.join(30)
    assert worker.exitcode == 9
    name, found = channel.receive()
    assert name == "waiting" and found.all()
    assert channel.try_receive() is None


def test_the_time_of_the_oldest_message_is_read_without_taking_it(channel: Channel) -> None:
    assert channel.oldest_sent_s() is None
    times = [time.monotonic()]
    for size in (SMALL, BIG):
        channel.send(np.zeros(size, np.float32))
        times.append(time.monotonic())
    before = _descriptors()
    for earliest_s, latest_s, size in zip(times, times[1:], (SMALL, BIG), strict=False):
        for _ in range(3):
            sent_s = channel.oldest_sent_s()
            assert sent_s is not None and earliest_s <= sent_s <= latest_s
        # Looking at a message that is in a memory file leaves no descriptor behind.
        assert _descriptors() == before
        assert channel.receive().size == size
    assert channel.oldest_sent_s() is None


def test_a_message_that_cannot_be_received_names_its_request(channel: Channel) -> None:
    """The receiver has no descriptor left: the kernel then drops the one that was sent."""
    channel.send(np.zeros(BIG, np.float32), uid=2**40 + 7)
    channel.send("small", uid=8)
    with no_descriptors_left(os.getpid()):
        with pytest.raises(LostMessage, match="descriptor") as lost:
            channel.receive()
        assert channel.receive() == "small"
    assert lost.value.uid == 2**40 + 7
    assert channel.try_receive() is None


def test_a_message_for_which_there_is_no_memory_names_its_request(channel: Channel) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_receive_large, args=(channel,))
    child.start()
    child.join(60)
    assert child.exitcode == 0


def _receive_large(channel: Channel) -> None:
    channel.send(np.zeros(BIG, np.float32), uid=9)
    used_bytes = psutil.Process().memory_info().vms
    resource.setrlimit(resource.RLIMIT_AS, (used_bytes + 4 * BIG // 2, resource.RLIM_INFINITY))
    try:
        channel.receive()
    except LostMessage as lost:
        os._exit(0 if lost.uid == 9 else 2)
    os._exit(1)
