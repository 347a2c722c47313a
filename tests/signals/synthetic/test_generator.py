"""The same samples in any pieces; what a device would record; what a pacing spike looks like."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.leads import LEADS
from signals.record import Patient
from signals.synthetic.catalogue import CASES, EXAMPLES, Case
from signals.synthetic.generator import ElectrodeOff, Heart, SyntheticEcg
from signals.synthetic.rhythms import Asystole

SECONDS = 12
WHOLE = {name: case.signal(SECONDS) for name, case in CASES.items()}


@given(
    name=st.sampled_from(sorted(CASES)),
    cuts=st.lists(st.integers(1, SECONDS * 500 - 1), unique=True, max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_any_pieces_are_the_same_samples(name: str, cuts: list[int]) -> None:
    case = CASES[name]
    samples = SECONDS * case.fs
    edges = [0, *sorted(cuts), samples]
    ecg = case.ecg()
    pieces = [ecg.samples(start, stop) for start, stop in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), WHOLE[name])


@given(
    name=st.sampled_from(sorted(CASES)),
    starts=st.lists(st.integers(0, SECONDS * 500 - 200), min_size=1, max_size=5),
)
@settings(max_examples=40, deadline=None)
def test_any_order_of_pieces_is_the_same_samples(name: str, starts: list[int]) -> None:
    ecg = CASES[name].ecg()
    for start in starts:
        piece = ecg.samples(start, start + 200)
        np.testing.assert_array_equal(piece, WHOLE[name][:, start : start + 200])


def test_a_later_hour_can_be_asked_for_at_once() -> None:
    case = CASES["premature_beats"]
    start = 3600 * case.fs
    at_once = case.ecg().samples(start, start + 1000)
    walked = case.ecg()
    walked.samples(start - 5000, start)
    np.testing.assert_array_equal(walked.samples(start, start + 1000), at_once)


def test_another_seed_is_another_patient() -> None:
    heart = CASES["atrial_fibrillation"].heart
    first, second = (SyntheticEcg(heart, seed, 500).samples(0, 2500) for seed in (1, 2))
    assert (first != second).mean() > 0.5


@pytest.mark.parametrize("name", sorted(CASES))
def test_limb_leads_agree_exactly(name: str) -> None:
    microvolts = np.round(1000.0 * WHOLE[name].astype(np.float64))
    i, ii, iii, avr, avl, avf = microvolts[:6, : 5 * CASES[name].fs]
    assert (iii == ii - i).all() and (2 * avr == -(i + ii)).all()
    assert (2 * avl == 2 * i - ii).all() and (2 * avf == 2 * ii - i).all()


@pytest.mark.parametrize("case", EXAMPLES, ids=lambda case: case.name)
def test_examples_are_of_the_usual_size(case: Case) -> None:
    signal = WHOLE[case.name]
    assert np.isfinite(signal).all() and np.abs(signal).max() < 4.0
    # Every lead has a complex of at least 0.1 mV.
    assert (np.ptp(signal, axis=1) > 0.1).all()


def test_an_electrode_that_is_off_takes_its_leads_with_it() -> None:
    heart = Heart(CASES["sinus"].heart.rhythm, off=(ElectrodeOff("V3", 2.0, 4.0),))
    signal = SyntheticEcg(heart, 1, 500).samples(0, 3000)
    is_gap = np.isnan(signal)
    assert is_gap[LEADS.index("V3"), 1000:2000].all()
    assert np.count_nonzero(is_gap) == 1000


def test_asystole_is_only_noise() -> None:
    case = Case("x", "x", "x", Heart(Asystole()), Patient())
    assert np.abs(case.signal(5)).max() < 0.2


def test_a_pacing_spike_is_narrow_at_any_rate() -> None:
    """A pulse of 0.6 ms meets one or two samples, and has the same area at every rate."""
    heart = Heart(CASES["paced"].heart.rhythm)
    (first, *_) = SyntheticEcg(heart, 1, 1000).beats(0.5, 2.0)
    areas = []
    for fs in (500, 1000, 2000):
        start = round((first.time_s - 0.03) * fs)
        stop = round((first.time_s - 0.008) * fs)
        lead_iii = SyntheticEcg(heart, 1, fs).samples(start, stop)[2].astype(np.float64)
        height = lead_iii - np.median(lead_iii)
        is_spike = np.abs(height) > 0.1
        assert 1 <= np.count_nonzero(is_spike) <= 3
        areas.append(float(height[is_spike].sum()) / fs)
    np.testing.assert_allclose(areas, areas[1], rtol=0.1)


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 5), (6, 5)])
def test_a_stretch_that_is_none_is_refused(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="samples"):
        CASES["sinus"].ecg().samples(start, stop)
