"""Stores the frames of some posts in one transaction, and says what became of each.

The outcome does not depend on how frames are spread over posts and transactions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection

from station.ingest.frame import MAX_FRAME_BYTES
from station.ingest.outcomes import KEPT, MISSING, Outcome, Rejection
from station.ingest.parse import ParsedPost, crc_of, samples_of
from station.store.dead_letters import DeadLetter, add_dead_letters
from station.store.encoding import STRETCH
from station.store.patients import patient_ids
from station.store.records import NewRecord, insert_records, numbers_of, stored_crcs
from station.store.sources import SourceState, lock_sources, save_states
from station.store.unread import StoredRecord
from station.times import SECOND_MS


@dataclass(frozen=True, kw_only=True)
class ClockRules:
    """How far a record's time may be from the station's clock."""

    max_ahead_ms: int
    max_age_ms: int


@dataclass(frozen=True, eq=False)
class Post:
    """A post that waits to be stored.

    sender       the holder of the key, for the dead letters
    only_source  the source that the sender may speak for; None for all
    received_ms  when it was received
    is_numbered  whether a number that its source skips is a lost record
    """

    parsed: ParsedPost
    sender: str
    only_source: str | None
    received_ms: int
    is_numbered: bool = True


@dataclass(frozen=True)
class MissingRange:
    """Numbers of a source that were skipped, both ends included."""

    source: str
    first_seq: int
    last_seq: int


@dataclass
class PostResult:
    """What became of a post's frames.

    counts      of each outcome
    notes       index -> outcome of the frames that were not simply stored
    rejections  frames that were not stored
    missing     numbers that its sources have skipped
    """

    counts: Counter[Outcome] = field(default_factory=Counter)
    notes: dict[int, Outcome] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    missing: list[MissingRange] = field(default_factory=list)

    def note(self, index: int, outcome: Outcome) -> None:
        self.counts[outcome] += 1
        if outcome is not Outcome.STORED:
            self.notes[index] = outcome

    def reject(self, rejection: Rejection) -> None:
        self.note(rejection.index, rejection.outcome)
        self.rejections.append(rejection)


def store_posts(
    connection: Connection, posts: Sequence[Post], clock: ClockRules
) -> list[PostResult]:
    """Store posts in the connection's transaction, in their order."""
    return _store(connection, posts, clock)[0]


def store_and_return(
    connection: Connection, posts: Sequence[Post], clock: ClockRules
) -> list[StoredRecord]:
    """Store posts as `store_posts` does. Return the new records, in the order of their numbers."""
    _, new = _store(connection, posts, clock)
    numbers = numbers_of(connection, new)
    records = [
        StoredRecord(
            number=numbers[record.source_id, record.seq],
            **{name: getattr(record, name) for name in StoredRecord._fields[1:]},
        )
        for record in new
    ]
    return sorted(records)


def _store(
    connection: Connection, posts: Sequence[Post], clock: ClockRules
) -> tuple[list[PostResult], list[NewRecord]]:
    group = _Group(connection, posts)
    results = [group.add(post, clock) for post in posts]
    insert_records(connection, group.new)
    save_states(connection, group.changed.values())
    add_dead_letters(
        connection,
        [
            letter
            for post, result in zip(posts, results, strict=True)
            for letter in _letters(post, result)
        ],
    )
    return results, group.new


