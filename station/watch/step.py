"""Watching: records in, beats, windows, gaps and conditions out.

Nothing here reads a clock, a file or a database. What a stream gives depends on its own records
only, and not on how they are spread over steps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.beats.strips import SAMPLES
from signals.streams.watch_rate import WATCH_HZ
from station.watch.fleet import FleetState, Tick, empty_fleet, tick
from station.watch.order import Order, StreamRecord
from station.watch.outputs import (
    BEAT_CLASSES,
    BeatFound,
    Condition,
    Gap,
    Outputs,
    Rule,
    Window,
)
from station.watch.rows import added, arrays_of, put, set_row, take
from station.watch.rules import RULES, Limits
from station.watch.snapshot import packed, unpacked
from station.watch.windows import HOP_S, WINDOW_S, count_windows

SECOND_MS: Final = 1000
MIN_ROWS: Final = 8
# Beats are known up to two seconds before the newest one: windows end there.
_DELAY_S: Final = 2
_IRREGULAR: Final = RULES.index(Rule.ATRIAL_FIBRILLATION)


@dataclass(frozen=True, slots=True)
class PatientLimits:
    """Limits of the patient whom a stream watches; None for none."""

    rate_low_per_min: float | None = None
    rate_high_per_min: float | None = None
    ventricular_beats_per_min: float | None = None


@dataclass(slots=True)
class Stream:
    """One source. `row` is its place in the fleet of its number of leads."""

    order: Order
    leads: int
    row: int
    limits: PatientLimits
    last_number: int = -1


class Watch:
    """The state of all streams."""

    def __init__(self) -> None:
        self._streams: dict[int, Stream] = {}
        self._fleets: dict[int, FleetState] = {}
        self._free: dict[int, list[int]] = defaultdict(list)
        self._limits: dict[int, PatientLimits] = {}

    def streams(self) -> list[int]:
        """Return the streams that are watched."""
        return list(self._streams)

    def set_limits(self, stream: int, limits: PatientLimits) -> None:
        """Watch a stream with these limits from now on."""
        self._limits[stream] = limits
        if stream in self._streams:
            self._streams[stream].limits = limits

    def step(self, records: Sequence[StreamRecord]) -> Outputs:
        """Take records in any order within two seconds, and return what they complete."""
        outputs = Outputs()
        touched: dict[int, None] = {}
        for record in records:
            stream = self._stream_of(record, outputs)
            if record.number <= stream.last_number:
                continue
            stream.last_number = record.number
            outputs.late += not stream.order.add(record)
            self._place(record.stream, stream, outputs)
            touched[record.stream] = None
        self._run(touched, outputs)
        return outputs

    def end(self, stream: int) -> Outputs:
        """Return what the records that still wait complete, and forget the stream."""
        outputs = Outputs()
        if stream in self._streams:
            self._finish(stream, outputs)
        return outputs

    def snapshot(self, stream: int) -> bytes:
        """Return a stream's whole state. Raises KeyError for a stream that is not watched."""
        watched = self._streams[stream]
        row = arrays_of(self._fleets[watched.leads], watched.row)
        return packed(watched.order, row, watched.last_number)

    def restore(self, stream: int, snapshot: bytes) -> int:
        """Go on from a snapshot; return the number of the last record that it contains.

        Records up to this number are ignored. Raises ValueError and KeyError for a snapshot of
        another version of the station: then the stream begins anew.
        """
        order, row, last_number = unpacked(snapshot)
        watched = self._begin(stream, order)
        set_row(self._fleets[watched.leads], watched.row, row)
        watched.last_number = last_number
        return last_number

    def _stream_of(self, record: StreamRecord, outputs: Outputs) -> Stream:
        """Return the record's stream; a new one where its rate, leads or clock have changed."""
        stream = self._streams.get(record.stream)
        last_number = -1
        if stream is not None:
            order = stream.order
            is_same = (record.fs_hz, record.leads) == (order.fs_hz, order.leads)
            is_old = record.number <= stream.last_number
            if is_old or (is_same and not order.is_set_back(record)):
                return stream
            last_number = stream.last_number
            self._finish(record.stream, outputs)
        stream = self._begin(record.stream, Order.beginning_with(record))
        stream.last_number = last_number
        return stream

    def _begin(self, key: int, order: Order) -> Stream:
        leads = len(order.leads)
        stream = Stream(order, leads, self._new_row(leads), self._limits.get(key, PatientLimits()))
        self._streams[key] = stream
        return stream

    def _new_row(self, leads: int) -> int:
        if not self._free[leads]:
            fleet = self._fleets.get(leads)
            rows = 0 if fleet is None else len(fleet.seconds)
            more = empty_fleet(max(MIN_ROWS, rows), leads)
            self._fleets[leads] = more if fleet is None else added(fleet, more)
            self._free[leads] = list(range(len(self._fleets[leads].seconds) - 1, rows - 1, -1))
        row = self._free[leads].pop()
        put(self._fleets[leads], np.array([row]), empty_fleet(1, leads))
        return row

    def _finish(self, key: int, outputs: Outputs) -> None:
        """Watch what is left of a stream, end its conditions, and free its row."""
        stream = self._streams[key]
        self._place(key, stream, outputs, is_last=True)
        self._run([key], outputs)
        held = self._fleets[stream.leads].held
        seconds = float(self._fleets[stream.leads].seconds[stream.row])
        at_ms = stream.order.ms(seconds)
        for column in np.flatnonzero(held.is_on[stream.row]).tolist():
            since_ms = stream.order.ms(float(held.since_s[stream.row, column]))
            outputs.conditions.append(Condition(key, RULES[column], False, since_ms, at_ms, None))
        self._free[stream.leads].append(stream.row)
        del self._streams[key]

    def _place(self, key: int, stream: Stream, outputs: Outputs, *, is_last: bool = False) -> None:
        holes = stream.order.place(is_last=is_last)
        outputs.gaps += [Gap(key, hole.start_ms, hole.stop_ms) for hole in holes]

    def _run(self, keys: Iterable[int], outputs: Outputs) -> None:
        """Watch every complete second of some streams, those of all streams together."""
        pending = list(keys)
        while pending:
            ready = [(key, self._streams[key].order.take_second()) for key in pending]
            pending = [key for key, taken in ready if taken is not None]
            groups: dict[int, list[tuple[int, tuple[NDArray[np.float32], bool]]]]
            groups = defaultdict(list)
            for key, taken in ready:
                if taken is not None:
                    groups[self._streams[key].leads].append((key, taken))
            for leads, group in groups.items():
                self._tick(leads, group, outputs)

    def _tick(
        self,
        leads: int,
        group: list[tuple[int, tuple[NDArray[np.float32], bool]]],
        outputs: Outputs,
    ) -> None:
        keys = [key for key, _ in group]
        streams = [self._streams[key] for key in keys]
        rows = np.array([stream.row for stream in streams])
        fleet = self._fleets[leads]
        state, found = tick(
            take(fleet, rows),
            np.stack([second for _, (second, _) in group]),
            np.array([is_hole for _, (_, is_hole) in group]),
            _limits_of(streams),
        )
        put(fleet, rows, state)
        _add_beats(outputs, keys, streams, found)
        _add_turns(outputs, keys, streams, found)
        _add_windows(outputs, keys, streams, state)


