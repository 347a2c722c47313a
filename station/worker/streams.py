"""The streams that a worker has in memory: each with its state in the watch and what is stored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from station.store.alarms import silent_streams
from station.store.encoding import STRETCH
from station.store.limits import NO_LIMITS, RateLimits, rate_limits
from station.store.names import source_names
from station.store.progress import Snapshot, save_snapshots, snapshots_of
from station.store.streams import StreamState, add_stream, find_streams, open_streams
from station.store.unread import StoredRecord
from station.store.waveforms import millivolts
from station.watch.order import StreamRecord
from station.watch.outputs import Outputs
from station.watch.step import PatientLimits, Watch

logger = logging.getLogger("ecg.station.watch")

LAST_BEATS: Final = 12
# Snapshots of streams are stored in turn, each about once in this time.
SNAPSHOT_MS: Final = 60_000
# A prime number, which spreads the streams over this time.
_SPREAD: Final = 7919
Pair = tuple[int, int]
"""Ids of a source and a patient."""


@dataclass
class Known:
    """A stream in memory.

    begins_at      number of the first record of its state in the watch
    is_saved       whether the stored snapshot has all of its records
    limits         with which it is watched
    saved_ms       when its snapshot was stored, by the station's clock
    is_silent      whether the alarm that no data arrive has begun
    """

    state: StreamState
    begins_at: int
    is_saved: bool
    limits: RateLimits
    saved_ms: int
    is_silent: bool = False


class Streams:
    """What a worker knows of streams, and the watch that has their states."""

    def __init__(self, watch: Watch, ventricular_beats_per_min: float | None) -> None:
        self.watch = watch
        self._ventricular_beats_per_min = ventricular_beats_per_min
        self.by_pair: dict[Pair, Known] = {}
        self.by_id: dict[int, Known] = {}
        # Of streams whose snapshot is another version's: they begin anew.
        self.restarted: list[Snapshot] = []

    def load_open(
        self, connection: Connection, owns: Callable[[str], bool], next_record: int, now_ms: int
    ) -> int | None:
        """Load the active streams of some sources. Return the first record that a snapshot lacks;
        None where none lacks any."""
        states = open_streams(connection)
        names = source_names(connection, {state.source_id for state in states})
        own = [state for state in states if owns(names[state.source_id])]
        snapshots = snapshots_of(connection, [state.id for state in own])
        silent = silent_streams(connection)
        for state in own:
            self._add(state, snapshots[state.id], next_record, now_ms)
            self.by_id[state.id].is_silent = state.id in silent
        lacking = [snapshot.replay_from for snapshot in snapshots.values()]
        return min((number for number in lacking if number is not None), default=None)

    def has_unknown(self, rows: Sequence[StoredRecord]) -> bool:
        return not self.by_pair.keys() >= _firsts(rows).keys()

    def find(
        self,
        connection: Connection,
        rows: Sequence[StoredRecord],
        next_record: int,
        now_ms: int,
    ) -> None:
        """Load the streams of some records; those that are new begin with these."""
        first = _firsts(rows)
        unknown = first.keys() - self.by_pair.keys()
        if not unknown:
            return
        found = find_streams(connection, unknown)
        snapshots = snapshots_of(connection, [state.id for state in found.values()])
        for state in found.values():
            self._add(state, snapshots[state.id], next_record, now_ms)
        new = [first[pair] for pair in sorted(unknown - found.keys())]
        if new:
            self._begin(connection, new, now_ms)

    def _begin(self, connection: Connection, firsts: Iterable[StoredRecord], now_ms: int) -> None:
        """Store new streams, each with its first record: a replay begins there."""
        limits = rate_limits(connection, {row.patient_id for row in firsts})
        for row in firsts:
            state = StreamState(
                0,
                row.source_id,
                row.patient_id,
                leads=row.leads.count(",") + 1,
                newest_ms=row.end_ms,
                received_ms=row.received_ms,
            )
            state.id = add_stream(connection, state)
            low, high = limits[row.patient_id]
            snapshot = Snapshot(state.id, row.number, None, row.number, low, high)
            save_snapshots(connection, [snapshot])
            self._add(state, snapshot, row.number, now_ms)

    def _add(self, state: StreamState, snapshot: Snapshot, next_record: int, now_ms: int) -> None:
        limits = (snapshot.rate_low, snapshot.rate_high)
        known = Known(
            state,
            begins_at=snapshot.begins_at,
            is_saved=snapshot.replay_from is None,
            limits=limits,
            saved_ms=now_ms - state.id * _SPREAD % SNAPSHOT_MS,
        )
        self.by_pair[state.source_id, state.patient_id] = known
        self.by_id[state.id] = known
        self.set_limits(known, limits)
        if snapshot.data is None:
            return
        try:
            self.watch.restore(state.id, snapshot.data)
        except (ValueError, KeyError):
            logger.warning("stream %d begins anew: its snapshot is another version's", state.id)
            known.begins_at = next_record
            self.restarted.append(Snapshot(state.id, next_record, None, None, *limits))

    def set_limits(self, known: Known, limits: RateLimits) -> None:
        """Watch a stream with other limits from now on; its snapshot must be stored with them."""
        known.limits = limits
        low, high = limits
        self.watch.set_limits(
            known.state.id, PatientLimits(low, high, self._ventricular_beats_per_min)
        )

    def snapshot(self, known: Known) -> Snapshot:
        """Return the state of a stream, which has all of its records."""
        stream = known.state.id
        is_watched = stream in self.watch.streams()
        data = self.watch.snapshot(stream) if is_watched else None
        return Snapshot(stream, known.begins_at, data, None, *known.limits)

    def forget(self, known: Known, following: int) -> tuple[Outputs, Snapshot]:
        """End a stream. Returns what still waited, and the snapshot from which it begins anew."""
        outputs = self.watch.end(known.state.id)
        del self.by_pair[known.state.source_id, known.state.patient_id]
        del self.by_id[known.state.id]
        return outputs, Snapshot(known.state.id, following, None, None, *NO_LIMITS)


def _firsts(rows: Sequence[StoredRecord]) -> dict[Pair, StoredRecord]:
    """Return the first stretch of signal of each stream."""
    firsts: dict[Pair, StoredRecord] = {}
    for row in rows:
        if row.kind == STRETCH:
            firsts.setdefault((row.source_id, row.patient_id), row)
    return firsts


def record_of(stream: int, row: StoredRecord) -> StreamRecord:
    """Return a record as the watch takes it."""
    return StreamRecord(
        stream=stream,
        number=row.number,
        seq=row.seq,
        device_ms=row.device_ms,
        fs_hz=row.fs_hz,
        leads=tuple(row.leads.split(",")),
        signal=millivolts(row),
    )


def see_record(state: StreamState, row: StoredRecord) -> None:
    """Note a record of a stream."""
    state.closed_ms = None
    state.received_ms = max(state.received_ms, row.received_ms)
    if row.end_ms >= state.newest_ms:
        state.newest_ms = row.end_ms
        state.leads = row.leads.count(",") + 1


def see_outputs(by_id: dict[int, Known], outputs: Outputs) -> None:
    """Note the newest window and the newest beats of streams."""
    for window in outputs.windows:
        state = by_id[window.stream].state
        state.rate_per_min, state.known = window.rate_per_min, window.known
        state.irregular = window.irregular
    for beat in outputs.beats:
        state = by_id[beat.stream].state
        if state.last_beat_ms is None or beat.at_ms > state.last_beat_ms:
            state.last_beat_ms = beat.at_ms
            state.last_beats = (state.last_beats + beat.label)[-LAST_BEATS:]
