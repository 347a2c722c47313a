"""Store the report of a long recording for a patient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from analysis.holter.report import HolterReport
from report.options import Language
from station.holter.forms import form_of
from station.store.engine import open_engine, writing
from station.store.migrate import migrate
from station.store.reports.holters import NewHolter, add_holter
from station.times import now_ms
from station.web.reading import patient_id


class Store:
    """A patient of a station's database. The patient is looked up before the long work."""

    def __init__(self, database: str, patient: str) -> None:
        """Raises NotFound for a patient who is not registered, BadDatabase."""
        self._database = database
        with _opened(database) as engine:
            migrate(engine)
            with engine.connect() as connection:
                self._patient_id = patient_id(connection, patient)

    def add(self, report: HolterReport, lang: Language) -> int:
        """Store the report in all forms, and return its number."""
        holter = NewHolter(
            self._patient_id,
            report.recording.start,
            report.recording.duration_s,
            now_ms(),
            form_of(report, "json", lang),
            form_of(report, "pdf", lang),
            form_of(report, "html", lang),
        )
        with _opened(self._database) as engine, writing(engine) as connection:
            return add_holter(connection, holter)


@contextmanager
def _opened(database: str) -> Iterator[Engine]:
    engine = open_engine(database)
    try:
        yield engine
    finally:
        engine.dispose()
