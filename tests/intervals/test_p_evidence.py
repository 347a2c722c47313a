"""The presence of P by its signs, which never lower the network's own probability."""

from __future__ import annotations

from dataclasses import asdict, astuple, replace

import numpy as np
import pytest

from intervals.calibration import shipped_calibration
from intervals.p_evidence import PEvidence, PSigns, evidence_from_card, p_signs, with_p_evidence
from intervals.p_waves import P_PRESENT, p_likeness
from tests.intervals.made_beats import beats_at, fiducials_of
from tests.intervals.test_p_waves import regular, wave_windows


def evidence_of(intercept: float, **weights: float) -> PEvidence:
    """Return a regression in which signs without a weight count nothing."""
    none = dict.fromkeys(("likeness", "log_spread", "t_to_p_s", "qrs_s"), 0.0)
    return PEvidence(intercept=intercept, widening=1.5, **(none | weights))


SURE = evidence_of(3.0)
NOISE = np.random.default_rng(0).normal(size=(10, 12, 360)).astype(np.float32)


def test_the_signs_are_measured_on_the_boundaries() -> None:
    """RR 900 ms, T ends at 360 ms, P begins at -200 ms and QRS lasts 92 ms."""
    fiducials = fiducials_of(p_present=0.2, spread=(20.0, 6.0, 4.0, 7.0, 9.0))
    signs = p_signs(regular(), fiducials)
    assert signs is not None
    assert astuple(signs) == pytest.approx((1.0, np.log(20.0), 0.3, 0.092))
    near = p_signs(regular(), fiducials_of((-300.0, -180.0, -40.0, 200.0, 450.0)))
    assert near is not None
    assert (near.t_to_p_s, near.qrs_s) == pytest.approx((0.15, 0.16))


def test_readings_agree_to_a_sample_at_best() -> None:
    signs = p_signs(regular(), fiducials_of(spread=(0.0,) * 5))
    assert signs is not None and signs.log_spread == pytest.approx(np.log(4.0))


def test_two_beats_show_no_recurrence() -> None:
    beats = beats_at([0.5, 1.4], windows=wave_windows(2))
    fiducials = fiducials_of(p_present=0.2)
    assert p_signs(beats, fiducials) is None
    assert with_p_evidence(beats, fiducials, SURE) is fiducials


def test_without_boundaries_of_p_there_are_no_signs() -> None:
    fiducials = fiducials_of((np.nan, np.nan, -40.0, 52.0, 360.0), p_present=0.2)
    assert p_signs(regular(), fiducials) is None


def test_the_probability_is_the_logistic_function_of_the_weighted_signs() -> None:
    evidence = evidence_of(-1.0, likeness=4.0, log_spread=-0.5, t_to_p_s=-10.0, qrs_s=20.0)
    assert evidence.probability(PSigns(0.5, 2.0, 0.2, 0.1)) == pytest.approx(0.5)
    likely, unlikely = 1.0 / (1.0 + np.exp(-2.0)), 1.0 / (1.0 + np.exp(2.0))
    assert evidence.probability(PSigns(1.0, 2.0, 0.2, 0.1)) == pytest.approx(likely)
    assert evidence.probability(PSigns(0.5, 6.0, 0.2, 0.1)) == pytest.approx(unlikely)
    assert evidence.probability(PSigns(0.5, 2.0, 0.0, 0.1)) == pytest.approx(likely)
    assert evidence.probability(PSigns(0.5, 2.0, 0.2, 0.2)) == pytest.approx(likely)


def test_where_the_network_sees_p_it_decides() -> None:
    for p_present in (P_PRESENT, 0.9):
        fiducials = fiducials_of(p_present=p_present)
        assert with_p_evidence(regular(), fiducials, SURE) is fiducials


def test_no_sign_makes_p_less_probable() -> None:
    doubtful = evidence_of(-9.0)
    fiducials = fiducials_of(p_present=0.4)
    assert with_p_evidence(regular(), fiducials, doubtful).p_present == 0.4
    assert with_p_evidence(regular(), fiducials, SURE).p_present == pytest.approx(0.9526, abs=1e-4)


def test_without_a_regression_the_network_decides() -> None:
    fiducials = fiducials_of(p_present=0.2)
    assert with_p_evidence(regular(), fiducials, None) is fiducials


def test_a_card_gives_its_regression_back() -> None:
    evidence = evidence_of(-1.5, likeness=2.5, log_spread=-0.4)
    assert evidence_from_card(asdict(evidence)) == evidence
    assert evidence_from_card(None) is None


# P begins 60 ms after the end of T, at 600 ms of 900.
ON_T = (-300.0, -180.0, -40.0, 52.0, 540.0)


def test_the_shipped_regression_believes_a_wave_that_recurs_and_not_noise() -> None:
    evidence = shipped_calibration(8).p_evidence
    beats = replace(regular(), windows=np.roll(regular().windows, -24, axis=2))
    fiducials = fiducials_of(ON_T, p_present=0.15, spread=(10.0, 10.0, 4.0, 7.0, 9.0))
    assert with_p_evidence(beats, fiducials, evidence).p_present > P_PRESENT
    noise = replace(regular(), windows=NOISE)
    assert (p_likeness(noise, fiducials.times) or 0.0) < 0.3
    assert with_p_evidence(noise, fiducials, evidence).p_present < P_PRESENT


def test_the_shipped_regression_knows_what_speaks_for_p() -> None:
    evidence = shipped_calibration(8).p_evidence
    assert evidence is not None
    assert evidence.likeness > 0 > evidence.log_spread
    assert evidence.qrs_s > 0 > evidence.t_to_p_s
    assert evidence.widening > 1.0


def test_one_or_two_leads_have_no_regression() -> None:
    assert shipped_calibration(2).p_evidence is None
