"""The features of a window, for signals whose features follow from a formula."""

from __future__ import annotations

import numpy as np
import pytest

from signal_quality.bands import split_bands
from signal_quality.beats import find_beats
from signal_quality.features import (
    FEATURE_NAMES,
    LEAD_FEATURES,
    QUANTILES,
    RECORD_FEATURES,
    Features,
    measure_features,
)
from signals.leads import LEADS
from tests.signals.recordings import beating

IS_LIMB = np.arange(12) < 6


def features_of(
    signal: np.ndarray, is_limb: np.ndarray | None = None, fs: float = 500.0
) -> Features:
    """Return the features of (leads, samples) in mV; by default, the first six are limb leads."""
    bands = split_bands(signal.astype(np.float32), fs)
    if is_limb is None:
        is_limb = np.arange(len(signal)) < 6
    return measure_features(bands, find_beats(bands), is_limb)


def record_feature(features: Features, name: str) -> float:
    return float(features.record_features[FEATURE_NAMES.index(name)])


def cosine(hz: float, amplitude: float = 1.0) -> np.ndarray:
    """Return 10 s of a cosine at 500 Hz, (samples,) in mV.

    It has the same level at both ends, so subtracting the line through the ends only shifts it.
    """
    return amplitude * np.cos(2 * np.pi * hz * np.arange(5000) / 500)


def sine(hz: float, amplitude: float = 1.0, fs: float = 500.0) -> np.ndarray:
    """Return 10 s of a sine, (samples,) in mV."""
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(10 * fs)) / fs)


def test_each_feature_has_its_own_name() -> None:
    features = features_of(beating())
    assert features.lead_features.shape == (12, len(LEAD_FEATURES))
    assert features.record_features.shape == (len(FEATURE_NAMES),)
    assert len(set(FEATURE_NAMES)) == len(LEAD_FEATURES) * len(QUANTILES) + len(RECORD_FEATURES)


def test_the_samples_give_spread_range_peak_and_steps() -> None:
    """A sine of 1 mV and one of 0.2 mV.

    A sine of amplitude A and frequency f has its quantile q at -A cos(pi q). Its slope is 4 A f in
    the mean and at most 2 pi A f.
    """
    features = features_of(np.stack([sine(1.3), sine(1.3, 0.2)]))
    amplitudes = np.array([1.0, 0.2])
    for name, size_at_1_mv in (
        ("spread", np.sqrt(0.5)),
        ("range", 2 * np.cos(0.01 * np.pi)),
        ("peak", 1.0),
        ("rough", 4 * 1.3 / 500),
        ("step", 2 * np.pi * 1.3 / 500),
    ):
        expected = np.log10(size_at_1_mv * amplitudes)
        np.testing.assert_allclose(features.by_lead(name), expected, atol=0.01, err_msg=name)
    # The largest value over the range from 1 % to 99 %, which is the same for both amplitudes.
    tail = np.log10(0.5 / np.cos(0.01 * np.pi) + 0.1)
    np.testing.assert_allclose(features.by_lead("tail"), tail, atol=0.01)
    assert features.by_lead("still").tolist() == [0.0, 0.0]
    assert features.by_lead("missing").tolist() == [0.0, 0.0]


def test_a_step_up_is_the_largest_change() -> None:
    signal = np.stack([sine(1.0, 0.1), sine(1.0, 0.1)])
    signal[1, 2600:] += 3.0
    assert features_of(signal).by_lead("step")[1] == pytest.approx(np.log10(3.0), abs=0.01)


def test_equal_neighbouring_samples_and_their_longest_run_are_stillness() -> None:
    signal = np.stack([sine(1.3), sine(1.3), sine(1.3)])
    signal[1, 1000:2001] = 0.5
    signal[1, 3000:3500] = 0.1
    features = features_of(signal)
    still = features.by_lead("still")
    assert still[[0, 2]].tolist() == [0.0, 0.0]
    assert still[1] == pytest.approx((1000 + 499) / 4999, abs=1e-9)
    assert features.by_lead("longest_still_s").tolist() == [0.0, 2.0, 0.0]


def test_a_clipped_lead_is_often_at_its_extreme_value() -> None:
    signal = np.stack([sine(1.3), np.clip(sine(1.3), -0.5, 2.0), np.clip(sine(1.3), -2.0, 0.5)])
    top = features_of(signal).by_lead("top_value")
    # A sine is beyond half of its amplitude on either side for a third of the time.
    np.testing.assert_allclose(top, [0.0, 1 / 3, 1 / 3], atol=0.01)