def _limits_of(streams: Sequence[Stream]) -> Limits:
    def column(name: str) -> NDArray[np.float64]:
        values = [getattr(stream.limits, name) for stream in streams]
        return np.array([np.nan if value is None else value for value in values], np.float64)

    return Limits(
        column("rate_low_per_min"),
        column("rate_high_per_min"),
        column("ventricular_beats_per_min"),
    )


def _add_beats(
    outputs: Outputs, keys: Sequence[int], streams: Sequence[Stream], found: Tick
) -> None:
    classed = found.classed
    label = classed.label.tolist()
    probability = classed.probability[np.arange(len(label)), classed.label].tolist()
    columns = (classed.row.tolist(), found.beat_s.tolist(), label, probability)
    intervals_s = classed.interval_before_s.tolist()
    for row, time_s, index, share, interval_s in zip(*columns, intervals_s, strict=True):
        interval_ms = None if np.isnan(interval_s) else round(interval_s * SECOND_MS)
        at_ms = streams[row].order.ms(time_s)
        outputs.beats.append(BeatFound(keys[row], at_ms, BEAT_CLASSES[index], share, interval_ms))


def _add_turns(
    outputs: Outputs, keys: Sequence[int], streams: Sequence[Stream], found: Tick
) -> None:
    for turn in found.turns:
        order = streams[turn.row].order
        outputs.conditions.append(
            Condition(
                keys[turn.row],
                turn.rule,
                turn.begins,
                order.ms(turn.since_s),
                order.ms(float(found.final_s[turn.row])),
                turn.value,
            )
        )


def _add_windows(
    outputs: Outputs, keys: Sequence[int], streams: Sequence[Stream], state: FleetState
) -> None:
    """Add the windows that end at the last second whose beats are known."""
    end_s = state.seconds - _DELAY_S
    end_ms = np.array(
        [stream.order.ms(second) for stream, second in zip(streams, end_s.tolist(), strict=True)]
    )
    due = np.flatnonzero((end_ms % (HOP_S * SECOND_MS) == 0) & (end_s >= WINDOW_S))
    if due.size == 0:
        return
    first = SAMPLES - (WINDOW_S + _DELAY_S) * WATCH_HZ
    signal = state.strips.signal[due, :, first : first + WINDOW_S * WATCH_HZ]
    known = (~np.isnan(signal)).any(axis=1).mean(axis=1)
    start_s: NDArray[np.float64] = (end_s[due] - WINDOW_S).astype(np.float64)
    counts = count_windows(take(state.log, due), start_s)
    for place, row in enumerate(due.tolist()):
        start_ms = streams[row].order.ms(float(counts.start_s[place]))
        if known[place] == 0 or end_ms[row] - start_ms != WINDOW_S * SECOND_MS:
            continue
        rate = float(counts.rate_per_min[place])
        normal, supraventricular, ventricular, fusion, unknown = counts.beats[place].tolist()
        outputs.windows.append(
            Window(
                keys[row],
                start_ms,
                int(end_ms[row]),
                float(known[place]),
                None if np.isnan(rate) else rate,
                (normal, supraventricular, ventricular, fusion, unknown),
                None if np.isnan(rate) else bool(state.held.is_on[row, _IRREGULAR]),
            )
        )
