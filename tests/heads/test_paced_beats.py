"""Morphology is judged alike at every gain and rate, with a chest lead missing, or not at all."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray
from scipy.signal import resample_poly

from heads import pacemaker
from heads.paced_beats import PacedBeatModel, _at_100_hz, features, why_unjudged
from heads.trees import Forest
from intervals.measure import measure
from intervals.measurements import Measurements, RepresentativeBeat
from signals.leads import LEADS, twelve_leads
from signals.logistic import sigmoid
from signals.record import EcgRecord
from tests.data import SHARED, requires_shared

PACED, UNPACED = ("8", "74", "104", "111"), ("2", "37", "132", "195")


@cache
def ludb(name: str) -> NDArray[np.float64]:
    signal: NDArray[np.float64] = (
        wfdb.rdrecord(str(SHARED / "ludb" / "data" / name), physical=False).d_signal.T / 1000.0
    )
    return signal


def log_odds(
    signal: NDArray[np.float64], fs: float = 500.0, leads: tuple[str, ...] = LEADS
) -> float | None:
    # In mV, a recording at a fifth of its height would be too shallow to be measured.
    record = EcgRecord(signal.astype(np.float32), fs, leads, units="unknown")
    twelve = twelve_leads(record)
    found = measure(twelve, fs)
    if why_unjudged(found) is not None:
        return None
    return float(
        pacemaker.shipped_head().beats.log_odds(features(found, twelve.signal, fs)[None])[0]
    )


@requires_shared
def test_paced_beats_are_told_from_others_which_the_model_never_saw() -> None:
    paced = [log_odds(ludb(name)) for name in PACED]
    unpaced = [log_odds(ludb(name)) for name in UNPACED]
    lowest = min(value for value in paced if value is not None)
    highest = max(value for value in unpaced if value is not None)
    assert None not in paced + unpaced
    assert lowest > highest + 2


@requires_shared
@pytest.mark.parametrize("name", ["74", "111", "2", "37"])
def test_gain_and_rate_change_little(name: str) -> None:
    usual = log_odds(ludb(name))
    assert usual is not None
    for gain in (0.2, 5.0):
        assert log_odds(gain * ludb(name)) == pytest.approx(usual, abs=0.2)
    for up, down in ((2, 1), (1, 2), (1, 5)):
        other = log_odds(resample_poly(ludb(name), up, down, axis=1), 500.0 * up / down)
        assert other is not None
        assert sigmoid(np.array(other)) == pytest.approx(sigmoid(np.array(usual)), abs=0.1)


@requires_shared
def test_a_chest_lead_may_be_missing() -> None:
    for name, paced in (("74", True), ("2", False)):
        for lead in ("V1", "V3", "V6"):
            kept = [index for index, lead_name in enumerate(LEADS) if lead_name != lead]
            value = log_odds(ludb(name)[kept], leads=tuple(LEADS[index] for index in kept))
            assert value is not None
            assert (value > 0) == paced, (name, lead, value)


@requires_shared
@pytest.mark.parametrize(
    "leads",
    [("II",), ("I", "II"), ("V1", "V2", "V3", "V4", "V5", "V6"), ("I", "II", "V1", "V2", "V6")],
)
def test_on_too_few_leads_it_is_not_judged(leads: tuple[str, ...]) -> None:
    assert log_odds(ludb("74")[[LEADS.index(lead) for lead in leads]], leads=leads) is None


def test_without_beats_it_is_not_judged() -> None:
    assert why_unjudged(Measurements()) == "no beats were found whose morphology could be judged"
    assert log_odds(np.zeros((12, 5000))) is None
    assert log_odds(np.random.default_rng(0).normal(0, 0.1, (12, 5000))) is None


@pytest.mark.parametrize(
    "missing, judged",
    [
        ((), True),
        (("V1", "V6"), True),
        (("III", "aVR", "aVL", "aVF"), True),  # they follow from I and II
        (("V1", "V3", "V6"), False),
        (("I",), False),
        (("II", "V2"), False),
    ],
)
def test_limb_leads_and_four_chest_leads_are_needed(missing: tuple[str, ...], judged: bool) -> None:
    data = np.random.default_rng(0).normal(size=(12, 360))
    data[[LEADS.index(lead) for lead in missing]] = 0.0
    measured = Measurements(representative=RepresentativeBeat(data, 0.5, {}, 10))
    count = len(missing)
    assert why_unjudged(measured) == (
        None
        if judged
        else f"the morphology of the beats is judged on I, II and V1-V6; {count} of these are "
        "missing, at most 2 chest leads may be"
    )


@pytest.mark.parametrize("samples", [5000, 4999, 4903, 120, 2])
def test_signals_are_resampled_to_100_hz_as_scipy_does(samples: int) -> None:
    """To the precision of float32; scipy subtracts the same line with padtype="line"."""
    random = np.random.default_rng(samples)
    signal = np.cumsum(random.normal(size=(8, samples)), axis=1).astype(np.float32)
    expected = resample_poly(signal.astype(np.float64), 1, 5, axis=1, padtype="line")
    found = _at_100_hz(signal, 500.0)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(signal).max())


def test_a_signal_of_100_hz_is_left_alone() -> None:
    signal = np.random.default_rng(0).normal(size=(8, 1000)).astype(np.float32)
    assert _at_100_hz(signal, 100.0) is signal


def test_log_odds_are_the_sum_of_the_trees_from_the_start_on_calibrated() -> None:
    """Two trees of one split each: 1.5 + (2 or 4) + (8 or 16), times 0.5, minus 3."""
    trees = Forest(
        feature=np.array([0, 0, 0, 1, 0, 0], np.intp),
        threshold=np.array([1, -np.inf, -np.inf, 7, -np.inf, -np.inf], np.float32),
        right=np.array([2, 1, 2, 5, 4, 5], np.intp),
        value=np.array([0, 2, 4, 0, 8, 16], np.float32),
        roots=np.array([0, 3], np.intp),
        depth=1,
    )
    model = PacedBeatModel(trees, 1.5, (0.5, -3.0))
    rows = np.array([[1.0, 7.0], [1.5, 7.0], [0.0, 8.0]])
    assert model.uncalibrated_log_odds(rows).tolist() == [11.5, 13.5, 19.5]
    assert model.log_odds(rows).tolist() == [2.75, 3.75, 6.75]
    again = PacedBeatModel.from_arrays(model.to_arrays())
    assert again.log_odds(rows).tolist() == [2.75, 3.75, 6.75]