@pytest.mark.parametrize(("amplitude", "share"), [(1.9, 0.0), (4.0, 2 / 3)])
def test_the_share_beyond_2_mv_from_the_median_is_counted(amplitude: float, share: float) -> None:
    """A sine of 4 mV is beyond 2 mV, half of its amplitude, for two thirds of the time."""
    signal = np.stack([sine(1.3, amplitude) + 50.0, sine(1.3)])
    beyond = features_of(signal).by_lead("beyond")
    np.testing.assert_allclose(beyond, [share, 0.0], atol=0.01)


def test_the_share_of_missing_samples_is_a_feature() -> None:
    signal = beating()
    signal[4, 500:1500] = np.nan
    missing = features_of(signal).by_lead("missing")
    assert missing.tolist() == [0.2 if lead == 4 else 0.0 for lead in range(12)]


@pytest.mark.parametrize(
    ("hz", "name"), [(2.0, "share_slow"), (9.0, "share_qrs"), (25.0, "share_quick")]
)
def test_each_frequency_is_in_one_share(hz: float, name: str) -> None:
    features = features_of(np.stack([cosine(hz), cosine(hz, 0.3)]))
    for share in ("share_slow", "share_qrs", "share_quick"):
        expected = 1.0 if share == name else 0.0
        np.testing.assert_allclose(features.by_lead(share), expected, atol=0.01)


def test_the_baseline_gives_its_deviation_range_and_steepest_second() -> None:
    """A baseline of 0.2 Hz makes two waves; it changes most in the 1 s about a zero crossing."""
    signal = np.stack([beating()[0], beating()[0] + sine(0.2, 0.7)])
    features = features_of(signal)
    expected = 0.7 * np.array([np.sqrt(0.5), 2.0, 2 * np.sin(0.2 * np.pi)])
    for name, value in zip(
        ("baseline", "baseline_range", "baseline_second"), expected, strict=True
    ):
        assert features.by_lead(name)[1] == pytest.approx(np.log10(value), abs=0.06), name
    # The sine is beyond 0.5 mV when it is beyond 5 / 7 of its amplitude.
    share = 1 - 2 * np.arcsin(5 / 7) / np.pi
    np.testing.assert_allclose(features.by_lead("drifting"), [0.0, share], atol=0.05)


def test_mains_and_muscle_noise_are_measured_in_mv() -> None:
    rng = np.random.default_rng(0)
    noise = 0.05 * rng.normal(size=5000)
    signal = np.stack([sine(50.0, 0.1), noise, np.where(np.arange(5000) < 500, noise, 0.0)])
    features = features_of(signal + sine(1.0)[np.newaxis])
    # The rms of white noise in 40-100 Hz, without the 3.2 Hz about the mains frequencies. The noise
    # extends to 250 Hz, half of the sampling rate.
    in_band = 0.05 * np.sqrt((60 - 3.2) / 250)
    assert features.by_lead("mains")[0] == pytest.approx(np.log10(0.1 * np.sqrt(0.5)), abs=0.02)
    assert features.by_lead("muscle")[1] == pytest.approx(np.log10(in_band), abs=0.03)
    # Noise in one second raises the loudest second, not the median one.
    assert features.by_lead("muscle")[2] < -2.5
    assert features.by_lead("muscle_second")[2] == pytest.approx(np.log10(in_band), abs=0.1)


def test_seconds_are_busy_or_quiet_by_their_range() -> None:
    """A second is loud if its range exceeds three times the median range of all leads."""
    signal = np.stack([cosine(5.0), cosine(5.0), cosine(5.0)])
    signal[0, 2000:3000] *= 4.0
    signal[1, 1000:2000] *= 0.1
    features = features_of(signal)
    np.testing.assert_allclose(
        features.by_lead("busiest_second"), np.log10([8.0, 2.0, 2.0]), atol=0.03
    )
    # 0.2 mV, and the ringing of the band's filter at the edges of the quiet part.
    assert np.log10(0.19) < features.by_lead("quietest_second")[1] < np.log10(0.5)
    assert features.by_lead("loud_seconds").tolist() == [0.2, 0.0, 0.0]


