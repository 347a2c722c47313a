"""Watch pieces of a long recording side by side: each is a stream of one watch."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis.holter.rhythm import Episode
from formats.stretches.recording import LongRecording
from station.holter.pieces import Piece
from station.watch.held import BEGINS_AFTER_S, ENDS_AFTER_S
from station.watch.order import StreamRecord
from station.watch.outputs import BEAT_CLASSES, Condition, Outputs
from station.watch.step import Watch

Array = NDArray[np.float64]

SECOND_MS: Final = 1000
# Times of the watch's streams: those of a recording begin here, so that none is negative.
ZERO_MS: Final = 1_000_000_000_000
MAX_STEP_BYTES: Final = 32_000_000
MAX_STEP_S: Final = 60
# After the end of the recording: the last beats become final, docs/watching.md, and what held at
# the end ends by its own hold.
SILENCE_S: Final = 4 + max(ENDS_AFTER_S.values())


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in one piece, by time.

    beat_s      (beats,) seconds from the recording's start
    label       (beats,) index of the class
    interval_s  (beats,) since the beat before; NaN after a gap
    window_s    (windows,) start of each window of ten seconds, in seconds
    known       (windows,) share with a signal
    episodes    times in which a rule held; its hold before it begins and ends is taken off
    """

    piece: Piece
    beat_s: Array
    label: NDArray[np.int8]
    interval_s: Array
    window_s: Array
    known: Array
    episodes: tuple[Episode, ...]


@dataclass(slots=True)
class _Growing:
    """What a piece has given so far: numbers rather than objects, of which a day has 100,000."""

    beat_ms: array[int] = field(default_factory=lambda: array("q"))
    label: array[int] = field(default_factory=lambda: array("b"))
    interval_ms: array[float] = field(default_factory=lambda: array("d"))
    window_ms: array[int] = field(default_factory=lambda: array("q"))
    known: array[float] = field(default_factory=lambda: array("d"))
    conditions: list[Condition] = field(default_factory=list)


def watch_pieces(recording: LongRecording, pieces: Sequence[Piece]) -> list[Found]:
    """Return what the watch finds in each piece. Raises CorruptFile, OSError."""
    watch = Watch()
    found = {piece.number: _Growing() for piece in pieces}
    step_s = _step_s(recording, len(pieces))
    for records in _steps(recording, pieces, step_s):
        _add(found, watch.step(records))
    for stream in watch.streams():
        _add(found, watch.end(stream))
    return [_arrays(piece, found[piece.number]) for piece in pieces]


def _step_s(recording: LongRecording, pieces: int) -> int:
    second_bytes = pieces * len(recording.lead_names) * recording.fs * 4
    return int(min(max(MAX_STEP_BYTES / second_bytes, 1), MAX_STEP_S))


def _steps(
    recording: LongRecording, pieces: Sequence[Piece], step_s: int
) -> Iterator[list[StreamRecord]]:
    """Yield the next seconds of all pieces that have some."""
    longest_s = max(piece.to_s - piece.from_s for piece in pieces)
    for number in range(int(longest_s / step_s) + 1):
        records = []
        for piece in pieces:
            start_s = piece.from_s + number * step_s
            stop_s = min(start_s + step_s, piece.to_s)
            if start_s < piece.to_s:
                records.append(_record(recording, piece, number, start_s, stop_s))
        yield records


def _record(
    recording: LongRecording, piece: Piece, number: int, start_s: float, stop_s: float
) -> StreamRecord:
    first, stop = round(start_s * recording.fs), round(stop_s * recording.fs)
    signal = recording.read(first, stop)
    if stop >= recording.samples:
        silence = np.full((len(signal), round(SILENCE_S * recording.fs)), np.nan, np.float32)
        signal = np.concatenate([signal, silence], axis=1)
    at_ms = ZERO_MS + round(first * SECOND_MS / recording.fs)
    return StreamRecord(
        piece.number, number, number, at_ms, recording.fs, recording.lead_names, signal
    )


def _add(found: dict[int, _Growing], outputs: Outputs) -> None:
    for beat in outputs.beats:
        growing = found[beat.stream]
        growing.beat_ms.append(beat.at_ms)
        growing.label.append(BEAT_CLASSES.index(beat.label))
        growing.interval_ms.append(math.nan if beat.interval_ms is None else beat.interval_ms)
    for window in outputs.windows:
        growing = found[window.stream]
        growing.window_ms.append(window.start_ms)
        growing.known.append(window.known)
    for condition in outputs.conditions:
        found[condition.stream].conditions.append(condition)


def _arrays(piece: Piece, growing: _Growing) -> Found:
    return Found(
        piece,
        _seconds(growing.beat_ms),
        np.array(growing.label, np.int8),
        np.array(growing.interval_ms, np.float64) / SECOND_MS,
        _seconds(growing.window_ms),
        np.array(growing.known, np.float64),
        tuple(_episodes(growing.conditions)),
    )


def _seconds(times_ms: Sequence[int]) -> Array:
    seconds: Array = (np.array(times_ms, np.float64) - ZERO_MS) / SECOND_MS
    return seconds


def _episodes(conditions: Sequence[Condition]) -> Iterator[Episode]:
    """Return the times of conditions; `Watch.end` ends those that hold at the end."""
    for each in conditions:
        if each.begins:
            continue
        start_s, end_s = ((ms - ZERO_MS) / SECOND_MS for ms in (each.since_ms, each.at_ms))
        start_s -= BEGINS_AFTER_S.get(each.rule, 0)
        end_s -= ENDS_AFTER_S.get(each.rule, 1)
        yield Episode(str(each.rule), start_s, max(end_s, start_s))
