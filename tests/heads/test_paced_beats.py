"""The form of the beats is judged alike at every gain and rate, with a chest lead missing, and not at all where it cannot be."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray
from scipy.signal import resample_poly

from heads import pacemaker
from heads.paced_beats import features, why_unjudged
from intervals.measure import measure
from signals.leads import LEADS, twelve_leads
from signals.logistic import sigmoid
from signals.record import EcgRecord
from tests.data import SHARED, requires_shared

PACED, UNPACED = ("8", "74", "104", "111"), ("2", "37", "132", "195")
pytestmark = requires_shared


@cache
def ludb(name: str) -> NDArray[np.float64]:
    signal: NDArray[np.float64] = (
        wfdb.rdrecord(str(SHARED / "ludb" / "data" / name), physical=False).d_signal.T / 1000.0
    )
    return signal


def log_odds(
    signal: NDArray[np.float64], fs: float = 500.0, leads: tuple[str, ...] = LEADS
) -> float | None:
    record = EcgRecord(signal.astype(np.float32), fs, leads)
    twelve = twelve_leads(record)
    found = measure(twelve, fs)
    if why_unjudged(found) is not None:
        return None
    return float(pacemaker.shipped().beats.log_odds(features(found, twelve.signal, fs)[None])[0])


def test_paced_beats_are_told_from_others_which_the_model_never_saw() -> None:
    lowest = min(log_odds(ludb(name)) or 0.0 for name in PACED)
    highest = max(log_odds(ludb(name)) or 0.0 for name in UNPACED)
    assert lowest > highest + 2


@pytest.mark.parametrize("name", ["74", "111", "2", "37"])
def test_gain_and_rate_change_little(name: str) -> None:
    usual = log_odds(ludb(name))
    assert usual is not None
    for gain in (0.2, 5.0):
        assert log_odds(gain * ludb(name)) == pytest.approx(usual, abs=0.2)
    for up, down in ((2, 1), (1, 2), (1, 5)):
        other = log_odds(resample_poly(ludb(name), up, down, axis=1), 500.0 * up / down)
        assert other is not None
        assert sigmoid(other) == pytest.approx(sigmoid(usual), abs=0.1)


def test_a_chest_lead_may_be_missing() -> None:
    for name, paced in (("74", True), ("2", False)):
        for lead in ("V1", "V3", "V6"):
            kept = [index for index, each in enumerate(LEADS) if each != lead]
            said = log_odds(ludb(name)[kept], leads=tuple(LEADS[index] for index in kept))
            assert said is not None
            assert (said > 0) == paced, (name, lead, said)


@pytest.mark.parametrize(
    "leads",
    [("II",), ("I", "II"), ("V1", "V2", "V3", "V4", "V5", "V6"), ("I", "II", "V1", "V2", "V6")],
)
def test_on_too_few_leads_it_is_not_judged(leads: tuple[str, ...]) -> None:
    assert log_odds(ludb("74")[[LEADS.index(lead) for lead in leads]], leads=leads) is None


def test_without_beats_it_is_not_judged() -> None:
    assert log_odds(np.zeros((12, 5000))) is None
    assert log_odds(np.random.default_rng(0).normal(0, 0.1, (12, 5000))) is None
