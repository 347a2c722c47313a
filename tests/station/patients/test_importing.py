"""Rows of imports in the database: added, changed, unchanged or refused, and the same again."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import Engine, select

from station.patients import importing
from station.patients.importing import import_rows
from station.patients.merge import Counts, Fault, Row
from station.patients.rules import DETAILS
from station.store.engine import writing
from station.store.patients import PATIENTS, NewPatient, add_patients, insert_patients
from tests.station.frames import NOW_MS


def stored(engine: Engine) -> dict[str, tuple[Any, ...]]:
    with engine.connect() as connection:
        rows = connection.execute(select(PATIENTS).order_by(PATIENTS.c.name)).all()
    return {row.name: tuple(getattr(row, name) for name in DETAILS) for row in rows}


def imported(engine: Engine, *rows: Row | Fault) -> tuple[Counts, list[Fault]]:
    faults: list[Fault] = []
    return import_rows(engine, rows, faults.append), faults


ROWS = (
    Row(2, "p-1", {"sex": "male", "birth_year": 1960}),
    Fault(3, "name: wrong"),
    Row(4, "p-2", {"notes": "stays", "rate_low": 40}),
)


def test_an_import_again_changes_nothing(engine: Engine) -> None:
    counts, faults = imported(engine, *ROWS)
    assert counts == Counts(rows=3, added=2, refused=1) and faults == [Fault(3, "name: wrong")]
    expected = {"p-1": ("male", 1960, "", None, None), "p-2": ("unknown", None, "stays", 40, None)}
    assert stored(engine) == expected
    assert imported(engine, *ROWS)[0] == Counts(rows=3, unchanged=2, refused=1)
    assert stored(engine) == expected


def test_what_a_row_leaves_out_stays(engine: Engine) -> None:
    imported(engine, *ROWS)
    counts, _ = imported(engine, Row(1, "p-2", {"rate_high": 120}), Row(2, "p-1", {}))
    assert counts == Counts(rows=2, changed=1, unchanged=1)
    assert stored(engine)["p-2"] == ("unknown", None, "stays", 40, 120)


def test_the_last_row_of_a_name_counts(engine: Engine) -> None:
    rows = [Row(place, "p-1", {"birth_year": 1900 + place}) for place in range(3)]
    assert imported(engine, *rows)[0] == Counts(rows=3, added=1, changed=2)
    assert stored(engine) == {"p-1": ("unknown", 1902, "", None, None)}


def test_limits_must_fit_those_that_are_stored(engine: Engine) -> None:
    imported(engine, Row(1, "p-1", {"rate_low": 50}))
    rows = [Row(7, "p-1", {"rate_high": 50}), Row(8, "p-1", {"notes": "kept"})]
    counts, faults = imported(engine, *rows)
    assert counts == Counts(rows=2, changed=1, refused=1)
    assert faults == [Fault(7, "rate_low: 50; it must be below rate_high, which is 50")]
    assert stored(engine)["p-1"] == ("unknown", None, "kept", 50, None)


def test_the_times_are_those_of_the_first_and_the_last_change(engine: Engine) -> None:
    with writing(engine) as connection:
        add_patients(connection, ["p-1", "p-2"], NOW_MS - 10**12)
    imported(engine, Row(1, "p-1", {"sex": "other"}), Row(2, "p-2", {}))
    with engine.connect() as connection:
        changed, same = connection.execute(select(PATIENTS).order_by(PATIENTS.c.name)).all()
    assert changed.created_ms == same.created_ms == same.changed_ms < changed.changed_ms


def test_more_rows_than_a_transaction_takes(engine: Engine) -> None:
    rows = [Row(number, f"p-{number}", {}) for number in range(2 * importing.MAX_BATCH_ROWS + 5)]
    assert imported(engine, *rows)[0] == Counts(rows=len(rows), added=len(rows))
    assert len(stored(engine)) == len(rows)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_patient_that_another_process_adds_meanwhile_is_changed(engine: Engine) -> None:
    with writing(engine) as other:
        insert_patients(other, [NewPatient(name="p-1", created_ms=1, changed_ms=1)])
        found: list[Counts] = []
        thread = threading.Thread(target=lambda: found.append(imported(engine, *ROWS)[0]))
        thread.start()
        thread.join(0.3)  # it looks the name up, and its insert waits for this transaction
    thread.join()
    assert found == [Counts(rows=3, added=1, changed=1, refused=1)]
    assert stored(engine)["p-1"] == ("male", 1960, "", None, None)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_name_that_another_process_registers_meanwhile_is_registered(engine: Engine) -> None:
    with writing(engine) as other:
        add_patients(other, ["p-1"], NOW_MS)
        added: list[int] = []

        def add() -> None:
            with writing(engine) as connection:
                added.append(add_patients(connection, ["p-1", "p-2"], NOW_MS))

        thread = threading.Thread(target=add)
        thread.start()
        thread.join(0.3)
    thread.join()
    assert added == [1] and list(stored(engine)) == ["p-1", "p-2"]
