"""The fit of the presence of P: it separates what its signs separate, and is fitted by fold."""

from __future__ import annotations

import numpy as np
import pytest

from intervals.calibration import ByLength
from intervals.p_evidence import PSigns
from tests.training.delineator.test_calibrate import BIAS_MS, outcomes
from training.delineator.calibrate import Held, calibration_without, card_of, fit_calibration
from training.delineator.p_presence import P_WEIGHT, POutcome, fit_p_evidence

PR = ByLength((160.0,), (0.0,), (1.0,), 4.0)


def p_outcomes(shift: float = 0.0, count: int = 400) -> list[POutcome]:
    """Outcomes whose log odds are twice the likeness and `shift`; the other signs say nothing.

    P waves are read with an error of 10 ms.
    """
    rng = np.random.default_rng(1)
    signs = rng.normal(size=(count, 4))
    is_p = rng.random(count) < 1.0 / (1.0 + np.exp(-2.0 * signs[:, 0] - shift))
    errors_ms = np.where(is_p, 10.0, np.inf)
    rows = zip(signs.tolist(), errors_ms.tolist(), strict=True)
    return [POutcome(PSigns(*of_one), 160.0, 5.0, error_ms) for of_one, error_ms in rows]


def test_the_fit_finds_the_sign_that_decides() -> None:
    evidence = fit_p_evidence(p_outcomes(count=4000), PR)
    assert evidence.intercept == pytest.approx(np.log(P_WEIGHT), abs=0.15)
    assert evidence.likeness == pytest.approx(2.0, abs=0.2)
    others = (evidence.log_spread, evidence.t_to_p_s, evidence.qrs_s)
    assert others == pytest.approx((0.0,) * 3, abs=0.2)


def test_the_uncertainty_is_widened_to_the_errors() -> None:
    """Errors of 10 ms for an uncertainty of 5."""
    assert fit_p_evidence(p_outcomes(), PR).widening == pytest.approx(2.0)


def test_without_outcomes_of_p_the_network_decides() -> None:
    calibration = fit_calibration(BIAS_MS, outcomes())
    assert calibration.p_evidence is None
    assert "p_evidence" not in card_of(calibration)


def test_a_fold_is_judged_by_the_outcomes_of_the_others() -> None:
    first, second = p_outcomes(-2.0), p_outcomes(2.0)
    held = Held([outcomes(), outcomes()], {0: BIAS_MS, 1: BIAS_MS}, [first, second])
    fold = np.array([0, 1])
    for number, others in enumerate((second, first)):
        calibration = calibration_without(held, fold, number)
        expected = fit_p_evidence(others, calibration.intervals["pr_ms"])
        assert calibration.p_evidence == expected
