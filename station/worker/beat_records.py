"""Records of single beats: each gets a class, and those that are not normal are problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from heads.beats.single import BEAT_SAMPLES
from station.store import beat_records
from station.store.beat_records import BeatLabel, Problem
from station.store.encoding import DTYPES, INT16, INT16_GAP
from station.store.events import Event
from station.store.names import source_names
from station.store.unread import StoredRecord
from station.watch.outputs import BEAT_CLASSES
from station.worker.parts import ClassifyBeats

PROBLEM = "problem"
NORMAL = BEAT_CLASSES[0]


@dataclass(frozen=True)
class Labelled:
    labels: list[BeatLabel]
    problems: list[Problem]


def label_beats(rows: Sequence[StoredRecord], classify: ClassifyBeats) -> Labelled:
    """Return the classes of some records, and the problems among them."""
    probabilities = classify(_samples(rows))
    best = probabilities.argmax(axis=1)
    chances = probabilities[np.arange(len(rows)), best].tolist()
    labels = [
        BeatLabel(row.number, BEAT_CLASSES[index], chance)
        for row, index, chance in zip(rows, best.tolist(), chances, strict=True)
    ]
    problems = [
        Problem(
            row.number, row.source_id, row.patient_id, row.device_ms, label.label, label.probability
        )
        for row, label in zip(rows, labels, strict=True)
        if label.label != NORMAL
    ]
    return Labelled(labels, problems)


def _samples(rows: Sequence[StoredRecord]) -> NDArray[np.float32]:
    """Return (records, samples) of one lead, mV; NaN for gaps."""
    samples = np.empty((len(rows), BEAT_SAMPLES), np.float32)
    encodings = np.array([row.encoding for row in rows])
    gains = np.array([row.gain for row in rows], np.float32)[:, None]
    for encoding in np.unique(encodings).tolist():
        places = np.flatnonzero(encodings == encoding)
        content = b"".join(rows[place].samples for place in places.tolist())
        values = np.frombuffer(content, DTYPES[encoding]).reshape(-1, BEAT_SAMPLES)
        found = values.astype(np.float32) / gains[places]
        if encoding == INT16:
            found[values == INT16_GAP] = np.nan
        samples[places] = found
    return samples


def store_labelled(connection: Connection, found: Labelled, at_ms: int) -> list[Event]:
    """Store classes and problems. Returns what to tell: each problem with its patient."""
    beat_records.add_labels(connection, found.labels)
    beat_records.add_problems(connection, found.problems)
    patients = beat_records.patients_of(connection, {each.patient_id for each in found.problems})
    sources = source_names(connection, {each.source_id for each in found.problems})
    return [
        Event(
            PROBLEM,
            problem.patient_id,
            at_ms,
            {
                **patients[problem.patient_id],
                "source": sources[problem.source_id],
                "record": problem.record,
                "at_ms": problem.at_ms,
                "class": problem.label,
                "probability": problem.probability,
            },
        )
        for problem in found.problems
    ]
