"""The pacemaker head: one probability from spikes, morphology and label, or from some of them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import betaln, expit, logit

from heads import pacemaker
from heads.pacemaker import (
    FILE,
    LabelEvidence,
    PacemakerEvidence,
    PacemakerHead,
    stable_log_ratio,
)
from signals.spikes import ATRIAL_WINDOW_MS, STABLE_MS, VENTRICULAR_WINDOW_MS, Pacing, Spikes

HEAD = pacemaker.shipped_head()
# Log odds of the morphology.
SURE_NOT, UNSURE, SURE = -7.0, 0.0, 5.0
NO_SPIKES = Spikes(np.zeros(0), np.zeros(0))


def evidence(
    morphology: float | None = UNSURE, ratio: float = 0.0, *, visible: bool = True
) -> PacemakerEvidence:
    return PacemakerEvidence(0 if visible else None, None, ratio, morphology, visible)


def probability(given: PacemakerEvidence, label: LabelEvidence | None = None) -> float:
    value = HEAD.probability(given, label)
    assert value is not None
    return value


# --- pooling


def test_the_morphology_alone_is_its_own_calibrated_probability() -> None:
    for morphology in (SURE_NOT, UNSURE, SURE):
        assert probability(evidence(morphology, visible=False)) == pytest.approx(expit(morphology))


def test_the_spikes_ratio_is_added_to_the_log_odds() -> None:
    assert probability(evidence(SURE_NOT, ratio=3.0)) == pytest.approx(expit(SURE_NOT + 3.0))
    prior = HEAD.prior_log_odds
    assert probability(evidence(None, ratio=3.0)) == pytest.approx(expit(prior + 3.0))
    assert probability(evidence(None)) == pytest.approx(expit(prior))


def test_morphology_and_label_are_pooled_with_equal_weights() -> None:
    """A balanced label's log odds are a likelihood ratio, so the prior is added to them."""
    label_log_odds = HEAD.prior_log_odds + logit(0.9)
    label = LabelEvidence(0.9, 24.6)
    assert probability(evidence(SURE, 1.5), label) == pytest.approx(
        expit((SURE + label_log_odds) / 2 + 1.5)
    )
    assert probability(evidence(None, 1.5), label) == pytest.approx(expit(label_log_odds + 1.5))
    assert probability(evidence(None, visible=False), label) == pytest.approx(expit(label_log_odds))


def test_a_weighted_and_a_calibrated_label_give_the_same_probability() -> None:
    prior = HEAD.prior_log_odds
    ratio = 2.0
    weighted = LabelEvidence(float(expit(ratio)), 24.6)
    calibrated = LabelEvidence(float(expit(ratio + prior)))
    assert weighted.log_ratio(prior) == pytest.approx(ratio)
    assert calibrated.log_ratio(prior) == pytest.approx(ratio)
    assert probability(evidence(None), weighted) == pytest.approx(
        probability(evidence(None), calibrated)
    )


@pytest.mark.parametrize("certain, log_odds", [(0.0, logit(1e-9)), (1.0, logit(1 - 1e-9))])
def test_a_label_of_0_or_1_counts_as_nearly_0_or_1(certain: float, log_odds: float) -> None:
    assert LabelEvidence(certain, 24.6).log_ratio(0.0) == pytest.approx(log_odds)
    pooled = (UNSURE + HEAD.prior_log_odds + log_odds) / 2
    assert probability(evidence(), LabelEvidence(certain, 24.6)) == pytest.approx(expit(pooled))


def test_log_odds_beyond_the_range_of_exp_give_probabilities() -> None:
    assert probability(evidence(1000.0)) == pytest.approx(1.0)
    assert probability(evidence(-1000.0)) == pytest.approx(expit(-50.0))


def test_without_any_evidence_there_is_no_probability() -> None:
    assert HEAD.probability(evidence(None, visible=False)) is None


def test_a_pacemaker_is_present_at_the_threshold_and_above() -> None:
    head = replace(HEAD, threshold=0.25)
    below = float(np.nextafter(0.25, 0))
    assert [head.present(value) for value in (below, 0.25, 0.3)] == [False, True, True]


def test_the_morphology_has_a_probability_of_its_own() -> None:
    assert evidence(-2.0).morphology_probability == pytest.approx(expit(-2.0))
    assert evidence(None).morphology_probability is None


# --- spikes


