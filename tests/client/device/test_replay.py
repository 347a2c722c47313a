"""Replays: which records a recording becomes, and when each is sent."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from ecgfm_client import Beat, Stretch, UnusableInput
from ecgfm_client.device import replay as replay_module
from ecgfm_client.device.frames import Record
from ecgfm_client.device.recordings import BeatTable, Due, SignalRecording
from ecgfm_client.device.replay import MOST_AT_ONCE

from tests.data import SHARED, requires_shared

SAMPLE = SHARED / "mitbih" / "kaggle_layout_sample.csv"


class Clock:
    """A clock that only sleeping moves, in place of the module time."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def time_ns(self) -> int:
        return round(self.now_s * 1_000_000_000)


class Device:
    """Notes what is sent, and when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.sent: list[tuple[float, list[Record]]] = []

    def send(self, *records: Record, wait_s: float) -> None:
        self.sent.append((self._clock.now_s, list(records)))

    def status(self) -> Device:
        return self

    is_refused = False
    fault = None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(replay_module, "time", clock)
    return clock


def replayed(clock: Clock, seconds: float, speed: float, fs: float = 250.0) -> Device:
    device = Device(clock)
    signal = np.arange(round(seconds * fs), dtype=np.float32)[np.newaxis]
    recording = SignalRecording("r", signal, fs, ["II"])
    replay_module.replay(device, recording, "p-1", speed)  # type: ignore[arg-type]
    return device


def times_ms(device: Device) -> list[int]:
    return [record.time_ms for _, records in device.sent for record in records]


def test_a_signal_is_cut_into_seconds_without_a_loss(clock: Clock) -> None:
    device = replayed(clock, 2.5, 1.0, fs=360.0)
    records = [record for _, together in device.sent for record in together]
    assert all(isinstance(record, Stretch) for record in records)
    assert [record.samples.shape for record in records] == [(1, 360), (1, 360), (1, 180)]
    joined = np.concatenate([record.samples[0] for record in records])
    assert np.array_equal(joined, np.arange(900))


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0, 60.0])
def test_a_record_is_sent_when_its_last_sample_is_recorded(clock: Clock, speed: float) -> None:
    device = replayed(clock, 10, speed)
    assert [sent_s for sent_s, _ in device.sent] == pytest.approx(
        [1000 + (number + 1) / speed for number in range(10)]
    )


@pytest.mark.parametrize("speed", [1.0, 4.0, 60.0])
def test_the_recording_ends_when_the_replay_does(clock: Clock, speed: float) -> None:
    times = times_ms(replayed(clock, 10, speed))
    assert np.diff(times).tolist() == [1000] * 9
    assert times[-1] + 1000 == round(clock.now_s * 1000)


def test_a_slow_replay_begins_now_and_is_never_ahead_of_the_clock(clock: Clock) -> None:
    assert times_ms(replayed(clock, 3, 0.5)) == [1_000_000, 1_001_000, 1_002_000]


def test_without_a_speed_nothing_is_waited_for_and_records_are_sent_together(clock: Clock) -> None:
    device = replayed(clock, MOST_AT_ONCE + 5, 0)
    assert clock.now_s == 1000.0
    assert [len(records) for _, records in device.sent] == [MOST_AT_ONCE, 5]
    assert times_ms(device)[0] == 1_000_000 - (MOST_AT_ONCE + 5) * 1000


def test_what_is_overdue_is_sent_at_once(clock: Clock) -> None:
    """A slow disk or a sleeping laptop does not make a replay longer."""
    together = replay_module._due_together
    records = [Due(after_s, Beat("p", 0, np.zeros(187))) for after_s in (1.0, 2.0, 3.0, 4.0)]
    sent = []
    for group in together(records, 1.0, 1000.0):
        sent.append((clock.now_s, len(group)))
        clock.now_s += 2.5 if len(sent) == 1 else 0
    assert sent == [(1001.0, 1), (1003.5, 2), (1004.0, 1)]


def table(*rows: Iterable[float], name: str = "beats") -> BeatTable:
    text = "\n".join(",".join(f"{value:.18e}" for value in row) for row in rows) + "\n\n"
    return BeatTable.of(name, lambda: io.BytesIO(text.encode()))


def test_beats_have_their_classes_and_numbers() -> None:
    samples = np.linspace(0, 1, 187)
    kaggle = table([*samples, 0], [*samples, 2])
    assert (kaggle.beats, kaggle.seconds) == (2, 2.0)
    first, second = kaggle.records("p-1", 5000)
    assert isinstance(second.record, Beat)
    assert (second.record.beat_class, second.record.time_ms, second.after_s) == ("V", 6000, 2.0)
    assert np.array_equal(first.record.samples, samples)
    numbered = table([17, *samples, 1], [2**53 - 1, *samples, 4])
    assert [due.record.patient for due in numbered.records("n-{number}", 0)] == [
        "n-17",
        f"n-{2**53 - 1}",
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.0] * 187, "beats: beat 2 has 187 values; 187 samples and a class are needed"),
        ([0.0] * 187 + [5.0], "beats: beat 2 has the class 5; 0 to 4 for N, S, V, F, Q"),
        ([0.0] * 187 + [0.5], "beats: beat 2 has the class 0.5"),
        ([0.0] * 187 + [float("nan")], "beats: beat 2 has the class nan"),
        ([1.5] + [0.0] * 188, "beats: beat 2 begins with 1.5, no whole number"),
        ([float("nan")] + [0.0] * 188, "beats: beat 2 begins with nan"),
    ],
)
def test_a_row_that_is_no_beat_is_named(row: list[float], message: str) -> None:
    records = table([0.0] * 188, row).records("p", 0)
    next(records)
    with pytest.raises(UnusableInput) as refused:
        next(records)
    assert str(refused.value).startswith(message)


def test_a_header_line_is_named() -> None:
    text = b"a,b\n"
    records = BeatTable.of("beats", lambda: io.BytesIO(text)).records("p", 0)
    with pytest.raises(UnusableInput, match="beat 1 has a value that is not a number"):
        next(records)


@requires_shared
def test_the_sample_of_kaggles_layout(tmp_path: Path) -> None:
    sample = BeatTable.of("sample", lambda: SAMPLE.open("rb"))
    records = list(sample.records("p", 0))
    assert len(records) == sample.beats == 40
    classes = [due.record.beat_class for due in records if isinstance(due.record, Beat)]
    assert {name: classes.count(name) for name in "NSVFQ"} == dict.fromkeys("NSVFQ", 8)
