"""Watches the records of the database, in the order of their numbers: on one machine, no broker."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Engine

from station.store import unread
from station.store.progress import RECORDS_CURSOR
from station.worker.parts import Parts
from station.worker.session import MAX_RECORDS, Session, Shard

ALL: Final = Shard(RECORDS_CURSOR, counts_records=True, owns=lambda source: True, escalates=True)


class LogReader:
    """Gives all records to one session. Raises what Session raises."""

    def __init__(self, engine: Engine, parts: Parts) -> None:
        self._engine = engine
        self.session = Session(engine, parts, ALL)

    def turn(self) -> bool:
        """Process the next records. Return whether there are more at once."""
        if self.session.replay():
            return True
        is_behind = self._read()
        if not is_behind:
            self.session.tick()
        return is_behind

    def _read(self) -> bool:
        """Process new records. Return whether there were as many as are taken at once."""
        first = self.session.position
        with self._engine.connect() as connection:
            last = unread.last_settled(connection)
        if last < first:
            return False
        with self._engine.connect() as connection:
            rows = unread.records_from(connection, first, last, beats_from=first, limit=MAX_RECORDS)
        if rows:
            self.session.process(rows)
        return len(rows) == MAX_RECORDS
