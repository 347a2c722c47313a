"""Fast variants of a recording have the rate and the intervals that they state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from signals.conditioned import condition
from signals.r_peaks import r_peaks_of
from tests.intervals.synthetic import Made
from tests.training.delineator.test_delineator import made_record
from training.delineator.fast_variants import fast_variant

REGULAR = replace(made_record(), is_regular=True)


@pytest.mark.parametrize("rate_per_min", [125, 180])
def test_beats_follow_each_other_at_the_rate(rate_per_min: int) -> None:
    variant = fast_variant(REGULAR, rate_per_min, 1.0)
    assert variant is not None and variant.signal.shape == (12, 5000)
    rr_s = np.diff(r_peaks_of(condition(variant.signal.astype(np.float32), 500.0)))
    np.testing.assert_allclose(rr_s, 60.0 / rate_per_min, atol=0.01)


def test_pr_and_st_t_share_what_qrs_leaves() -> None:
    """RR 400 ms: PR at most 140 ms; QRS by the factor; ST-T at most the rest."""
    made = Made()
    for factor in (1.0, 1.5):
        variant = fast_variant(REGULAR, 150, factor)
        assert variant is not None
        assert variant.qrs_ms == pytest.approx(factor * made.qrs_ms)
        assert variant.pr_ms == pytest.approx(min(made.pr_ms, 140.0))
        assert variant.pr_ms + variant.qt_ms == pytest.approx(400.0, abs=2.0)


def test_there_is_none_of_differing_or_unannotated_beats_or_where_st_t_has_no_room() -> None:
    assert fast_variant(made_record(), 150, 1.0) is None
    marks = REGULAR.marks.copy()
    marks[3, :, 0] = np.nan
    assert fast_variant(replace(REGULAR, marks=marks), 150, 1.0) is None
    few = replace(REGULAR, marks=REGULAR.marks[:4], peaks=REGULAR.peaks[:4])
    assert fast_variant(few, 150, 1.0) is None
    assert fast_variant(REGULAR, 210, 1.8) is None