def expected_ratio(spikes: int, pacing: Pacing, seconds: float) -> float:
    """Beta-binomial against binomial: the integral over all shares is a beta function."""
    chance = np.clip(1 - np.exp(-2 * STABLE_MS / 1000 * spikes / seconds), 1e-9, 1 - 1e-9)
    ratios = []
    for count, (start, stop) in (
        (pacing.atrial_beats, ATRIAL_WINDOW_MS),
        (pacing.ventricular_beats, VENTRICULAR_WINDOW_MS),
    ):
        others = pacing.beats - count
        ratio = betaln(count + 1, others + 1)
        ratio -= count * np.log(chance) + others * np.log(1 - chance)
        places = (stop - start) / (2 * STABLE_MS)
        ratios.append(ratio - np.log(places) if count else ratio)
    return float(max(ratios))


@pytest.mark.parametrize(
    "spikes, pacing, for_pacing",
    [
        (10, Pacing(0, 10, 10), True),
        (10, Pacing(10, 0, 10), True),
        (4, Pacing(0, 4, 12), True),  # on demand
        (20, Pacing(10, 10, 10), True),
        (0, Pacing(0, 0, 10), False),
        (1, Pacing(0, 1, 10), False),
        (6, Pacing(2, 1, 16), False),
        (30, Pacing(2, 3, 12), False),
    ],
)
def test_spikes_are_evidence_of_pacing_if_chance_does_not_explain_them(
    spikes: int, pacing: Pacing, for_pacing: bool
) -> None:
    ratio = stable_log_ratio(spikes, pacing, 10.0)
    assert (ratio > 0) == for_pacing
    assert ratio == pytest.approx(expected_ratio(spikes, pacing, 10.0))


def test_the_same_few_coincidences_weigh_less_among_many_beats() -> None:
    few = stable_log_ratio(5, Pacing(0, 3, 10), 10.0)
    many = stable_log_ratio(100, Pacing(0, 3, 80), 60.0)
    assert few > 0 > many
    assert many == pytest.approx(expected_ratio(100, Pacing(0, 3, 80), 60.0))


def test_without_beats_or_without_a_duration_spikes_are_no_evidence() -> None:
    assert stable_log_ratio(5, Pacing(0, 0, 0), 10.0) == 0.0
    assert stable_log_ratio(5, Pacing(0, 3, 3), 0.0) == 0.0


def test_if_spikes_are_at_every_beat_by_chance_the_ratio_is_finite() -> None:
    crowd = stable_log_ratio(10**6, Pacing(0, 3, 3), 10.0)
    assert crowd == pytest.approx(expected_ratio(10**6, Pacing(0, 3, 3), 10.0))


def test_the_ratio_of_the_spikes_is_within_its_limits() -> None:
    ten = Spikes(np.arange(10.0), np.ones(10))
    head = replace(HEAD, spike_limits=(-1.5, 5.0))
    assert head.spike_log_ratio(ten, Pacing(0, 10, 10), 10.0) == 5.0
    assert head.spike_log_ratio(NO_SPIKES, Pacing(0, 0, 10), 10.0) == -1.5
    assert head.spike_log_ratio(NO_SPIKES, Pacing(0, 0, 0), 10.0) == 0.0
    within = stable_log_ratio(4, Pacing(0, 3, 12), 10.0)
    assert -1.5 < within < 5.0
    four = Spikes(np.arange(4.0), np.ones(4))
    assert head.spike_log_ratio(four, Pacing(0, 3, 12), 10.0) == within


def test_the_shipped_limits_allow_evidence_for_and_against() -> None:
    low, high = HEAD.spike_limits
    assert low < 0 < high


# --- the file


def test_a_stored_head_is_restored_and_equals_the_shipped_file() -> None:
    arrays = HEAD.to_arrays()
    again = PacemakerHead.from_arrays(arrays)
    rows = np.random.default_rng(0).normal(size=(5, int(HEAD.beats.trees.feature.max()) + 1))
    np.testing.assert_array_equal(again.beats.log_odds(rows), HEAD.beats.log_odds(rows))
    assert again.threshold == HEAD.threshold
    assert again.spike_limits == HEAD.spike_limits
    assert again.prior_log_odds == HEAD.prior_log_odds
    with np.load(FILE, allow_pickle=False) as file:
        arrays_in_file = dict(file)
    assert {name: (array.dtype, array.tolist()) for name, array in arrays.items()} == {
        name: (array.dtype, array.tolist()) for name, array in arrays_in_file.items()
    }


def test_the_version_is_the_start_of_the_files_checksum() -> None:
    sha256 = hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert pacemaker.version() == f"pacemaker@{sha256[:12]}"
