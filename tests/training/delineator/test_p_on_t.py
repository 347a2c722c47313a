"""Variants with P waves elsewhere or nowhere: the truth follows, and the rest stays as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signals.conditioned import condition
from signals.r_peaks import r_peaks_of
from tests.intervals.synthetic import Made
from tests.training.delineator.test_delineator import made_record
from training.delineator.p_on_t import EARLIER_MS, T_TO_QRS_MS, PVariant, p_variants

REGULAR = replace(made_record(), is_regular=True)
RR_MS = 850.0
BETWEEN_MS = RR_MS - Made().qt_ms  # from T to the next QRS complex


def variant_of(t_to_qrs_ms: float | None, earlier_ms: float | None) -> PVariant:
    (found,) = (
        variant
        for variant in p_variants(REGULAR)
        if (variant.t_to_qrs_ms, variant.earlier_ms) == (t_to_qrs_ms, earlier_ms)
    )
    return found


def test_only_regular_recordings_have_variants() -> None:
    assert list(p_variants(made_record())) == []
    few = replace(REGULAR, marks=REGULAR.marks[:4], peaks=REGULAR.peaks[:4])
    assert list(p_variants(few)) == []


def test_the_truth_is_the_pr_and_what_was_added_to_it() -> None:
    found = list(p_variants(REGULAR))
    assert {variant.t_to_qrs_ms for variant in found} == set(T_TO_QRS_MS)
    for variant in found:
        assert np.isfinite(variant.signal).all() and variant.signal.shape[0] == 12
        if variant.earlier_ms is None:
            assert np.isnan(variant.truth_ms)
        else:
            assert variant.truth_ms == pytest.approx(Made().pr_ms + variant.earlier_ms)


def test_every_stretch_has_a_variant_without_p_and_those_with_a_plausible_pr() -> None:
    of_stretch = [variant for variant in p_variants(REGULAR) if variant.t_to_qrs_ms == 240.0]
    assert [variant.earlier_ms for variant in of_stretch] == [None, *EARLIER_MS]


@pytest.mark.parametrize("t_to_qrs_ms", T_TO_QRS_MS)
def test_the_beats_come_as_near_as_the_stretch_is_short(t_to_qrs_ms: float | None) -> None:
    between_ms = BETWEEN_MS if t_to_qrs_ms is None else min(BETWEEN_MS, t_to_qrs_ms)
    signal = variant_of(t_to_qrs_ms, None).signal
    rr_s = np.diff(r_peaks_of(condition(signal, REGULAR.fs)))
    np.testing.assert_allclose(rr_s * 1000.0, Made().qt_ms + between_ms, atol=10.0)


def test_p_added_where_it_was_gives_the_recording_back() -> None:
    """The variant begins 450 ms before the first annotated QRS onset."""
    same = variant_of(None, 0.0).signal
    start = round((0.6 + 0.85 - 0.45) * REGULAR.fs)
    recorded = REGULAR.signal[:, start : start + same.shape[1]]
    # The line through the middle of each stretch tilts it by half a step between two samples.
    np.testing.assert_allclose(same, recorded, atol=0.02)


def test_only_p_waves_are_taken_out() -> None:
    taken = variant_of(None, 0.0).signal - variant_of(None, None).signal
    has_p = np.abs(taken).max(axis=0) > 1e-9
    per_beat_ms = has_p.sum() / REGULAR.fs * 1000.0 / len(REGULAR.peaks)
    assert per_beat_ms == pytest.approx(Made().p_duration_ms, rel=0.1)
    assert np.abs(taken).max() > 0.05
