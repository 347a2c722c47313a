"""What a worker does from one load of the database to its end or the next failure.

Records are watched, and what was found is written with the cursor in one transaction. Where records
come from is not decided here: `worker/log.py` reads those of the database, `worker/partition.py`
those of a topic. After a failure nothing in memory is believed: a new session begins with the
snapshots, and watches again the records that these lack. That gives the same outputs, which are
stored once because each has a key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine

from station.alarms import book, timers
from station.store import progress, unread, watched
from station.store.encoding import STRETCH
from station.store.engine import writing
from station.store.events import Event, add_events
from station.store.limits import rate_limits
from station.store.progress import Snapshot
from station.store.records import newest_number
from station.store.streams import save_streams
from station.store.unread import StoredRecord
from station.times import now_ms
from station.watch.outputs import Outputs
from station.worker.beat_records import Labelled, label_beats, store_labelled
from station.worker.parts import Parts
from station.worker.streams import SNAPSHOT_MS, Known, Streams, record_of, see_outputs, see_record

MAX_RECORDS: Final = 5000
SNAPSHOTS_AT_ONCE: Final = 20
TICK_MS: Final = 1000


class FeedFailed(Exception):
    """What gives the records has failed; the message says how."""


class StepFailed(Exception):
    """The watch raised an exception; `rows` are the records that it was given."""

    def __init__(self, rows: Sequence[StoredRecord]) -> None:
        super().__init__(f"records {rows[0].number} to {rows[-1].number}")
        self.rows = rows


@dataclass(frozen=True)
class Shard:
    """The sources whose records one session watches.

    cursor          name of its row in CURSORS
    counts_records  whether the cursor is a record's number, else it is an offset
    owns            whether a source, by its name, is one of these
    escalates       whether this session escalates alarms, which one does for all
    """

    cursor: str
    counts_records: bool
    owns: Callable[[str], bool]
    escalates: bool


@dataclass(frozen=True)
class _Found:
    """What some records hold; `stretches` are those of them that were watched."""

    stretches: Sequence[StoredRecord]
    outputs: Outputs
    labelled: Labelled | None


class Session:
    """Watches the records that it is given, once it has watched again those that snapshots lack.

    cursor    of its shard, as it is stored
    next      records with this number or a higher one have not been watched
    position  records before it are in memory
    behind    messages of a partition that are not processed; None where nobody knows
    Raises CursorLost, StepFailed, and one of FAILURES where the database fails.
    """

    def __init__(self, engine: Engine, parts: Parts, shard: Shard) -> None:
        self._engine, self._parts, self._shard = engine, parts, shard
        self.behind: int | None = None
        self._started_ms = self._ticked_ms = now_ms()
        self._newest_ms = 0  # when the newest of the records was received
        limit = parts.rules.ventricular_beats_per_min
        self._streams = Streams(parts.make_watch(), limit)
        with writing(engine) as connection:
            if shard.counts_records:
                progress.begin_records(connection, self._started_ms)
            self.cursor = progress.read_cursor(connection, shard.cursor)
            self.next = self.cursor if shard.counts_records else newest_number(connection) + 1
        with engine.connect() as connection:
            replay_from = self._streams.load_open(
                connection, shard.owns, self.next, self._started_ms
            )
            self.position = self.next if replay_from is None else min(replay_from, self.next)
            self._unwatched = progress.unwatched_from(connection, self.position)

    def replay(self) -> bool:
        """Watch again the next records that snapshots lack. Return whether there are more."""
        if self.position >= self.next:
            return False
        with self._engine.connect() as connection:
            rows = unread.records_from(
                connection,
                self.position,
                self.next - 1,
                beats_from=self.next,
                limit=MAX_RECORDS,
            )
        own = [row for row in rows if (row.source_id, row.patient_id) in self._streams.by_pair]
        if own:
            self.process(own)
        self.position = rows[-1].number + 1 if len(rows) == MAX_RECORDS else self.next
        return self.position < self.next

    def process(self, rows: Sequence[StoredRecord]) -> None:
        """Watch records of the database, and store what was found."""
        at_ms = now_ms()
        if self._streams.has_unknown(rows):
            with writing(self._engine) as connection:
                self._streams.find(connection, rows, self.next, at_ms)
        found = self._find(rows)
        following = max(self.next, rows[-1].number + 1)
        with writing(self._engine) as connection:
            self.advance(connection, following if self._shard.counts_records else self.cursor)
            self._store(connection, found, rows[-1].number, at_ms)
        if self._shard.counts_records:
            self.cursor = following
        self.next, self.position = following, rows[-1].number + 1

    def process_in(self, connection: Connection, rows: Sequence[StoredRecord]) -> None:
        """Watch new records, and store what was found, in the transaction that stores them."""
        if not rows:
            return
        at_ms = now_ms()
        self._newest_ms = max(row.received_ms for row in rows)
        self._streams.find(connection, rows, self.next, at_ms)
        self._store(connection, self._find(rows), rows[-1].number, at_ms)
        self.next = self.position = rows[-1].number + 1

    def leave_in(self, connection: Connection, rows: Sequence[StoredRecord]) -> None:
        """Leave new stretches of signal to a replay, in the transaction that stores them."""
        at_ms = now_ms()
        stretches = [row for row in rows if row.kind == STRETCH]
        self._streams.find(connection, rows, self.next, at_ms)
        for row in stretches:
            see_record(self._streams.by_pair[row.source_id, row.patient_id].state, row)
        events = self._store_outputs(connection, stretches, Outputs(), at_ms)
        labelled = self._label(rows)
        if labelled is not None:
            events += store_labelled(connection, labelled, at_ms)
        add_events(connection, events)

    def tick(self) -> None:
        """Do what the station's clock asks for, once a second. Where `behind` says that records
        wait, a stream is quiet only if it was so when the newest of the watched ones came."""
        if now_ms() - self._ticked_ms >= TICK_MS:
            self._tick()

    def close(self) -> None:
        """Store the snapshots of all streams, so that the next start replays nothing."""
        at_ms = now_ms()
        with writing(self._engine) as connection:
            self.advance(connection, self.cursor)
            unsaved = [known for known in self._streams.by_id.values() if not known.is_saved]
            self._save(connection, unsaved, at_ms)

    def advance(self, connection: Connection, following: int) -> None:
        """Move the stored cursor. The caller moves `cursor` once the transaction is committed."""
        progress.advance(
            connection,
            self._shard.cursor,
            expected=self.cursor,
            following=following,
            now_ms=now_ms(),
            behind=self.behind,
        )

    def _find(self, rows: Sequence[StoredRecord]) -> _Found:
        stretches = [
            row for row in rows if row.kind == STRETCH and row.number not in self._unwatched
        ]
        return _Found(stretches, self._watch(stretches), self._label(rows))

    def _label(self, rows: Sequence[StoredRecord]) -> Labelled | None:
        beats = [row for row in rows if row.kind != STRETCH]
        return label_beats(beats, self._parts.classify_beats) if beats else None

    def _watch(self, stretches: Sequence[StoredRecord]) -> Outputs:
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

    def _store(self, connection: Connection, found: _Found, last: int, at_ms: int) -> None:
        """Store what was found, in the records up to `last`."""
        events = self._store_outputs(connection, found.stretches, found.outputs, at_ms)
        if found.labelled is not None:
            events += store_labelled(connection, found.labelled, at_ms)
        if last >= self.next - 1:
            self._save(connection, self._due(at_ms), at_ms)
        add_events(connection, events)

    def _store_outputs(
        self, connection: Connection, rows: Sequence[StoredRecord], outputs: Outputs, at_ms: int
    ) -> list[Event]:
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

    def _tick(self) -> None:
        at_ms = self._ticked_ms = now_ms()
        rules = self._parts.rules
        seen_ms = min(self._newest_ms, at_ms) if self.behind else at_ms
        silent = [known for known in self._quiet(seen_ms, rules.no_data_ms) if not known.is_silent]
        ended = self._quiet(seen_ms, rules.stream_end_ms) + self._left(seen_ms)
        with writing(self._engine) as connection:
            self.advance(connection, self.cursor)
            changed = self._follow_limits(connection)
            self._save(connection, [*changed, *self._due(at_ms)], at_ms)
            events = timers.begin_no_data(connection, [known.state for known in silent], at_ms)
            events += self._end(connection, ended, at_ms)
            if self._shard.escalates:
                events += timers.escalate(
                    connection,
                    after_ms=rules.escalate_after_ms,
                    levels=rules.receivers - 1,
                    now_ms=at_ms,
                )
            add_events(connection, events)
        for known in silent:
            known.is_silent = True

    def _quiet(self, seen_ms: int, for_ms: int) -> list[Known]:
        """Return the streams without records for this time, which begins when the worker does."""
        return [
            known
            for known in self._streams.by_id.values()
            if seen_ms - max(known.state.received_ms, self._started_ms) >= for_ms
        ]

    def _left(self, seen_ms: int) -> list[Known]:
        """Return the quiet streams whose sources have gone on to another patient."""
        newest: dict[int, int] = {}
        for known in self._streams.by_id.values():
            source = known.state.source_id
            newest[source] = max(newest.get(source, 0), known.state.newest_ms)
        return [
            known
            for known in self._quiet(seen_ms, self._parts.rules.no_data_ms)
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
