"""What a worker does from one load of the database to its end or the next failure.

Records are read by their numbers, watched, and what was found is written with the cursor in
one transaction. After a failure nothing in memory is believed: a new session begins with the
snapshots, and watches again the records that these lack. That gives the same outputs, which are
stored once because each has a key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, Engine

from station.alarms import book, timers
from station.store import progress, unread, watched
from station.store.alarms import silent_streams
from station.store.encoding import STRETCH
from station.store.engine import writing
from station.store.events import Event, add_events
from station.store.limits import rate_limits
from station.store.progress import Snapshot
from station.store.streams import save_streams
from station.store.tables import AnyRow
from station.times import now_ms
from station.watch.outputs import Outputs
from station.worker.beat_records import label_beats, store_labelled
from station.worker.parts import Parts
from station.worker.streams import SNAPSHOT_MS, Known, Streams, record_of, see_outputs, see_record

WORKER: Final = "watch"
MAX_RECORDS: Final = 5000
SNAPSHOTS_AT_ONCE: Final = 20
TICK_MS: Final = 1000


class StepFailed(Exception):
    """The watch raised an exception; `rows` are the records that it was given."""

    def __init__(self, rows: Sequence[AnyRow]) -> None:
        super().__init__(f"records {rows[0].number} to {rows[-1].number}")
        self.rows = rows


class Session:
    """Raises CursorLost, StepFailed, and one of FAILURES where the database fails."""

    def __init__(self, engine: Engine, parts: Parts) -> None:
        self._engine = engine
        self._parts = parts
        self._started_ms = self._ticked_ms = now_ms()
        with writing(engine) as connection:
            self.next = progress.read_cursor(connection, WORKER, self._started_ms)
            replay_from = progress.replay_start(connection)
            self._position = self.next if replay_from is None else min(replay_from, self.next)
            self._unwatched = progress.unwatched_from(connection, self._position)
            silent = silent_streams(connection)
        limit = parts.rules.ventricular_beats_per_min
        self._streams = Streams(engine, parts.make_watch(), limit)
        self._streams.load_open(self.next, self._started_ms, silent)

    def turn(self) -> bool:
        """Process the next records. Return whether there were as many as are taken at once."""
        rows = self._read()
        if rows:
            self._process(rows)
        is_behind = len(rows) == MAX_RECORDS
        if not is_behind and now_ms() - self._ticked_ms >= TICK_MS:
            self._tick()
        return is_behind

    def close(self) -> None:
        """Store the snapshots of all streams, so that the next start replays nothing."""
        at_ms = now_ms()
        with writing(self._engine) as connection:
            self._advance(connection, self.next, at_ms)
            unsaved = [known for known in self._streams.by_id.values() if not known.is_saved]
            self._save(connection, unsaved, at_ms)

    def _read(self) -> Sequence[AnyRow]:
        with self._engine.connect() as connection:
            last = unread.last_settled(connection)
        if last < self._position:
            return []
        with self._engine.connect() as connection:
            rows = unread.records_from(
                connection, self._position, last, beats_from=self.next, limit=MAX_RECORDS
            )
        if not rows:
            self._position = last + 1
        return rows

    def _process(self, rows: Sequence[AnyRow]) -> None:
        at_ms = now_ms()
        stretches = [
            row for row in rows if row.kind == STRETCH and row.number not in self._unwatched
        ]
        self._streams.find(stretches, self.next, at_ms)
        outputs = self._watch(stretches)
        beats = [row for row in rows if row.kind != STRETCH]
        labelled = label_beats(beats, self._parts.classify_beats) if beats else None
        following = max(self.next, rows[-1].number + 1)
        with writing(self._engine) as connection:
            self._advance(connection, following, at_ms)
            events = self._store(connection, stretches, outputs, at_ms)
            if labelled is not None:
                events += store_labelled(connection, labelled, at_ms)
            if rows[-1].number >= self.next - 1:
                self._save(connection, self._due(at_ms), at_ms)
            add_events(connection, events)
        self.next, self._position = following, rows[-1].number + 1

    def _watch(self, stretches: Sequence[AnyRow]) -> Outputs:
        by_pair = self._streams.by_pair
        pairs = [(by_pair[row.source_id, row.patient_id], row) for row in stretches]
        records = [
            record_of(known.state.id, row) for known, row in pairs if row.number >= known.begins_at
        ]
        try:
            outputs = self._streams.watch.step(records)
        except Exception as error:
            raise StepFailed(stretches) from error
        for known, row in pairs:
            see_record(known.state, row)
        see_outputs(self._streams.by_id, outputs)
        return outputs

    def _store(
        self, connection: Connection, rows: Sequence[AnyRow], outputs: Outputs, at_ms: int
    ) -> list[Event]:
        """Store what was found. Returns what to tell."""
        watched.add_beats(connection, outputs.beats)
        watched.add_windows(connection, outputs.windows)
        watched.add_gaps(connection, outputs.gaps)
        seen: dict[int, Known] = {}
        unsaved: dict[int, int] = {}
        heard_ms: dict[int, int] = {}
        for row in rows:
            known = self._streams.by_pair[row.source_id, row.patient_id]
            seen[known.state.id] = known
            if known.is_saved and row.number >= self.next:
                known.is_saved = False
                unsaved[known.state.id] = row.number
            if known.is_silent and row.number >= self.next:
                known.is_silent = False
                heard_ms[known.state.id] = row.device_ms
        progress.mark_unsaved(connection, unsaved)
        save_streams(connection, [known.state for known in seen.values()])
        reached_ms = {window.stream: window.end_ms for window in outputs.windows}
        states = {stream: known.state for stream, known in self._streams.by_id.items()}
        events = timers.end_no_data(connection, heard_ms, at_ms)
        return events + book.tell_conditions(
            connection, outputs.conditions, reached_ms, states, at_ms
        )

    def _due(self, at_ms: int) -> list[Known]:
        """Return the streams whose snapshots are to be stored now."""
        due = [
            known
            for known in self._streams.by_id.values()
            if not known.is_saved and at_ms - known.saved_ms >= SNAPSHOT_MS
        ]
        return due[:SNAPSHOTS_AT_ONCE]

    def _save(self, connection: Connection, due: Iterable[Known], at_ms: int) -> None:
        snapshots = [self._streams.snapshot(known) for known in due]
        progress.save_snapshots(connection, snapshots + self._streams.restarted)
        self._streams.restarted = []
        for known in due:
            known.is_saved, known.saved_ms = True, at_ms

    def _advance(self, connection: Connection, following: int, at_ms: int) -> None:
        progress.advance(connection, WORKER, expected=self.next, following=following, now_ms=at_ms)

    def _tick(self) -> None:
        """Do what the station's clock asks for; all records have been watched."""
        at_ms = self._ticked_ms = now_ms()
        rules = self._parts.rules
        silent = [known for known in self._quiet(at_ms, rules.no_data_ms) if not known.is_silent]
        ended = self._quiet(at_ms, rules.stream_end_ms) + self._left(at_ms)
        with writing(self._engine) as connection:
            self._advance(connection, self.next, at_ms)
            changed = self._follow_limits(connection)
            self._save(connection, [*changed, *self._due(at_ms)], at_ms)
            events = timers.begin_no_data(connection, [known.state for known in silent], at_ms)
            events += self._end(connection, ended, at_ms)
            events += timers.escalate(
                connection,
                after_ms=rules.escalate_after_ms,
                levels=rules.receivers - 1,
                now_ms=at_ms,
            )
            add_events(connection, events)
        for known in silent:
            known.is_silent = True

    def _quiet(self, at_ms: int, for_ms: int) -> list[Known]:
        """Return the streams without records for this time, which begins when the worker does."""
        return [
            known
            for known in self._streams.by_id.values()
            if at_ms - max(known.state.received_ms, self._started_ms) >= for_ms
        ]

    def _left(self, at_ms: int) -> list[Known]:
        """Return the quiet streams whose sources have gone on to another patient."""
        newest: dict[int, int] = {}
        for known in self._streams.by_id.values():
            source = known.state.source_id
            newest[source] = max(newest.get(source, 0), known.state.newest_ms)
        return [
            known
            for known in self._quiet(at_ms, self._parts.rules.no_data_ms)
            if known.state.newest_ms < newest[known.state.source_id]
        ]

    def _follow_limits(self, connection: Connection) -> list[Known]:
        """Give the watch the limits that have changed. Returns the streams, to be stored."""
        streams = list(self._streams.by_id.values())
        limits = rate_limits(connection, {known.state.patient_id for known in streams})
        changed = [known for known in streams if limits[known.state.patient_id] != known.limits]
        for known in changed:
            self._streams.set_limits(known, limits[known.state.patient_id])
        return changed

    def _end(self, connection: Connection, ended: Sequence[Known], at_ms: int) -> list[Event]:
        """End streams. Returns what to tell."""
        events: list[Event] = []
        snapshots: list[Snapshot] = []
        for known in {known.state.id: known for known in ended}.values():
            state = known.state
            outputs, snapshot = self._streams.forget(known, self.next)
            snapshots.append(snapshot)
            watched.add_beats(connection, outputs.beats)
            watched.add_windows(connection, outputs.windows)
            watched.add_gaps(connection, outputs.gaps)
            events += book.tell_conditions(
                connection, outputs.conditions, {}, {state.id: state}, at_ms
            )
            events += timers.end_streams(connection, [state], at_ms)
            state.closed_ms = at_ms
            save_streams(connection, [state])
        progress.save_snapshots(connection, snapshots)
        return events
