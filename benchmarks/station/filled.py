"""A database with millions of patients, and a patient with a year's records; one statement each."""

from __future__ import annotations

import time
from typing import Final

import numpy as np
from sqlalchemy import Connection, Engine, text

from benchmarks.station.posts import RECORD_MS
from station.ingest.frame import BEAT_FS_HZ, BEAT_SAMPLES
from station.store.encoding import FLOAT32, STRETCH
from station.store.engine import writing
from station.times import DAY_MS

# Of SQLite, for the index of names, which come in no order.
CACHE_KIB: Final = 1024 * 1024
DAYS: Final = 365
PATIENT_OF_HISTORY: Final = "one-year"
# A bijection of 32-bit numbers, so that names come in no order, as hospitals' numbers do.
FACTOR: Final = 2_654_435_761
_PATIENTS: Final = """
INSERT INTO patients (name, created_ms, sex, birth_year, notes, rate_low, rate_high, changed_ms)
SELECT {name}, :now_ms, CASE i % 2 WHEN 0 THEN 'female' ELSE 'male' END, 1930 + i % 90,
       'bed ' || (i % 40), 45, 120, :now_ms
FROM {numbers}
"""
_RECORDS: Final = """
INSERT INTO records (source_id, seq, patient_id, device_ms, end_ms, received_ms, crc, kind,
                     beat_class, fs_hz, leads, encoding, gain, samples)
SELECT :source, i, :patient, {at_ms}, {at_ms} + :record_ms, {at_ms} + :record_ms, 0, :kind,
       0, :fs_hz, 'ECG1', :encoding, 1, :samples
FROM {numbers}
"""
_SERIES: Final = {
    "sqlite": "(WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n "
    "WHERE i < :rows - 1) SELECT i FROM n)",
    "postgresql": "generate_series(0, CAST(:rows AS bigint) - 1) AS s(i)",
}
_NAME: Final = {
    "sqlite": f"printf('p-%08x', (i * {FACTOR}) % 4294967296)",
    "postgresql": f"'p-' || lpad(to_hex((i * {FACTOR}) % 4294967296), 8, '0')",
}


def name_of(number: int) -> str:
    """Return the name of a patient."""
    return f"p-{(number * FACTOR) % 2**32:08x}"


def add_patients_fast(engine: Engine, rows: int, now_ms: int) -> float:
    """Store so many patients. Return the seconds."""
    kind = engine.dialect.name
    statement = _PATIENTS.format(name=_NAME[kind], numbers=_SERIES[kind])
    return _run(engine, statement, {"rows": rows, "now_ms": now_ms})


def add_history(engine: Engine, source: int, patient: int, rows: int, end_ms: int) -> float:
    """Store a year's records of one patient, who wears a device some hours a day. Return seconds.

    Each record has 187 samples and follows the one before without a gap, within a day.
    """
    draw = np.random.default_rng(0)
    samples = draw.normal(0, 0.3, BEAT_SAMPLES).astype(np.float32)
    a_day = records_of_day(rows)
    first_ms = end_ms - DAYS * DAY_MS
    at_ms = f"({first_ms} + (i / {a_day}) * {DAY_MS} + (i % {a_day}) * {RECORD_MS})"
    kind = engine.dialect.name
    values = {
        "rows": rows,
        "source": source,
        "patient": patient,
        "record_ms": RECORD_MS,
        "kind": STRETCH,
        "fs_hz": BEAT_FS_HZ,
        "encoding": FLOAT32,
        "samples": samples.tobytes(),
    }
    return _run(engine, _RECORDS.format(at_ms=at_ms, numbers=_SERIES[kind]), values)


def records_of_day(rows: int) -> int:
    """Return how many records each day of the year has."""
    return -(-rows // DAYS)


def _run(engine: Engine, statement: str, values: dict[str, object]) -> float:
    start_s = time.perf_counter()
    with writing(engine) as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute(text(statement), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _analyze(connection)
    return time.perf_counter() - start_s


def _analyze(connection: Connection) -> None:
    """Let PostgreSQL know what it would find out by itself within minutes; SQLite needs nothing."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("VACUUM ANALYZE")
