"""Exchanged, inverted and wrongly scaled limb leads: the others give the axes, or none does."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pytest

from formats.parts import Part
from formats.registry import read
from signals.leads import LEADS, TwelveLeads, twelve_leads
from signals.limb_leads import LIMB_LEADS, lead_vectors
from signals.record import Units
from tests.data import SHARED, requires_shared
from tests.signals.recordings import record

ROWS = range(6)
# One QRS axis in each quadrant; P and T have axes of their own.
QRS_AXES = (50.0, 130.0, -130.0, -55.0)
RATES = (100.0, 500.0)
CONDITIONS = [(axis, fs) for axis in QRS_AXES for fs in RATES]
WITHIN_DEG = 3.0


def limb_leads(qrs_axis: float, fs: float, noise_mv: float = 0.0, seed: int = 0) -> np.ndarray:
    """Return (6, samples) mV: ten beats, and noise that differs from lead to lead."""
    phase = (np.arange(round(10 * fs)) / fs) % 1.0
    vector = np.zeros((2, phase.size))
    # Height in mV, time and width in s, and the axis of P, Q, R, S and T.
    waves = (
        (0.12, 0.22, 0.025, qrs_axis + 15.0),
        (0.15, 0.375, 0.008, qrs_axis + 140.0),
        (1.1, 0.4, 0.014, qrs_axis),
        (0.3, 0.425, 0.010, qrs_axis - 150.0),
        (0.3, 0.7, 0.05, qrs_axis - 25.0),
    )
    for height, time_s, width_s, axis in waves:
        direction = np.array([math.cos(math.radians(axis)), math.sin(math.radians(axis))])
        wave = height * np.exp(-(((phase - time_s) / width_s) ** 2))
        vector += direction[:, np.newaxis] * wave
    signal = lead_vectors(LIMB_LEADS) @ vector
    return signal + noise_mv * np.random.default_rng(seed).normal(size=signal.shape)


def sent(
    signal: np.ndarray, fs: float, units: Units = "mV", rows: Sequence[int] = ROWS
) -> TwelveLeads:
    """Return the leads of a recording of these rows."""
    names = tuple(LIMB_LEADS[row] for row in rows)
    return twelve_leads(record(signal[list(rows)], names, fs, units))


def named(leads: TwelveLeads) -> set[str]:
    return {contradiction.lead for contradiction in leads.limb_agreement.contradictions}


def axis_deg(leads: TwelveLeads) -> float | None:
    """Return the axis of R by the leads that are right, as `intervals.axes` uses them."""
    right = leads.right_limb_leads
    if len(right) < 2:
        return None
    pair = ("I", "aVF") if {"I", "aVF"} <= set(right) else right[:2]
    signal = leads.signal[[LEADS.index(lead) for lead in pair]].astype(np.float64)
    x, y = np.linalg.inv(lead_vectors(pair)) @ signal
    beats = signal.shape[1] // 10
    # Ten beats are averaged; R is within 10 ms.
    x, y = (component.reshape(10, beats).mean(axis=0) for component in (x, y))
    r = slice(round(0.39 * beats), round(0.41 * beats) + 1)
    return math.degrees(math.atan2(y[r].sum(), x[r].sum()))


def assert_right_or_unknown(leads: TwelveLeads, true_deg: float) -> bool:
    """Assert that the axis is right, or that a warning says why there is none; return which."""
    axis = axis_deg(leads)
    if axis is None:
        assert any("so that no axis is measured" in warning for warning in leads.warnings)
        return False
    assert abs((axis - true_deg + 180.0) % 360.0 - 180.0) <= WITHIN_DEG
    return True


def true_axis(qrs_axis: float, fs: float) -> float:
    axis = axis_deg(sent(limb_leads(qrs_axis, fs), fs))
    assert axis is not None
    return axis


def exchanges() -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """Yield the rows that are exchanged, and the order after which they are."""
    for first, second in combinations(ROWS, 2):
        order = list(ROWS)
        order[first], order[second] = second, first
        yield (first, second), order
    for first, second, third in combinations(ROWS, 3):
        for places in ((second, third, first), (third, first, second)):
            order = list(ROWS)
            order[first], order[second], order[third] = places
            yield (first, second, third), order


@pytest.mark.parametrize(("qrs_axis", "fs"), CONDITIONS)
@pytest.mark.parametrize("units", ["mV", "unknown"])
def test_sound_leads_agree(qrs_axis: float, fs: float, units: Units) -> None:
    leads = sent(limb_leads(qrs_axis, fs), fs, units)
    assert leads.warnings == () and named(leads) == set()
    assert leads.right_limb_leads == LIMB_LEADS


@pytest.mark.parametrize(("qrs_axis", "fs"), CONDITIONS)
def test_noise_of_0_02_mv_is_no_contradiction(qrs_axis: float, fs: float) -> None:
    for seed in range(5):
        signal = limb_leads(qrs_axis, fs, 0.02, seed)
        for rows in (ROWS, (0, 1, 2), (0, 1, 5), (1, 2, 3, 4)):
            assert sent(signal, fs, rows=rows).warnings == ()


@pytest.mark.parametrize(("qrs_axis", "fs"), CONDITIONS)
@pytest.mark.parametrize("noise_mv", [0.0, 0.02])
@pytest.mark.parametrize("units", ["mV", "unknown"])
def test_exchanged_rows_are_named_and_the_others_give_the_axis(
    qrs_axis: float, fs: float, noise_mv: float, units: Units
) -> None:
    """All pairs, and all threes of which each is in the place of another."""
    true_deg = true_axis(qrs_axis, fs)
    signal = limb_leads(qrs_axis, fs, noise_mv)
    for rows, order in exchanges():
        leads = sent(signal[order], fs, units)
        assert assert_right_or_unknown(leads, true_deg), (rows, leads.warnings)
        assert named(leads) == {LIMB_LEADS[row] for row in rows}
        assert "change places; axes are measured on the others" in leads.warnings[0]


@pytest.mark.parametrize(("qrs_axis", "fs"), CONDITIONS)
@pytest.mark.parametrize("noise_mv", [0.0, 0.02])
@pytest.mark.parametrize("units", ["mV", "unknown"])
def test_a_lead_upside_down_is_named_and_the_others_give_the_axis(
    qrs_axis: float, fs: float, noise_mv: float, units: Units
) -> None:
    true_deg = true_axis(qrs_axis, fs)
    for row in ROWS:
        signal = limb_leads(qrs_axis, fs, noise_mv)
        signal[row] *= -1
        leads = sent(signal, fs, units)
        assert assert_right_or_unknown(leads, true_deg)
        assert named(leads) == {LIMB_LEADS[row]}
        assert f"{LIMB_LEADS[row]} is turned upside down" in leads.warnings[0]


@pytest.mark.parametrize(("qrs_axis", "fs"), CONDITIONS)
@pytest.mark.parametrize("units", ["mV", "unknown"])
def test_wrong_gains_of_one_or_two_of_six_leads(qrs_axis: float, fs: float, units: Units) -> None:
    true_deg = true_axis(qrs_axis, fs)
    for count, gains in ((1, (0.5,)), (1, (1.6,)), (2, (0.5, 1.7)), (2, (1.4, 2.0))):
        for rows in combinations(ROWS, count):
            signal = limb_leads(qrs_axis, fs, 0.01)
            signal[list(rows)] *= np.array(gains)[:, np.newaxis]
            leads = sent(signal, fs, units)
            assert assert_right_or_unknown(leads, true_deg)
            assert named(leads) <= {LIMB_LEADS[row] for row in rows}


@pytest.mark.parametrize(("qrs_axis", "fs"), CONDITIONS)
def test_wrong_gains_of_three_of_six_leads_leave_no_axis_or_the_right_one(
    qrs_axis: float, fs: float
) -> None:
    true_deg = true_axis(qrs_axis, fs)
    for rows in combinations(ROWS, 3):
        for gains in ((0.5, 1.4, 2.2), (1.3, 0.6, 0.8)):
            signal = limb_leads(qrs_axis, fs)
            signal[list(rows)] *= np.array(gains)[:, np.newaxis]
            leads = sent(signal, fs)
            assert named(leads)
            assert_right_or_unknown(leads, true_deg)


@pytest.mark.parametrize(("qrs_axis", "fs"), CONDITIONS)
@pytest.mark.parametrize("count", [4, 5])
def test_with_four_or_five_leads_the_axis_is_right_or_unknown(
    qrs_axis: float, fs: float, count: int
) -> None:
    true_deg = true_axis(qrs_axis, fs)
    signal = limb_leads(qrs_axis, fs)
    for rows in combinations(ROWS, count):
        for _, order in exchanges():
            assert_right_or_unknown(sent(signal[order], fs, rows=rows), true_deg)
        for row in rows:
            for gain in (-1.0, 0.5, 1.8):
                changed = signal.copy()
                changed[row] *= gain
                leads = sent(changed, fs, rows=rows)
                assert LIMB_LEADS[row] in named(leads)
                is_known = assert_right_or_unknown(leads, true_deg)
                if count == 5:
                    assert is_known and named(leads) == {LIMB_LEADS[row]}


@pytest.mark.parametrize("rows", [(0, 1, 2), (0, 1, 3), (1, 2, 5), (3, 4, 5)])
def test_among_three_leads_the_wrong_one_is_unknown(rows: tuple[int, ...]) -> None:
    for qrs_axis, fs in CONDITIONS:
        for row in rows:
            signal = limb_leads(qrs_axis, fs)
            signal[row] *= 0.5
            leads = sent(signal, fs, rows=rows)
            assert named(leads) == {LIMB_LEADS[row] for row in rows}
            assert axis_deg(leads) is None


def test_three_inverted_leads_may_as_well_be_the_right_ones() -> None:
    signal = limb_leads(50.0, 500.0)
    signal[3:] *= -1
    leads = sent(signal, 500.0)
    assert named(leads) == set(LIMB_LEADS)
    assert not assert_right_or_unknown(leads, 50.0)


# Each lead is then the one of this row, upside down if its number is negative (counted from 1).
EXCHANGED_ELECTRODES = {
    "RA and LA": (-1, 3, 2, 5, 4, 6),
    "RA and LL": (-3, -2, -1, 6, 5, 4),
    "LA and LL": (2, 1, -3, 4, 6, 5),
}


@pytest.mark.parametrize("electrodes", EXCHANGED_ELECTRODES)
def test_exchanged_electrodes_leave_all_leads_in_agreement(electrodes: str) -> None:
    """They are found by `signal_quality.placement`."""
    signal = limb_leads(50.0, 500.0)
    leads = EXCHANGED_ELECTRODES[electrodes]
    exchanged = np.array([np.sign(lead) * signal[abs(lead) - 1] for lead in leads])
    assert sent(exchanged, 500.0).warnings == ()


@requires_shared
def test_the_wrong_gains_of_ludbs_headers_are_found_in_every_recording() -> None:
    """The stored integers are microvolts; the gains in the headers differ from lead to lead."""
    heads = sorted((SHARED / "ludb" / "data").glob("*.hea"))
    assert len(heads) == 100
    known = 0
    for head in heads:
        files = [Part(path.name, path.read_bytes()) for path in (head, head.with_suffix(".dat"))]
        as_stated = twelve_leads(read(files))
        assert named(as_stated)
        known += as_stated.limb_agreement.known
        text = re.sub(r"(?m)^(\S+ 16) \S+/mV", r"\1 1000(0)/mV", head.read_text())
        in_microvolts = twelve_leads(read([Part(head.name, text.encode()), files[1]]))
        assert in_microvolts.warnings == ()
    # Four leads that agree by chance; the axis of two of them is within 3 degrees, of one within 4.
    assert known == 3
