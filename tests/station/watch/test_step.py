"""What a stream gives does not depend on how its records arrive."""

import functools
import random

import hypothesis
from hypothesis import strategies

from signals.synthetic.catalogue import EXAMPLES
from station.watch.order import StreamRecord
from station.watch.outputs import Outputs
from station.watch.step import Watch
from tests.station.watch.streams import records_of, synthetic, together, watched

SECONDS = 24
LOST = {(1, 9), (2, 12), (2, 13), (2, 14), (2, 15)}  # (stream, record)


@functools.cache
def ward() -> tuple[StreamRecord, ...]:
    """Return the records of three patients, in the order of time; some are missing."""
    hearts = [case.heart for case in EXAMPLES[:3]]
    streams = [
        records_of(synthetic(heart, SECONDS)[: 1 + place % 2], 250.0, stream=place)
        for place, heart in enumerate(hearts)
    ]
    there = [each for stream in streams for each in stream if (each.stream, each.seq) not in LOST]
    return tuple(sorted(there, key=lambda each: (each.device_ms, each.stream)))


@functools.cache
def undisturbed() -> Outputs:
    return watched(ward())


def renumbered(records: list[StreamRecord]) -> list[StreamRecord]:
    return [
        StreamRecord(r.stream, number, r.seq, r.device_ms, r.fs_hz, r.leads, r.signal)
        for number, r in enumerate(records)
    ]


@hypothesis.settings(max_examples=12, deadline=None)
@hypothesis.given(strategies.integers(0, 2**32))
def test_any_order_within_two_seconds_doubles_and_restarts_give_the_same(seed: int) -> None:
    chance = random.Random(seed)
    delays = {id(each): each.device_ms + chance.uniform(0, 1990) for each in ward()}
    shuffled = sorted(ward(), key=lambda each: delays[id(each)])
    doubled = [each for r in shuffled for each in [r] * (1 + (chance.random() < 0.1))]
    records = renumbered(doubled)
    watch, outputs, place = Watch(), [], 0
    kept: tuple[int, dict[int, bytes]] = (0, {})
    while place < len(records):
        count = chance.choice([1, 3, 20])
        outputs.append(watch.step(records[place : place + count]))
        place += count
        if chance.random() < 0.2:
            kept = place, {stream: watch.snapshot(stream) for stream in watch.streams()}
        if chance.random() < 0.1:  # killed: go on from the last snapshots
            watch, (place, snapshots) = Watch(), kept
            for stream, snapshot in snapshots.items():
                watch.restore(stream, snapshot)
            place = max(0, place - chance.randrange(10))
    outputs += [watch.end(stream) for stream in watch.streams()]
    found, expected = together(outputs), undisturbed()
    assert found.beats == expected.beats
    assert found.windows == expected.windows
    assert found.gaps == expected.gaps
    assert found.conditions == expected.conditions


def test_the_ward_has_beats_windows_and_gaps() -> None:
    found = undisturbed()
    assert {beat.stream for beat in found.beats} == {0, 1, 2}
    assert len(found.beats) > 60
    assert {window.stream for window in found.windows} == {0, 1, 2}
    assert [(gap.stream, gap.end_ms - gap.start_ms) for gap in found.gaps] == [(1, 1000), (2, 4000)]


def test_a_stream_whose_rate_changes_begins_anew() -> None:
    heart = EXAMPLES[0].heart
    slow = records_of(synthetic(heart, 12, fs=125), 125.0)
    fast = records_of(synthetic(heart, 12, fs=500), 500.0, zero_ms=slow[-1].device_ms + 1000)
    watch = Watch()
    shifted = [
        StreamRecord(1, 100 + r.number, 100 + r.seq, r.device_ms, r.fs_hz, r.leads, r.signal)
        for r in fast
    ]
    outputs = [watch.step([each]) for each in [*slow, *shifted]]
    beats = [beat.at_ms for part in outputs for beat in part.beats]
    assert beats == sorted(beats)
    assert len(beats) > 18
