"""Blocks between atria and ventricles, on ECGs whose P waves and QRS complexes are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from intervals.findings.recording import recording_findings
from intervals.measure import measure
from intervals.measurements import Measurements
from intervals.rhythm import name_rhythm
from signals.spikes import Pacing
from tests.intervals.atrial.made_trains import SECONDS, VENTRICLES, conducted, ecg, every
from tests.intervals.synthetic import Made, synthetic_at, twelve

NO_PACING = Pacing(0, 0, 0)
WIDE = Made(p=False, qrs_ms=150.0, qt_ms=460.0)


def measured(signal: np.ndarray) -> Measurements:
    return measure(twelve(signal), 500.0)


def statements(measurements: Measurements) -> list[str]:
    rhythm = name_rhythm(measurements, NO_PACING)
    return [finding.statement for finding in recording_findings(measurements, rhythm)]


@pytest.mark.parametrize(
    ("pp_s", "rr_s", "made"),
    [(0.75, 1.62, WIDE), (0.8, 1.19, VENTRICLES), (0.62, 1.45, VENTRICLES), (0.9, 1.75, WIDE)],
)
def test_p_waves_at_their_own_rate_are_a_complete_block(
    pp_s: float, rr_s: float, made: Made
) -> None:
    measurements = measured(ecg(every(pp_s), every(rr_s, 0.7), made))
    block = measurements.av_conduction
    assert block is not None and block.kind == "complete"
    assert block.atrial_per_min == pytest.approx(60.0 / pp_s, rel=0.02)
    assert block.ventricular_per_min == pytest.approx(60.0 / rr_s, rel=0.02)
    assert name_rhythm(measurements, NO_PACING).name == "3rd degree atrioventricular block"
    assert measurements.pr_ms is None
    assert "Atrioventricular dissociation" in statements(measurements)


@pytest.mark.parametrize(
    "pr_s",
    [
        (0.16, 0.24, 0.28, None),
        (0.18, 0.30, None),
        (0.20, 0.28, 0.32, 0.34, None),
    ],
)
def test_a_pr_that_lengthens_before_a_dropped_beat_is_type_1(pr_s: Sequence[float | None]) -> None:
    p_waves = every(0.82)
    measurements = measured(ecg(p_waves, conducted(p_waves, pr_s)))
    block = measurements.av_conduction
    assert block is not None and block.kind == "type_1"
    assert block.atrial_per_min == pytest.approx(60.0 / 0.82, rel=0.02)
    assert name_rhythm(measurements, NO_PACING).name.startswith("Sinus")
    named = statements(measurements)
    assert "2nd degree atrioventricular block, type I" in named
    assert "Sinus arrhythmia" not in named


@pytest.mark.parametrize("beats", [2, 3, 4])
def test_a_constant_pr_around_a_dropped_beat_is_type_2(beats: int) -> None:
    p_waves = every(0.78)
    qrs = conducted(p_waves, [0.2] * beats + [None])
    measurements = measured(ecg(p_waves, qrs))
    block = measurements.av_conduction
    assert block is not None and block.kind == "type_2"
    assert "2nd degree atrioventricular block, type II" in statements(measurements)


@pytest.mark.parametrize(
    ("pp_s", "ratio", "statement"),
    [
        (0.72, 2, "2nd degree atrioventricular block, 2:1"),
        (0.85, 2, "2nd degree atrioventricular block, 2:1"),
        (0.65, 3, "2nd degree atrioventricular block, advanced (3:1)"),
        (0.6, 4, "2nd degree atrioventricular block, advanced (4:1)"),
    ],
)
def test_some_p_waves_for_each_complex(pp_s: float, ratio: int, statement: str) -> None:
    p_waves = every(pp_s)
    measurements = measured(ecg(p_waves, conducted(p_waves, [0.18] + [None] * (ratio - 1))))
    block = measurements.av_conduction
    assert block is not None and (block.kind, block.ratio) == ("fixed", ratio)
    assert statement in statements(measurements)


def test_the_evidence_of_a_block_has_numbers_and_leads() -> None:
    p_waves = every(0.72)
    measurements = measured(ecg(p_waves, conducted(p_waves, [0.18, None])))
    rhythm = name_rhythm(measurements, NO_PACING)
    (finding,) = [
        each
        for each in recording_findings(measurements, rhythm)
        if each.code == "2nd_degree_atrioventricular_block_2_to_1"
    ]
    assert finding.severity == "critical"
    assert finding.evidence["p_waves"] == pytest.approx(16.0, abs=1.0)
    assert finding.evidence["p_waves_per_min"] == pytest.approx(83.3, abs=1.5)
    assert finding.evidence["ventricular_per_min"] == pytest.approx(41.7, abs=0.8)
    # From the middle of P, which lasts 104 ms, to the QRS onset.
    assert finding.evidence["p_to_qrs_longest_ms"] == pytest.approx(180 - 52, abs=20)
    leads = finding.evidence["leads"]
    assert isinstance(leads, list) and "II" in leads
    assert "ACC/AHA/HRS 2018" in finding.source


def sinus(rr_s: float) -> np.ndarray:
    p_waves = every(rr_s)
    return ecg(p_waves, p_waves + 0.16)


def sinus_arrhythmia() -> np.ndarray:
    rr_s = 1.15 + 0.25 * np.sin(np.arange(14) * 1.3)
    p_waves = 0.3 + np.cumsum(rr_s)
    p_waves = p_waves[p_waves < SECONDS]
    return ecg(p_waves, p_waves + 0.16)


def fibrillation(mean_rr_s: float) -> np.ndarray:
    rng = np.random.default_rng(4)
    qrs = 0.4 + np.cumsum(mean_rr_s * rng.uniform(0.6, 1.5, 40))
    signal = ecg([], qrs[qrs < SECONDS])
    at_s = np.arange(signal.shape[1]) / 500.0
    phase = 2 * np.pi * np.cumsum(6.0 + rng.normal(0, 6.0, at_s.size).cumsum() * 0.02) / 500.0
    return signal + np.linspace(0.03, 0.08, 12)[:, None] * np.sin(phase)


def premature_beats() -> np.ndarray:
    """Sinus rhythm whose ventricular extrasystoles hide a P wave, with a full pause."""
    p_waves = every(1.1)
    signal = ecg(p_waves, p_waves[[0, 1, 3, 4, 5, 7, 8, 9]] + 0.16)
    pvc = Made(p=False, qrs_ms=160.0, qt_ms=440.0, t_scale=-1.0)
    return signal - 1.4 * synthetic_at(p_waves[[2, 6]] - 0.25, pvc, seconds=SECONDS)


def blocked_premature_p() -> np.ndarray:
    """Sinus rhythm; one P wave comes too early and is not conducted, the next is on its time."""
    p_waves = every(0.9)
    early = p_waves[5] + 0.38
    later = p_waves[6:] + 0.35
    conducted_p = np.concatenate([p_waves[:6], later[later < SECONDS - 0.5]])
    return ecg([*conducted_p, early], conducted_p + 0.16)


@pytest.mark.parametrize(
    "signal",
    [
        sinus(0.8), sinus(1.15), sinus(1.4), sinus(1.6),
        sinus_arrhythmia(), fibrillation(0.7), fibrillation(1.2), fibrillation(1.6),
        premature_beats(), blocked_premature_p(),
        ecg([], every(1.3)), ecg([], every(1.7), WIDE),
    ],
    ids=[
        "sinus 75", "sinus 52", "sinus 43", "sinus 38",
        "sinus arrhythmia", "fibrillation", "slow fibrillation", "slower fibrillation",
        "premature beats", "blocked premature P", "junctional", "idioventricular",
    ],
)  # fmt: skip
def test_no_block_where_p_waves_are_conducted_or_absent(signal: np.ndarray) -> None:
    assert measured(signal).av_conduction is None


def test_noise_alone_is_no_series_of_p_waves() -> None:
    for seed in range(6):
        signal = ecg([], every(1.45), noise_mv=0.05, seed=seed)
        assert measured(signal).av_conduction is None


def test_a_block_within_a_long_recording_is_found_with_its_time() -> None:
    p_waves = every(0.8)
    blocked = ecg(p_waves, conducted(p_waves, [0.18, None]))
    usual = sinus(0.8)
    block = measured(np.concatenate([usual, usual, blocked, usual], axis=1)).av_conduction
    assert block is not None and block.kind == "fixed"
    assert (block.from_s, block.to_s) == pytest.approx((24.0, 36.0), abs=0.5)


@pytest.mark.parametrize(("rr_s", "pp_s"), [(0.42, 0.78), (0.46, 0.67), (0.43, 0.95), (0.5, 0.71)])
def test_slower_p_waves_make_a_wide_tachycardia_a_ventricular_one(rr_s: float, pp_s: float) -> None:
    made = Made(p=False, qrs_ms=150.0, qt_ms=330.0, t_ms=140.0)
    measurements = measured(ecg(every(pp_s), every(rr_s, 0.2), made))
    block = measurements.av_conduction
    assert block is not None and block.kind == "dissociated"
    assert block.atrial_per_min == pytest.approx(60.0 / pp_s, rel=0.03)
    assert name_rhythm(measurements, NO_PACING).name == "Ventricular tachycardia"
    assert measurements.pr_ms is None
    assert "Atrioventricular dissociation" in statements(measurements)


@pytest.mark.parametrize("rr_s", [0.38, 0.42, 0.46, 0.5])
def test_a_wide_tachycardia_without_p_waves_stays_a_wide_complex_tachycardia(rr_s: float) -> None:
    made = Made(p=False, qrs_ms=150.0, qt_ms=330.0, t_ms=140.0)
    measurements = measured(ecg([], every(rr_s, 0.2), made))
    assert measurements.av_conduction is None
    assert name_rhythm(measurements, NO_PACING).name == "Wide-complex tachycardia"


@pytest.mark.parametrize("pattern", [(0.18, None, 0.18, None, 0.18, 0.18), (0.2, None, 0.2)])
def test_2_to_1_with_some_beats_more_is_type_2(pattern: Sequence[float | None]) -> None:
    p_waves = every(0.8)
    block = measured(ecg(p_waves, conducted(p_waves, pattern))).av_conduction
    assert block is not None and block.kind == "type_2"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rr_s", [1.2, 1.5, 1.9])
def test_complexes_with_nothing_between_them_have_no_p_waves(rr_s: float) -> None:
    """Without any noise, a beat less the mean beat is zero."""
    assert measured(ecg([], every(rr_s), noise_mv=0.0)).av_conduction is None


@pytest.mark.parametrize("share", [0.25, 0.3, 0.4])
def test_a_small_complex_is_no_dropped_beat(share: float) -> None:
    """A lead fails for a moment: the complex is too low for the search for beats."""
    p_waves = every(0.8)
    pr_s = [0.18, 0.18, 0.18, None]
    signal = ecg(p_waves, conducted(p_waves, pr_s))
    low = p_waves[3::4] + 0.18
    signal += share * synthetic_at(low, VENTRICLES, seconds=SECONDS)
    assert measured(signal).av_conduction is None
