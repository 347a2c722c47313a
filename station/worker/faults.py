"""Finds the records with which watching fails, so that the others go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Engine

from station.store import progress
from station.store.dead_letters import DeadLetter, add_dead_letters
from station.store.engine import writing
from station.store.names import source_names
from station.store.progress import Snapshot
from station.store.streams import StreamState, find_streams
from station.store.unread import StoredRecord, records_of_stream
from station.times import now_ms
from station.watch.step import PatientLimits
from station.worker.parts import Parts
from station.worker.streams import record_of

# Of a dead letter: the record is stored, and nothing was found in it.
UNWATCHED: Final = "unwatched"


def leave_out_faults(engine: Engine, parts: Parts, rows: Sequence[StoredRecord]) -> int:
    """Find the records at fault among those that a step failed with. They are dead letters, and
    no replay takes them again. Return how many these were.

    rows  stretches of signal, in the order of their numbers
    """
    pairs = {(row.source_id, row.patient_id) for row in rows}
    last = rows[-1].number
    faults: dict[int, tuple[StoredRecord, str]] = {}
    with engine.connect() as connection:
        states = find_streams(connection, pairs)
        snapshots = progress.snapshots_of(connection, [state.id for state in states.values()])
        known = progress.unwatched_from(connection, 0)
        for pair, state in states.items():
            snapshot = snapshots[state.id]
            first = snapshot.replay_from or rows[0].number
            replay = records_of_stream(connection, *pair, first, last)
            left = [row for row in replay if row.number not in known]
            faults |= _faults_of_stream(parts, state, snapshot, left)
        sources = source_names(connection, {row.source_id for row, _ in faults.values()})
    at_ms = now_ms()
    with writing(engine) as connection:
        progress.add_unwatched(connection, faults.keys())
        add_dead_letters(
            connection,
            [
                DeadLetter(
                    received_ms=at_ms,
                    sender=UNWATCHED,
                    source=sources[row.source_id],
                    seq=row.seq,
                    last_seq=None,
                    reason=UNWATCHED,
                    detail=f"record {row.number}: {reason}",
                    frame=None,
                )
                for row, reason in faults.values()
            ],
        )
    return len(faults)


def _faults_of_stream(
    parts: Parts, state: StreamState, snapshot: Snapshot, rows: Sequence[StoredRecord]
) -> dict[int, tuple[StoredRecord, str]]:
    """Watch the records of one stream alone, one by one. Return those that fail, with the error."""
    faults: dict[int, tuple[StoredRecord, str]] = {}
    while True:
        watch = parts.make_watch()
        limit = parts.rules.ventricular_beats_per_min
        watch.set_limits(state.id, PatientLimits(snapshot.rate_low, snapshot.rate_high, limit))
        if snapshot.data is not None:
            watch.restore(state.id, snapshot.data)
        for row in rows:
            if row.number in faults or row.number < snapshot.begins_at:
                continue
            try:
                watch.step([record_of(state.id, row)])
            except Exception as error:  # noqa: BLE001 - whatever it is, the record is left out
                faults[row.number] = row, type(error).__name__
                break
        else:
            return faults
