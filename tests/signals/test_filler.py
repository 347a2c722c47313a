"""Filler: stretches in which all leads are held at one value."""

from __future__ import annotations

import numpy as np
import pytest
import wfdb

from signals.checks import check_record
from signals.filler import INT16_LIMITS, extreme_stretches, mark_filler, without_extremes
from signals.leads import LEADS
from tests.data import SHARED, requires_shared
from tests.signals.recordings import beating, record

SIGNAL = beating()


def filled(
    start_s: float, stop_s: float, level: float | None, leads: tuple[str, ...] = LEADS
) -> np.ndarray:
    """A recording of 10 s with filler in it: one level in all leads, or each lead's last value."""
    signal = beating()[[LEADS.index(lead) for lead in leads]]
    start, stop = round(start_s * 500), round(stop_s * 500)
    signal[:, start:stop] = signal[:, [max(start - 1, 0)]] if level is None else level
    return signal


@pytest.mark.parametrize("level", [0.0, -32.768, 5.0, None])
@pytest.mark.parametrize(("start_s", "stop_s"), [(0.0, 0.3), (0.0, 4.0), (4.0, 4.5), (3.0, 7.0)])
@pytest.mark.parametrize("leads", [LEADS, LEADS[:6], ("I", "II", "V1")])
def test_filler_at_the_start_and_in_the_middle_is_a_gap(
    leads: tuple[str, ...], start_s: float, stop_s: float, level: float | None
) -> None:
    marked = mark_filler(record(filled(start_s, stop_s, level, leads), leads))
    assert marked.samples == 5000
    gap = np.flatnonzero(np.isnan(marked.signal).all(axis=0))
    # The last value before it is held, too.
    first = round(start_s * 500) - (1 if level is None and start_s else 0)
    assert gap.tolist() == list(range(first, round(stop_s * 500)))
    assert np.isnan(marked.signal).sum() == len(leads) * gap.size
    assert marked.warnings == (
        f"signal: held at one value in all leads from {first / 500:.2f} to {stop_s:.2f} s;"
        " that is no signal",
    )


@pytest.mark.parametrize("level", [0.0, -32.768, 5.0])
@pytest.mark.parametrize("start_s", [9.7, 7.0, 3.0])
def test_filler_at_the_end_is_cut_off(start_s: float, level: float) -> None:
    marked = mark_filler(record(filled(start_s, 10.0, level)), min_seconds=2.0)
    np.testing.assert_array_equal(marked.signal, SIGNAL[:, : round(start_s * 500)])
    assert marked.signal.flags.c_contiguous
    assert marked.warnings == (
        f"signal: held at one value in all leads from {start_s:.2f} to 10.00 s;"
        " that is no signal, and the end is cut off",
    )


def test_what_would_be_too_short_is_not_cut_off() -> None:
    marked = mark_filler(record(filled(1.9, 10.0, 0.0)), min_seconds=2.0)
    assert marked.samples == 5000
    assert np.isnan(marked.signal[:, 950:]).all()
    assert "cut off" not in marked.warnings[0]


@pytest.mark.parametrize(("seconds", "leads"), [(0.198, LEADS), (0.9, ("II",)), (0.9, ("I", "V5"))])
def test_a_short_stretch_is_signal(seconds: float, leads: tuple[str, ...]) -> None:
    sound = record(filled(4.0, 4.0 + seconds, 0.0, leads), leads)
    assert mark_filler(sound) is sound


@pytest.mark.parametrize("leads", [("II",), ("I", "V5")])
def test_one_or_two_leads_are_filler_from_a_second_on(leads: tuple[str, ...]) -> None:
    marked = mark_filler(record(filled(4.0, 5.0, 0.0, leads), leads))
    assert np.isnan(marked.signal).sum() == 500 * len(leads)


def test_one_lead_with_a_signal_is_enough() -> None:
    signal = filled(4.0, 6.0, 0.0)
    signal[7] = SIGNAL[7]
    sound = record(signal)
    assert mark_filler(sound) is sound


def test_leads_that_are_constant_throughout_are_left_as_they_are() -> None:
    signal = filled(4.0, 6.0, 0.0)
    signal[6:] = 0.25
    marked = mark_filler(record(signal))
    assert np.isnan(marked.signal[:6, 2000:3000]).all()
    np.testing.assert_array_equal(marked.signal[6:], signal[6:])
    flat = record(np.zeros((12, 5000)))
    assert mark_filler(flat) is flat


def test_a_lead_with_a_gap_there_is_no_sign_of_a_signal() -> None:
    signal = filled(4.0, 6.0, 0.0)
    signal[3, 1900:3200] = np.nan
    marked = mark_filler(record(signal))
    assert np.isnan(marked.signal[:, 2000:3000]).all()
    only_gaps = record(np.full((12, 5000), np.nan))
    assert mark_filler(only_gaps) is only_gaps


@pytest.mark.parametrize("rate_s", [0.8, 1.0, 2.5])
def test_the_baseline_of_a_signal_without_noise_is_no_filler(rate_s: float) -> None:
    """A simulator's signal: between its beats, and in a pause of 3 s, it has one value."""
    at_s = np.arange(10_000) / 500
    beat = np.maximum(0.0, 1.0 - np.abs(at_s % rate_s - 0.3) / 0.04)
    beat[4000:5500] = 0.0
    simulated = record(np.outer(np.linspace(-1.0, 1.0, 12), beat))
    assert mark_filler(simulated) is simulated


