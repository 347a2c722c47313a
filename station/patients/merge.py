"""Merges rows of an import with what is stored: new patients are added, others changed.

Merging the same rows again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection

from station.patients.rules import DETAILS, UNKNOWN, Details, fault_of
from station.store.patients import (
    NewPatient,
    change_patients,
    insert_patients,
    patients_to_change,
)


class Row(NamedTuple):
    """A row of an import whose values are allowed. `place` is its line or entry, from 1."""

    place: int
    name: str
    details: Details


class Fault(NamedTuple):
    """A row that is not imported. `reason` never has a patient's name."""

    place: int
    reason: str


@dataclass
class Counts:
    """What became of the rows of an import."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0

    def add(self, other: Counts) -> None:
        for name, count in asdict(other).items():
            setattr(self, name, getattr(self, name) + count)


@dataclass
class Merged:
    counts: Counts = field(default_factory=Counts)
    faults: list[Fault] = field(default_factory=list)


def merge(connection: Connection, rows: Sequence[Row], now_ms: int) -> Merged:
    """Merge rows in their order. Raises IntegrityError where another process adds one of them."""
    stored = patients_to_change(connection, {row.name for row in rows})
    known: dict[str, dict[str, Any]] = {
        name: {detail: getattr(row, detail) for detail in DETAILS} for name, row in stored.items()
    }
    touched: set[str] = set()
    merged = Merged(Counts(rows=len(rows)))
    for row in rows:
        before = known.get(row.name)
        after: dict[str, Any] = {**(before or UNKNOWN), **row.details}
        fault = _pair_fault(after, row.details)
        if fault is not None:
            merged.faults.append(Fault(row.place, fault))
            merged.counts.refused += 1
        elif before == after:
            merged.counts.unchanged += 1
        else:
            known[row.name] = after
            touched.add(row.name)
            merged.counts.added += before is None
            merged.counts.changed += before is not None
    insert_patients(
        connection,
        [
            NewPatient(name=name, **known[name], created_ms=now_ms, changed_ms=now_ms)
            for name in sorted(touched - stored.keys())
        ],
    )
    change_patients(
        connection,
        [
            {**known[name], "changed_id": stored[name].id, "changed_ms": now_ms}
            for name in sorted(touched & stored.keys())
        ],
    )
    return merged


def _pair_fault(after: dict[str, Any], details: Details) -> str | None:
    """A row may give one limit, which must fit the other one that is stored."""
    if ("rate_low" in details) == ("rate_high" in details):
        return None
    return fault_of({"rate_low": after["rate_low"], "rate_high": after["rate_high"]})
