"""Variants of a recording: their true values follow from the change, and the change is there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signals.conditioned import condition
from signals.r_peaks import r_peaks_of
from tests.intervals.synthetic import Made
from tests.training.delineator.test_delineator import made_record
from training.delineator.variants import PR_HELD_MS, QRS_FACTORS, Variant, variants

REGULAR = replace(made_record(), is_regular=True)


def of_kind(kind: str) -> dict[float, Variant]:
    return {variant.value: variant for variant in variants(REGULAR) if variant.kind == kind}


def test_only_regular_recordings_have_variants() -> None:
    assert list(variants(made_record())) == []
    few = replace(REGULAR, marks=REGULAR.marks[:3], peaks=REGULAR.peaks[:3])
    assert list(variants(few)) == []


def test_the_truth_follows_from_the_change() -> None:
    made = Made()
    found = list(variants(REGULAR))
    for variant in found:
        if variant.kind == "qrs":
            expected = made.qrs_ms * variant.value
        elif variant.kind == "qt":
            expected = made.qrs_ms + (made.qt_ms - made.qrs_ms) * variant.value
        elif variant.kind == "pr":
            expected = made.pr_ms + variant.value
        else:
            expected = 60.0 / 0.85
        assert variant.truth == pytest.approx(expected)
        assert np.isfinite(variant.signal).all() and variant.signal.shape[0] == 12
    assert {variant.kind for variant in found} == {"qrs", "qt", "pr", "t"}


def test_a_held_pq_segment_moves_the_beats_apart() -> None:
    held = of_kind("pr")
    assert tuple(held) == PR_HELD_MS
    for milliseconds, variant in held.items():
        rr_s = np.diff(r_peaks_of(condition(variant.signal, 500.0)))
        np.testing.assert_allclose(rr_s, 0.85 + milliseconds / 1000.0, atol=0.01)


def test_a_resampled_complex_lengthens_the_recording_by_its_own_change() -> None:
    stretched = of_kind("qrs")
    assert tuple(stretched) == QRS_FACTORS
    plain = stretched[1.0].signal.shape[1]
    for factor, variant in stretched.items():
        added = (factor - 1.0) * Made().qrs_ms / 2.0 * len(REGULAR.peaks)
        assert variant.signal.shape[1] - plain == pytest.approx(added, abs=len(REGULAR.peaks))


def test_a_multiplied_t_keeps_the_rest_of_the_recording() -> None:
    tall = of_kind("t")
    plain = tall[1.0].signal
    for gain, variant in tall.items():
        changed = np.abs(variant.signal - plain).max(axis=0) > 1e-9
        assert variant.signal.shape == plain.shape
        assert changed.any() == (gain != 1.0)
        assert changed.mean() < 0.6
        if gain > 1.0:
            assert np.abs(variant.signal).max() >= np.abs(plain).max()