def test_a_calibration_pulse_and_the_second_around_it_are_no_filler() -> None:
    signal = beating(11.0)
    signal[:, 5000:] = 0.0
    signal[:, 5300:5420] = 1.0
    sound = record(signal)
    assert mark_filler(sound) is sound
    signal[:, 1000:1300] = 0.0
    (warning,) = mark_filler(sound).warnings
    assert "from 2.00 to 2.60 s;" in warning


def test_asystole_with_noise_is_no_filler() -> None:
    signal = beating()
    signal[:, 2000:] = np.random.default_rng(0).normal(0.0, 0.005, (12, 3000)).round(3)
    asystole = record(signal)
    assert mark_filler(asystole) is asystole


def test_at_most_five_stretches_are_named() -> None:
    signal = beating(30.0)
    for second in range(1, 27, 4):
        signal[:, 500 * second : 500 * second + 200] = 0.001 * second
    (warning,) = mark_filler(record(signal)).warnings
    assert warning.count(" from ") == 5
    assert warning.endswith("from 17.00 to 17.40 s, and 2 more; that is no signal")


def test_the_check_of_a_record_marks_filler_before_it_judges_the_units() -> None:
    signal = np.tile(beating(), 2)
    signal[:, 3000:] = -500.0
    checked = check_record(record(signal))
    assert (checked.units, checked.samples) == ("mV", 3000)
    assert len(checked.warnings) == 1


def test_a_lead_that_varies_only_by_its_filler_is_constant_after_it() -> None:
    signal = filled(7.0, 10.0, -32.768)
    signal[6:, :3500] = 0.0
    checked = check_record(record(signal))
    assert (checked.signal[6:] == 0.0).all()


@requires_shared
@pytest.mark.parametrize("folder", ["ludb/data", "mitbih/wfdb", "ptbxl/raw500", "ptbxl/raw100"])
def test_real_recordings_have_no_filler(folder: str) -> None:
    headers = sorted((SHARED / folder).rglob("*.hea"))
    assert headers
    for header in headers:
        stored = wfdb.rdrecord(str(header.with_suffix("")), physical=False)
        codes = stored.d_signal.T
        sound = record(codes, LEADS[: len(codes)], float(stored.fs))
        assert mark_filler(sound) is sound, header.stem


# At the lowest or the highest code

INT16 = (-32768.0, 32767.0)


def codes(leads: int = 8) -> np.ndarray:
    return np.rint(1000 * beating()[:leads]).astype(np.int16)


@pytest.mark.parametrize("level", INT16)
@pytest.mark.parametrize("span", [(0, 1), (2000, 2001), (2000, 2060), (0, 90), (4950, 5000)])
def test_codes_at_a_limit_in_all_leads_are_no_signal(span: tuple[int, int], level: float) -> None:
    stored = codes()
    stored[:, slice(*span)] = int(level)
    starts, stops = extreme_stretches(list(stored), [INT16] * 8, 500.0)
    assert (starts.tolist(), stops.tolist()) == ([span[0]], [span[1]])
    signal = (stored / 1000).astype(np.float32)
    marked, (warning,) = without_extremes(signal, list(stored), [INT16] * 8, 500.0)
    assert np.flatnonzero(np.isnan(marked).all(axis=0)).tolist() == list(range(*span))
    assert warning == (
        "signal: all leads at the lowest or highest value that the file can hold"
        f" from {span[0] / 500:.2f} to {span[1] / 500:.2f} s; that is no signal"
    )


@pytest.mark.parametrize(("leads", "samples", "found"), [(2, 19, 0), (2, 20, 1), (1, 20, 1)])
def test_few_leads_are_at_a_limit_for_40_ms(leads: int, samples: int, found: int) -> None:
    stored = codes(leads)
    stored[:, 1000 : 1000 + samples] = -32768
    assert extreme_stretches(list(stored), [INT16] * leads, 500.0)[0].size == found


def test_a_single_lead_may_be_clipped_at_the_limits_that_its_header_states() -> None:
    stored = np.clip(codes(1), -100, 100)
    assert extreme_stretches(list(stored), [(-100.0, 100.0)], 500.0)[0].size == 0
    assert extreme_stretches([*stored, *stored], [(-100.0, 100.0)] * 2, 500.0)[0].size > 0


def test_one_lead_above_its_limit_is_a_signal_and_constant_leads_are_not_asked() -> None:
    stored = codes()
    stored[:, 1000:1100] = -32768
    stored[3, 1000:1100] = 5
    assert extreme_stretches(list(stored), [INT16] * 8, 500.0)[0].size == 0
    stored[3] = 5
    assert extreme_stretches(list(stored), [INT16] * 8, 500.0)[0].tolist() == [1000]


def test_the_limits_of_each_lead_count_and_gaps_are_no_signal_either() -> None:
    stored = [lead.astype(np.float64) for lead in codes(3)]
    limits = [(-2048.0, 2047.0), (-4000.0, 4000.0), INT16]
    for lead, (lowest, _) in zip(stored, limits, strict=True):
        lead[1000:1100] = lowest
    stored[1][1050:1200] = np.nan
    starts, stops = extreme_stretches(stored, limits, 500.0)
    assert (starts.tolist(), stops.tolist()) == ([1000], [1100])


def test_a_second_at_the_end_is_left_to_be_cut_off() -> None:
    stored = codes()
    stored[:, 4400:] = -32768
    assert extreme_stretches(list(stored), [INT16] * 8, 500.0)[0].size == 0
    assert mark_filler(record(stored, LEADS[:8])).samples == 4400


@pytest.mark.parametrize("leads", [1, 6, 12])
def test_leads_without_samples_have_no_stretches(leads: int) -> None:
    starts, stops = extreme_stretches([np.zeros(0)] * leads, [INT16_LIMITS] * leads, 500.0)
    assert (starts.size, stops.size) == (0, 0)