class _Group:
    """What the database knows of the sources, patients and numbers of some posts."""

    def __init__(self, connection: Connection, posts: Sequence[Post]) -> None:
        headers = np.concatenate([post.parsed.header for post in posts])
        names, which = np.unique(headers["source"], return_inverse=True)
        sources = [name.decode() for name in names.tolist()]
        # The locks of the sources come first: what is read after them stays as it is.
        self.states = lock_sources(connection, sources)
        patients = np.unique(headers["patient"]).tolist()
        self.patients = patient_ids(connection, [name.decode() for name in patients])
        self.crcs: dict[tuple[int, int], int] = {}
        self.new: list[NewRecord] = []
        self.changed: dict[str, SourceState] = {}
        # A number at or above its source's next one is not stored.
        states = [self.states.get(name) for name in sources]
        next_seqs = np.array([0 if state is None else state.next_seq or 0 for state in states])
        seqs = headers["seq"]
        is_late = seqs < next_seqs[which] if len(seqs) else np.zeros(0, bool)
        for place in np.unique(which[is_late]).tolist():
            state = states[place]
            assert state is not None
            late = np.unique(seqs[is_late & (which == place)]).tolist()
            self.crcs |= stored_crcs(connection, state.id, late)

    def add(self, post: Post, clock: ClockRules) -> PostResult:
        """Decide on the frames of a post."""
        result = PostResult()
        for rejection in post.parsed.rejections:
            result.reject(rejection)
        for row in _rows(post.parsed):
            fault = self._fault(row, post, clock)
            if fault is None:
                result.note(row.index, self._add_row(row, post, result))
            else:
                result.reject(row.rejection(*fault))
        return result

    def _fault(self, row: _Row, post: Post, clock: ClockRules) -> tuple[Outcome, str] | None:
        if post.only_source is not None and row.source != post.only_source:
            return Outcome.FOREIGN_SOURCE, f"source: the key is that of {post.only_source}"
        if row.source not in self.states:
            return Outcome.UNKNOWN_SOURCE, "source: not registered, or revoked"
        if row.patient not in self.patients:
            return Outcome.UNKNOWN_PATIENT, "patient: not registered"
        age_ms = post.received_ms - row.device_ms
        if not -clock.max_ahead_ms <= age_ms <= clock.max_age_ms:
            return Outcome.BAD_CLOCK, (
                f"time: {age_ms} ms before the station's clock; allowed are "
                f"{-clock.max_ahead_ms} to {clock.max_age_ms}"
            )
        return None

    def _add_row(self, row: _Row, post: Post, result: PostResult) -> Outcome:
        state = self.states[row.source]
        key = (state.id, row.seq)
        stored_crc = self.crcs.get(key)
        if stored_crc is not None:
            if stored_crc == row.crc:
                return Outcome.DOUBLED
            detail = "seq: another frame with this number is stored"
            result.rejections.append(row.rejection(Outcome.CONFLICTING, detail))
            return Outcome.CONFLICTING
        self.crcs[key] = row.crc
        self.new.append(
            row.record(
                source_id=state.id,
                patient_id=self.patients[row.patient],
                received_ms=post.received_ms,
            )
        )
        if state.next_seq is not None and row.seq < state.next_seq:
            return Outcome.LATE
        if post.is_numbered and state.next_seq is not None and row.seq > state.next_seq:
            result.missing.append(MissingRange(row.source, state.next_seq, row.seq - 1))
        return self._move_on(row, state)

    def _move_on(self, row: _Row, state: SourceState) -> Outcome:
        self.changed[row.source] = state
        state.next_seq = row.seq + 1
        if row.kind != STRETCH or row.fs_hz == state.fs_hz:
            return Outcome.STORED
        is_change = state.fs_hz is not None
        state.fs_hz = row.fs_hz
        return Outcome.RATE_CHANGED if is_change else Outcome.STORED


@dataclass(frozen=True, slots=True)
class _Row:
    """One frame of a post, as plain values."""

    index: int
    frame: bytes
    leads: str
    source: str
    patient: str
    seq: int
    device_ms: int
    end_ms: int
    crc: int
    kind: int
    beat_class: int
    fs_hz: float
    encoding: int
    gain: float

    def record(self, *, source_id: int, patient_id: int, received_ms: int) -> NewRecord:
        return NewRecord(
            source_id=source_id,
            seq=self.seq,
            patient_id=patient_id,
            device_ms=self.device_ms,
            end_ms=self.end_ms,
            received_ms=received_ms,
            crc=self.crc,
            kind=self.kind,
            beat_class=self.beat_class,
            fs_hz=self.fs_hz,
            leads=self.leads,
            encoding=self.encoding,
            gain=self.gain,
            samples=samples_of(self.frame),
        )

    def rejection(self, outcome: Outcome, detail: str) -> Rejection:
        return Rejection(
            self.index, outcome, detail, source=self.source, seq=self.seq, frame=self.frame
        )


def _rows(parsed: ParsedPost) -> Iterator[_Row]:
    header = parsed.header
    durations_ms = np.ceil(header["samples"] * SECOND_MS / header["fs_hz"]).astype(np.int64)
    columns = (
        parsed.index,
        parsed.frames,
        parsed.leads,
        np.char.decode(header["source"], "ascii").tolist(),
        np.char.decode(header["patient"], "ascii").tolist(),
        header["seq"].tolist(),
        header["device_ms"].tolist(),
        (header["device_ms"] + durations_ms).tolist(),
        map(crc_of, parsed.frames),
        header["kind"].tolist(),
        header["beat_class"].tolist(),
        header["fs_hz"].tolist(),
        header["encoding"].tolist(),
        header["gain"].tolist(),
    )
    return map(_Row, *columns)


def _letters(post: Post, result: PostResult) -> Iterator[DeadLetter]:
    for rejection in result.rejections:
        assert rejection.outcome not in KEPT
        for detail, piece in pieces(rejection, MAX_FRAME_BYTES):
            yield DeadLetter(
                received_ms=post.received_ms,
                sender=post.sender,
                source=rejection.source,
                seq=rejection.seq,
                last_seq=None,
                reason=rejection.outcome,
                detail=detail,
                frame=piece,
            )
    for gap in result.missing:
        yield DeadLetter(
            received_ms=post.received_ms,
            sender=post.sender,
            source=gap.source,
            seq=gap.first_seq,
            last_seq=gap.last_seq,
            reason=MISSING,
            detail=f"{gap.last_seq - gap.first_seq + 1} numbers were skipped",
            frame=None,
        )


def pieces(rejection: Rejection, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Yield what is kept of a rejection: more than `max_bytes` are several dead letters."""
    size = len(rejection.frame)
    count = max(1, -(-size // max_bytes))
    for number in range(count):
        piece = rejection.frame[number * max_bytes : (number + 1) * max_bytes]
        part = f"; part {number + 1} of {count}" if count > 1 else ""
        yield f"{rejection.detail}{part}", piece
