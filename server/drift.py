"""Metrics of what clients send and what the models find: they show when it changes.

A model that met other devices, rates or patients in training answers worse, without any error. The
counts have no names of patients and no samples; a label is of a model or head that the operator
installed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from analysis import answer_types
from server.metric_families import Counter, Histogram
from signals.record import EcgRecord

# Sampling rates of common recorders and collections; signals.checks allows 50 to 2000 Hz.
RATES_HZ: Final = (100, 125, 128, 200, 240, 250, 256, 257, 300, 360, 400, 500, 512, 1000, 2000)
# 10 s is the standard resting ECG; ECG_MAX_SECONDS is 600 by default.
LENGTHS_S: Final = (2.5, 5, 8, 10, 12, 15, 30, 60, 120, 300, 600)
# Doubling steps from 0.0625 mV. A normal QRS complex has 0.5 to 3 mV; a wrong gain or unit moves
# recordings by two buckets and more.
AMPLITUDES_MV: Final = (0.0625, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32)

# Labels of all models and heads together that have a series of their own. The labels of ECG-FM, the
# superclasses and the pacemaker are 32; the rest is for heads.
MAX_LABELS: Final = 256
OTHER_LABEL: Final = "other"

INPUT_FS_HZ: Final = Histogram(
    "ecg_input_sampling_rate_hz", "Sampling rate of the recordings that were read", RATES_HZ
)
INPUT_SECONDS: Final = Histogram(
    "ecg_input_seconds", "Length of the recordings that were read", LENGTHS_S
)
INPUT_AMPLITUDE_MV: Final = Histogram(
    "ecg_input_amplitude_mv",
    "Largest absolute value of a lead, the median over leads, of recordings in mV",
    AMPLITUDES_MV,
)
INPUT_UNITS: Final = Counter(
    "ecg_input_units", "Recordings that were read, by unit: mV or unknown", "units"
)
QUALITY: Final = Counter(
    "ecg_quality", "Recordings whose quality was asked for, by its word", "word"
)
CLASSIFIED: Final = Counter(
    "ecg_classified_recordings", "Recordings that a source of labels classified", "source"
)
POSITIVE: Final = Counter(
    "ecg_positive_labels", "Recordings for which a label was positive", "source", "label"
)


def recording_read(record: EcgRecord, quality: answer_types.Quality | None) -> None:
    """Count a recording that is sound enough to be analysed, and its quality where known."""
    INPUT_FS_HZ.observe(record.fs)
    INPUT_SECONDS.observe(record.duration_s)
    INPUT_UNITS.labels(record.units).inc()
    if record.units == "mV" and record.samples:
        _observe_amplitude(record)
    if quality is not None:
        QUALITY.labels(quality["signal_quality"]).inc()


def _observe_amplitude(record: EcgRecord) -> None:
    largest = record.largest_values().tolist()
    # NaN is the only value that differs from itself.
    with_samples = sorted(value for value in largest if value == value)
    if with_samples:
        INPUT_AMPLITUDE_MV.observe(with_samples[len(with_samples) // 2])


def analysis_given(analysis: answer_types.Analysis) -> None:
    """Count the labels of an answer, for each source that gave any."""
    labels = analysis.get("labels")
    if labels is not None:
        _count("labels", (label["name"] for label in labels if label["positive"]))
    superclass = analysis.get("superclass")
    if superclass is not None:
        _count("superclass", superclass["positive"])
    pacemaker = analysis.get("pacemaker")
    if pacemaker is not None and pacemaker["present"] is not None:
        _count("pacemaker", ["present"] if pacemaker["present"] else [])
    for head in (analysis.get("heads") or {}).values():
        _count("heads", head["positive"])


_known_labels: set[tuple[str, str]] = set()


def _count(source: str, positive: Iterable[str]) -> None:
    CLASSIFIED.labels(source).inc()
    for label in positive:
        POSITIVE.labels(source, _bounded(source, label)).inc()


def _bounded(source: str, label: str) -> str:
    """Return the label, or OTHER_LABEL once MAX_LABELS others have been counted."""
    if (source, label) not in _known_labels:
        if len(_known_labels) >= MAX_LABELS:
            return OTHER_LABEL
        _known_labels.add((source, label))
    return label
