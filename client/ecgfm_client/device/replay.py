"""Replays recordings at a speed, as if a device recorded them now.

A record is sent when its last sample would be recorded. Device time goes on at the recording's own
rate, and ends at the station's time when the replay ends: a recording that is replayed fast began
in the past, so that no record is ahead of the clock.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final

from ecgfm_client.device.device import StationDevice
from ecgfm_client.device.recordings import Due, Replayable
from ecgfm_client.errors import BufferFull, NoAnswer

# Records of one call of `send`, each of which waits for the disk.
MOST_AT_ONCE: Final = 100
# Without an acknowledgement for this time, a replay ends.
GIVE_UP_S: Final = 60.0
_LOOK_AGAIN_S: Final = 0.2


def replay(device: StationDevice, recording: Replayable, patient: str, speed: float) -> None:
    """Send a recording; its last records may still be in the device's buffer.

    speed  recorded seconds a second; 0 for as fast as the station acknowledges
    Raises UnusableInput, NoAnswer.
    """
    began_s = time.monotonic()
    start_ms = time.time_ns() // 1_000_000 - round(1000 * _past_s(recording.seconds, speed))
    for together in _due_together(recording.records(patient, start_ms), speed, began_s):
        try:
            device.send(*(due.record for due in together), wait_s=GIVE_UP_S)
        except BufferFull as error:
            raise NoAnswer(f"{device.status().fault or error}") from None
        _check(device)


def finish(device: StationDevice) -> None:
    """Wait until all is acknowledged. Raises NoAnswer where nothing is for GIVE_UP_S."""
    waiting, since_s = device.status().waiting, time.monotonic()
    while not device.wait_until_sent(_LOOK_AGAIN_S):
        _check(device)
        status = device.status()
        if status.waiting < waiting:
            waiting, since_s = status.waiting, time.monotonic()
        elif time.monotonic() - since_s > GIVE_UP_S:
            raise NoAnswer(status.fault or "no answer")


def _check(device: StationDevice) -> None:
    status = device.status()
    if status.is_refused and status.fault is not None:
        raise NoAnswer(status.fault)


def _past_s(seconds: float, speed: float) -> float:
    """Return how long ago a recording begins that is replayed from now on."""
    if speed == 0:
        return seconds
    return max(0.0, seconds - seconds / speed)


def _due_together(records: Iterable[Due], speed: float, began_s: float) -> Iterator[list[Due]]:
    """Yield records, those together that are due at the same time, when they are."""
    together: list[Due] = []
    for due in records:
        ahead_s = 0.0 if speed == 0 else began_s + due.after_s / speed - time.monotonic()
        if together and (ahead_s > 0 or len(together) == MOST_AT_ONCE):
            yield together
            together = []
        if ahead_s > 0:
            # The time of `yield` counts, too.
            time.sleep(max(0.0, began_s + due.after_s / speed - time.monotonic()))
        together.append(due)
    if together:
        yield together
