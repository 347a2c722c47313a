"""The measurement matrix on ECGs whose amplitudes, durations and ST levels are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from intervals.matrix.lead_matrix import LeadRow, Matrix, lead_matrix
from intervals.measure import measure_conditioned
from intervals.measurements import BeatFiducials, Measurements
from signals.conditioned import condition
from signals.leads import LEADS
from signals.r_peaks import r_peaks_of
from tests.intervals.matrix.known_leads import Lead, Times, measured_at, recording

ALL_PRESENT = np.ones(12, np.bool_)
# Waves of at least 24 ms, six samples at 250 Hz.
LEADS_12 = (
    Lead(lobes=((-0.12, 24), (1.0, 40), (-0.2, 24))),
    Lead(lobes=((0.8, 50), (-0.5, 38)), p_mv=0.2),
    Lead(lobes=((-0.9, 80),), j_mv=0.3, st80_mv=0.35, t_mv=0.6),
    Lead(lobes=((0.2, 24), (-0.8, 34), (0.4, 30)), p_mv=-0.15, t_mv=-0.3),
    Lead(lobes=((-0.3, 36), (0.7, 50)), j_mv=0.2, st80_mv=0.1, t_mv=0.4),
    Lead(lobes=((-0.1, 24), (1.0, 40)), j_mv=-0.15, st80_mv=-0.2, t_mv=0.3),
    Lead(lobes=((0.3, 30), (-1.4, 46)), p_mv=0.08, j_mv=0.1, st80_mv=0.2, t_mv=0.5),
    Lead(lobes=((0.5, 34), (-1.6, 50)), j_mv=0.15, st80_mv=0.25, t_mv=0.9),
    Lead(lobes=((0.9, 40), (-0.9, 40)), delay_ms=8.0, t_mv=0.7),
    Lead(lobes=((1.5, 46), (-0.4, 34)), j_mv=-0.1, st80_mv=-0.25, t_mv=-0.4),
    Lead(lobes=((-0.15, 26), (1.8, 44)), t_mv=0.5),
    Lead(lobes=((1.2, 60),), delay_ms=16.0, t_mv=0.35),
)
NAMES = {True: ("q", "r", "s", "r2"), False: ("r", "s", "r2")}


def known_row(lead: Lead, times: Times) -> dict[str, float]:
    """The values that the lead was made of."""
    known = {"p_mv": lead.p_mv, "p_ms": times.p_ms, "t_mv": lead.t_mv, "j_mv": lead.j_mv}
    known["st_slope_mv_s"] = (lead.st80_mv - lead.j_mv) / 0.08
    for after_ms in (40, 60, 80):
        known[f"st{after_ms}_mv"] = lead.j_mv + known["st_slope_mv_s"] * after_ms / 1000.0
    names = NAMES[lead.lobes[0][0] < 0]
    for name, (height, width) in zip(names, lead.lobes, strict=False):
        known[f"{name}_mv"] = height
        known[f"{name}_ms"] = width
    return known


def measured(
    signal: np.ndarray, fs: float, times: Times, measurements: Measurements | None = None
) -> Matrix:
    ready = condition(signal.astype(np.float32), fs)
    matrix = lead_matrix(ready, measurements or measured_at(times), ALL_PRESENT)
    assert matrix is not None
    return matrix


def assert_known(
    matrix: Matrix, leads: tuple[Lead, ...], times: Times, mv: float, ms: float
) -> None:
    """Each value is within these tolerances; amplitudes also within 3 %."""
    for row, lead in zip(matrix.rows, leads, strict=True):
        known = known_row(lead, times)
        found = {name: value for name, value in vars(row).items() if value is not None}
        # A lobe that falls to zero before a raised J is a notch by its form.
        found.pop("jp_mv", None)
        assert found.keys() == known.keys(), lead
        for name, value in known.items():
            if name == "st_slope_mv_s":
                assert found[name] == pytest.approx(value, abs=2 * mv / 0.08 + 0.03 * abs(value)), (
                    lead,
                    name,
                )
            elif name.endswith("_mv"):
                assert found[name] == pytest.approx(value, abs=mv + 0.03 * abs(value)), (lead, name)
            elif not (name.endswith("_ms") and reaches_j(lead, name)):
                assert found[name] == pytest.approx(value, abs=ms), (lead, name)


def reaches_j(lead: Lead, name: str) -> bool:
    """The last wave goes on to J where J has its sign."""
    last = NAMES[lead.lobes[0][0] < 0][len(lead.lobes) - 1]
    return name == f"{last}_ms" and lead.j_mv * lead.lobes[-1][0] > 0


@pytest.mark.parametrize(
    ("fs", "mv", "ms"), [(500.0, 0.005, 1.0), (1000.0, 0.005, 2.0), (250.0, 0.012, 3.0)]
)
def test_the_values_are_those_that_the_leads_were_made_of(fs: float, mv: float, ms: float) -> None:
    times = Times()
    matrix = measured(recording(LEADS_12, times, fs), fs, times)
    assert matrix.warnings == ()
    assert_known(matrix, LEADS_12, times, mv, ms)


def test_at_100_hz_waves_of_60_ms_are_measured() -> None:
    """Six samples: IEC 60601-2-25, FF.5."""
    times = Times(qrs_ms=140.0, qt_ms=460.0)
    leads = tuple(
        replace(lead, lobes=lobes, delay_ms=0.0)
        for lead, lobes in zip(LEADS_12, 6 * (((1.0, 64), (-0.7, 62)), ((-0.8, 120),)), strict=True)
    )
    matrix = measured(recording(leads, times, 100.0), 100.0, times)
    assert_known(matrix, leads, times, mv=0.025, ms=6.0)


@pytest.mark.parametrize("factor", [-1.0, 0.4, 3.0], ids=["inverted", "low", "high"])
def test_amplitudes_scale(factor: float) -> None:
    times = Times()
    leads = tuple(replace(lead.scaled(factor), p_mv=0.2 * factor) for lead in LEADS_12)
    matrix = measured(recording(leads, times), 500.0, times)
    assert_known(matrix, leads, times, mv=0.005, ms=2.0)


@pytest.mark.parametrize(
    "times",
    [
        Times(rr_ms=1500.0, qt_ms=440.0),
        Times(rr_ms=1100.0),
        Times(rr_ms=600.0, qt_ms=340.0),
        Times(rr_ms=430.0, pr_ms=120.0, p_ms=80.0, qt_ms=300.0),
    ],
    ids=["40 per minute", "55 per minute", "100 per minute", "140 per minute"],
)
def test_the_rate_does_not_move_st_and_t(times: Times) -> None:
    """A high-pass filter at 0.6 Hz would, by up to 0.06 mV in these leads."""
    matrix = measured(recording(LEADS_12, times), 500.0, times)
    assert_known(matrix, LEADS_12, times, mv=0.006, ms=1.5)


def test_wander_of_breathing_moves_the_levels_by_a_few_hundredths_of_it() -> None:
    """0.6 mV peak to peak, 16 breaths a minute, another phase in each lead."""
    times = Times()
    at_s = np.arange(5000) / 500.0
    wander = 0.3 * np.sin(2 * np.pi * 0.27 * at_s + np.arange(12)[:, None])
    matrix = measured(recording(LEADS_12, times) + wander, 500.0, times)
    assert_known(matrix, LEADS_12, times, mv=0.015, ms=2.0)


def test_noise_is_averaged_away() -> None:
    """20 uV rms of muscle noise and 20 uV of hum, which is in another phase in each beat."""
    times = Times(rr_ms=853.0)
    generator = np.random.default_rng(5)
    at_s = np.arange(5000) / 500.0
    noise = 0.02 * generator.normal(size=(12, 5000)) + 0.02 * np.sin(2 * np.pi * 50.0 * at_s)
    matrix = measured(recording(LEADS_12, times) + noise, 500.0, times)
    assert_known(matrix, LEADS_12, times, mv=0.03, ms=5.0)


def test_with_the_boundaries_of_the_delineator_itself() -> None:
    """J is placed up to some ms beside the truth, on the steep ramp to it; ST is not affected."""
    times = Times()
    ready = condition(recording(LEADS_12, times).astype(np.float32), 500.0)
    measurements = measure_conditioned(ready, r_peaks_of(ready))
    matrix = lead_matrix(ready, measurements, ALL_PRESENT)
    assert matrix is not None
    for row, lead in zip(matrix.rows, LEADS_12, strict=True):
        known = known_row(lead, times)
        for name in ("q_mv", "r_mv", "s_mv", "r2_mv", "t_mv"):
            assert getattr(row, name) == pytest.approx(known.get(name), abs=0.02), (lead, name)
        for name in ("p_mv", "st40_mv", "st60_mv", "st80_mv"):
            assert getattr(row, name) == pytest.approx(known[name], abs=0.03), (lead, name)


@pytest.mark.parametrize("row", [0, 6, 11])
def test_a_lead_whose_beats_differ_much_is_named(row: int) -> None:
    """2 mV peak to peak of wander at half the heart rate: no curve through PR follows it."""
    times = Times()
    signal = recording(LEADS_12, times)
    signal[row] += np.sin(2 * np.pi * 0.55 * np.arange(5000) / 500.0)
    matrix = measured(signal, 500.0, times)
    assert matrix.uncertain == (LEADS[row],)
    assert matrix.warnings == (
        f"matrix: the beats differ much in {LEADS[row]}; the standard error of their mean is above "
        "0.05 mV",
    )


def test_ectopic_beats_do_not_change_the_matrix() -> None:
    times = Times()
    signal = recording(LEADS_12, times)
    measurements = measured_at(times)
    beats = list(measurements.fiducials)
    beats[4] = BeatFiducials(beats[4].r, "ectopic")
    start = round((beats[4].r - 0.15) * 500.0)
    signal[:, start : start + 200] *= -2.0
    matrix = measured(signal, 500.0, times, replace(measurements, fiducials=tuple(beats)))
    assert_known(matrix, LEADS_12, times, mv=0.006, ms=1.5)


def test_without_p_and_without_the_end_of_t_their_columns_are_empty() -> None:
    times = Times()
    measurements = measured_at(times)
    assert measurements.representative is not None
    boundaries = measurements.representative.fiducials | {"p_onset": None, "t_offset": None}
    representative = replace(measurements.representative, fiducials=boundaries)
    matrix = measured(
        recording(LEADS_12, times),
        500.0,
        times,
        replace(measurements, representative=representative),
    )
    assert {(row.p_mv, row.p_ms, row.t_mv) for row in matrix.rows} == {(None, None, None)}
    assert [row.r_mv is None for row in matrix.rows] == [lead == 2 for lead in range(12)]
    assert matrix.warnings == (
        "matrix: p_mv and p_ms are null; no P wave is measured",
        "matrix: t_mv is null; the end of T is not measured",
    )


@pytest.mark.parametrize("after_j_s", [-0.02, 0.0, 0.04])
def test_a_t_wave_that_ends_within_the_st_segment_has_no_height(after_j_s: float) -> None:
    times = Times()
    measurements = measured_at(times)
    assert measurements.representative is not None
    boundaries = dict(measurements.representative.fiducials)
    offset_s = boundaries["qrs_offset"]
    assert offset_s is not None
    boundaries["t_offset"] = offset_s + after_j_s
    representative = replace(measurements.representative, fiducials=boundaries)
    changed = replace(measurements, representative=representative)
    matrix = measured(recording(LEADS_12, times), 500.0, times, changed)
    assert {row.t_mv for row in matrix.rows} == {None}


def test_waves_below_30_uv_are_absent() -> None:
    times = Times()
    flat = tuple(replace(lead, p_mv=0.02, t_mv=0.0, j_mv=0.0, st80_mv=0.0) for lead in LEADS_12)
    matrix = measured(recording(flat, times), 500.0, times)
    assert {(row.p_mv, row.p_ms, row.t_mv) for row in matrix.rows} == {(None, None, None)}


def test_the_row_of_a_lead_without_a_signal_is_empty() -> None:
    times = Times()
    signal = recording(LEADS_12, times)
    signal[7] = np.nan
    present = np.arange(12) != 7
    ready = condition(signal.astype(np.float32), 500.0)
    matrix = lead_matrix(ready, measured_at(times), present)
    assert matrix is not None
    assert [row == LeadRow() for row in matrix.rows] == [lead == 7 for lead in range(12)]


def test_beats_with_a_gap_are_left_out() -> None:
    times = Times()
    signal = recording(LEADS_12, times)
    signal[:, 1500:2100] = np.nan
    matrix = measured(signal, 500.0, times)
    assert_known(matrix, LEADS_12, times, mv=0.006, ms=1.5)


@pytest.mark.parametrize("seconds", [0.9, 1.0, 0.0])
def test_without_a_whole_beat_there_is_no_matrix(seconds: float) -> None:
    """The only beat's T is cut off."""
    times = Times()
    signal = recording(LEADS_12, times)[:, : round(seconds * 500)]
    ready = condition(signal.astype(np.float32), 500.0)
    assert lead_matrix(ready, measured_at(times), ALL_PRESENT) is None


def test_without_a_qrs_complex_there_is_no_matrix() -> None:
    ready = condition(np.zeros((12, 5000), np.float32), 500.0)
    assert lead_matrix(ready, Measurements(), ALL_PRESENT) is None
