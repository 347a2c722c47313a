"""Measurements of LUDB, whose recordings the shipped network was trained on.

The limits are in sample and show that the parts fit together; docs/accuracy.md has the figures out
of fold.
"""

from __future__ import annotations

import csv
from functools import cache

import numpy as np
import pytest

from intervals.delineator import model_card
from intervals.measure import measure
from intervals.measurements import Measurements
from signals.leads import LEADS, TwelveLeads
from tests.data import SHARED, requires_shared
from tests.intervals.synthetic import twelve
from training.datasets.annotated import AnnotatedRecord
from training.datasets.ludb import read_ludb, reference

MEASURES = ("heart_rate", "pr_ms", "p_duration_ms", "qrs_ms", "qt_ms")


@cache
def records() -> tuple[AnnotatedRecord, ...]:
    return tuple(read_ludb(SHARED / "ludb"))


@cache
def measured() -> tuple[Measurements, ...]:
    return tuple(measure(twelve(record.signal), record.fs) for record in records())


def errors(name: str, field: str) -> np.ndarray:
    """(records,) measured minus reference, NaN where either is missing."""
    measurements = [getattr(measurements, field) or np.nan for measurements in measured()]
    references = [getattr(reference(record), name) for record in records()]
    return np.array(measurements) - np.array(references)


@requires_shared
def test_references_made_from_annotations_are_the_published_ones() -> None:
    with (SHARED / "ludb" / "reference.csv").open(newline="") as file:
        rows = {row["record"]: row for row in csv.DictReader(file)}
    for name in MEASURES:
        ours = np.array([getattr(reference(record), name) for record in records()])
        published = np.array([float(rows[record.name][name] or "nan") for record in records()])
        np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(published))
        assert np.nanmedian(abs(ours - published)) < 0.06
        assert np.nanmax(abs(ours - published)) < 3.1


@requires_shared
def test_no_complex_is_narrower_by_the_cardiologists_marks_than_the_docs_say() -> None:
    assert round(float(np.nanmin([reference(record).qrs_ms for record in records()]))) == 84


@requires_shared
@pytest.mark.parametrize(
    ("name", "field", "median", "p90"),
    [
        ("heart_rate", "heart_rate_bpm", 0.3, 1.1),
        ("qrs_ms", "qrs_ms", 4.8, 12.5),
        ("pr_ms", "pr_ms", 3.5, 10.0),
        ("qt_ms", "qt_ms", 5.5, 16.0),
    ],
)
def test_in_sample(name: str, field: str, median: float, p90: float) -> None:
    error = errors(name, field)
    error = abs(error[np.isfinite(error)])
    assert error.size >= 85
    assert np.median(error) <= median
    assert np.percentile(error, 90) <= p90


@requires_shared
def test_pr_is_given_where_it_has_a_meaning_and_nowhere_else() -> None:
    truth = np.array([np.isfinite(reference(record).pr_ms) for record in records()])
    given = np.array([measurements.pr_ms is not None for measurements in measured()])
    assert given[truth].mean() >= 0.95 and given[~truth].sum() <= 1


def test_the_model_card_has_figures_of_every_measure() -> None:
    assert set(model_card()["out_of_fold"]) == set(MEASURES)
    for name in ("pr_ms", "qrs_ms", "qt_ms"):
        assert 0.75 <= model_card()["out_of_fold"][name]["within_uncertainty"] <= 0.85


@requires_shared
@pytest.mark.parametrize("lead", ["I", "II", "V2", "V5"])
def test_a_lead_alone_is_measured_although_it_is_steeper_than_all_together(
    lead: str,
) -> None:
    def alone(record: AnnotatedRecord) -> Measurements:
        signal = np.full_like(record.signal, np.nan)
        signal[LEADS.index(lead)] = record.signal[LEADS.index(lead)]
        return measure(TwelveLeads(signal, ~np.isnan(signal).all(axis=1)), record.fs)

    assert sum(alone(record).qrs_ms is None for record in records()) <= 1