def test_proportional_leads_explain_each_other_and_independent_ones_do_not() -> None:
    rng = np.random.default_rng(0)
    one = sine(5.0)
    alike = features_of(np.stack([one, -2 * one, 0.5 * one]))
    np.testing.assert_allclose(alike.by_lead("closest"), 1.0, atol=1e-3)
    np.testing.assert_allclose(alike.by_lead("explained"), 1.0, atol=1e-3)
    assert record_feature(alike, "first_component") == pytest.approx(1.0, abs=1e-3)
    assert record_feature(alike, "leads") == 3
    apart = features_of(np.stack([sine(hz) for hz in (3.0, 5.0, 8.0, 12.0)]))
    assert apart.by_lead("closest").max() < 0.05
    # Four uncorrelated leads have four equal components.
    assert record_feature(apart, "first_component") == pytest.approx(0.25, abs=0.02)
    assert record_feature(apart, "three_components") == pytest.approx(0.75, abs=0.02)
    noisy = features_of(np.stack([one, one + rng.normal(size=5000), sine(9.0)]))
    assert 0.5 < noisy.by_lead("closest")[0] < 0.95


def test_the_beats_give_a_rate_and_its_irregularity() -> None:
    features = features_of(beating())
    assert record_feature(features, "rate") == pytest.approx(60.0, abs=1.0)
    assert record_feature(features, "beats") == 1.0  # per second
    assert record_feature(features, "irregularity") < 0.02
    assert record_feature(features, "agreeing_leads") == 1.0
    assert record_feature(features, "like_leads") == 1.0
    silent = features_of(np.zeros((3, 5000)))
    assert record_feature(silent, "rate") == 0.0
    assert record_feature(silent, "beats") == 0.0
    assert record_feature(silent, "irregularity") == 1.0
    assert record_feature(silent, "agreeing_leads") == 0.0


@pytest.mark.parametrize("flat", [0, 1, 5])
def test_flat_leads_are_counted(flat: int) -> None:
    signal = beating()
    signal[:flat] = 0.3
    assert record_feature(features_of(signal), "flat_leads") == pytest.approx(flat / 12)


def test_group_features_are_means_over_limb_and_chest_leads() -> None:
    rng = np.random.default_rng(0)
    features = features_of(beating() + 0.05 * rng.normal(size=(12, 5000)), IS_LIMB)
    for name in ("noise", "muscle", "baseline", "likeness"):
        values = features.by_lead(name)
        limb = record_feature(features, f"limb_{name}")
        chest = record_feature(features, f"chest_{name}")
        assert limb == pytest.approx(values[:6].mean())
        assert chest == pytest.approx(values[6:].mean())
    worst = features.by_lead("worst_likeness")
    assert record_feature(features, "worst_limb_likeness") == worst[:6].min()
    assert record_feature(features, "worst_chest_likeness") == worst[6:].min()


@pytest.mark.parametrize("all_limb", [True, False])
def test_a_group_without_leads_has_the_means_of_the_other(all_limb: bool) -> None:
    features = features_of(beating()[:4], np.full(4, all_limb))
    for name in ("noise", "likeness"):
        mean = features.by_lead(name).mean()
        assert record_feature(features, f"limb_{name}") == pytest.approx(mean)
        assert record_feature(features, f"chest_{name}") == pytest.approx(mean)


def test_the_recording_has_eight_quantiles_over_leads_of_each_feature() -> None:
    features = features_of(beating())
    for name in ("height", "noise", "range"):
        values = np.sort(features.by_lead(name))
        for share in QUANTILES:
            expected = np.interp(share * 11, np.arange(12), values)
            assert record_feature(features, f"{name}@{share:g}") == pytest.approx(expected)


def test_the_order_of_the_leads_makes_no_difference() -> None:
    signal = beating()
    order = np.random.default_rng(1).permutation(12)
    first = features_of(signal, IS_LIMB).record_features
    second = features_of(signal[order], IS_LIMB[order]).record_features
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-5)


def test_with_one_lead_all_quantiles_are_its_values() -> None:
    features = features_of(beating()[1:2], np.array([True]))
    for name in LEAD_FEATURES:
        quantiles = [record_feature(features, f"{name}@{share:g}") for share in QUANTILES]
        assert quantiles == pytest.approx([features.by_lead(name)[0]] * len(QUANTILES))


@pytest.mark.parametrize("level", [0.0, 5.0, np.nan])
@pytest.mark.parametrize("samples", [50, 1000, 5000])
def test_the_features_of_constant_or_missing_leads_are_finite(samples: int, level: float) -> None:
    features = features_of(np.full((len(LEADS), samples), level))
    assert np.isfinite(features.lead_features).all()
    assert np.isfinite(features.record_features).all()
