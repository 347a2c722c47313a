"""The labelled recordings of the challenge as features."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from signal_quality.windows import measure_windows, scale_to_usual_height
from signals.record import EcgRecord
from signals.units import qrs_heights


@dataclass(frozen=True, eq=False)
class LabelledExamples:
    """Features and labels of recordings.

    rows             (recordings, features)
    scaled_rows      (recordings, features) as if the units were unknown
    acceptable       (recordings,) the annotators' verdict
    group            (recordings,) identical recordings have the same number
    flat             (recordings,) every lead is constant
    usual_height_mv  median QRS height
    cpu_ms           median CPU time of one recording's features
    """

    rows: NDArray[np.float64]
    scaled_rows: NDArray[np.float64]
    acceptable: NDArray[np.bool_]
    group: NDArray[np.intp]
    flat: NDArray[np.bool_]
    usual_height_mv: float
    cpu_ms: float


def measure_examples(
    labelled: Iterator[tuple[EcgRecord, bool]], limit: int | None = None
) -> LabelledExamples:
    """Measure the features of (recording, acceptable) pairs, at most `limit` of them."""
    pairs = list(islice(labelled, limit))
    records = [record for record, _ in pairs]
    usual_height_mv = _usual_height_mv(records)
    rows = []
    scaled_rows = []
    cpu_s = []
    for record in records:
        start = time.process_time()
        rows.append(_features(record.signal, record))
        cpu_s.append(time.process_time() - start)
        scaled = scale_to_usual_height(record.signal, record.fs, usual_height_mv)
        scaled_rows.append(_features(scaled, record))
    checksums = [hashlib.sha256(record.signal.tobytes()).hexdigest() for record in records]
    is_flat = [bool((np.ptp(record.signal, axis=1) == 0).all()) for record in records]
    return LabelledExamples(
        rows=np.array(rows),
        scaled_rows=np.array(scaled_rows),
        acceptable=np.array([acceptable for _, acceptable in pairs]),
        group=np.unique(checksums, return_inverse=True)[1],
        flat=np.array(is_flat),
        usual_height_mv=usual_height_mv,
        cpu_ms=1000 * float(np.median(cpu_s)),
    )


def _features(signal: NDArray[np.float32], record: EcgRecord) -> NDArray[np.float64]:
    """Return (features,) of the signal; the recordings of the challenge are one window long."""
    return measure_windows(signal, record.fs, record.lead_names)[0].record_features


def _usual_height_mv(records: list[EcgRecord]) -> float:
    """Return the median over recordings of the middle lead's QRS height."""
    middle_heights = []
    for record in records:
        heights = qrs_heights(record.signal, record.fs)
        if heights.size:
            middle_heights.append(float(np.median(heights)))
    return float(np.median(middle_heights))
