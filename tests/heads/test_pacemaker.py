"""Spikes, form and label make one probability: each moves it the way it should, and none that is missing is invented."""

from __future__ import annotations

import numpy as np
import pytest

from heads import pacemaker
from heads.pacemaker import LabelEvidence, PacemakerEvidence, PacemakerHead, stable_log_ratio
from signals.spikes import Pacing, Spikes

HEAD = pacemaker.shipped()
SURE_NOT, UNSURE, SURE = -7.0, 0.0, 5.0


def evidence(
    form: float | None = UNSURE, ratio: float = 0.0, *, visible: bool = True
) -> PacemakerEvidence:
    return PacemakerEvidence(0 if visible else None, None, ratio, form, visible)


def probability(
    head: PacemakerHead, found: PacemakerEvidence, label: LabelEvidence | None = None
) -> float:
    said = head.probability(found, label)
    assert said is not None
    return said


def test_the_form_alone_is_its_own_calibrated_probability() -> None:
    for form in (SURE_NOT, UNSURE, SURE):
        assert probability(HEAD, evidence(form, visible=False)) == pytest.approx(
            1 / (1 + np.exp(-form))
        )


def test_spikes_speak_for_a_pacemaker_and_their_absence_against_one() -> None:
    low, high = HEAD.spike_limits
    assert low < 0 < high
    alone = probability(HEAD, evidence(visible=False))
    assert probability(HEAD, evidence(ratio=low)) < alone < probability(HEAD, evidence(ratio=high))


def test_a_label_of_no_opinion_pulls_towards_the_prior_and_an_opinion_towards_itself() -> None:
    prior = HEAD.prior_log_odds
    neutral = probability(HEAD, evidence(UNSURE), LabelEvidence(0.5, 24.6))
    assert neutral == pytest.approx(1 / (1 + np.exp(-(UNSURE + prior) / 2)))
    assert (
        probability(HEAD, evidence(UNSURE), LabelEvidence(0.999, 24.6))
        > neutral
        > probability(HEAD, evidence(UNSURE), LabelEvidence(0.01, 24.6))
    )


def test_a_weighted_label_and_the_calibrated_one_that_means_the_same_say_the_same() -> None:
    prior = HEAD.prior_log_odds
    ratio = 2.0
    weighted, calibrated = 1 / (1 + np.exp(-ratio)), 1 / (1 + np.exp(-(ratio + prior)))
    assert LabelEvidence(weighted, 24.6).log_ratio(prior) == pytest.approx(ratio)
    assert LabelEvidence(calibrated).log_ratio(prior) == pytest.approx(ratio)
    assert probability(HEAD, evidence(None), LabelEvidence(weighted, 24.6)) == pytest.approx(
        probability(HEAD, evidence(None), LabelEvidence(calibrated))
    )


@pytest.mark.parametrize("certain", [0.0, 1.0])
def test_a_label_of_0_or_1_is_borne(certain: float) -> None:
    assert 0 <= probability(HEAD, evidence(), LabelEvidence(certain, 24.6)) <= 1


def test_without_any_evidence_there_is_no_probability() -> None:
    assert HEAD.probability(evidence(None, visible=False)) is None
    assert probability(HEAD, evidence(None, HEAD.spike_limits[1])) > probability(
        HEAD, evidence(None)
    )


@pytest.mark.parametrize(
    ("spikes", "pacing", "speaks_for"),
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
def test_spikes_speak_for_pacing_where_chance_does_not_explain_them(
    spikes: int, pacing: Pacing, speaks_for: bool
) -> None:
    assert (stable_log_ratio(spikes, pacing, 10.0) > 0) == speaks_for


def test_the_same_few_coincidences_weigh_less_among_many_beats() -> None:
    assert (
        stable_log_ratio(5, Pacing(0, 3, 10), 10.0)
        > 0
        > stable_log_ratio(100, Pacing(0, 3, 80), 60.0)
    )


def test_spikes_count_for_no_more_than_they_have_been_right() -> None:
    found = Spikes(np.arange(10.0), np.ones(10))
    assert HEAD.spike_log_ratio(found, Pacing(0, 10, 10), 10.0) == HEAD.spike_limits[1]
    assert (
        HEAD.spike_log_ratio(Spikes(np.zeros(0), np.zeros(0)), Pacing(0, 0, 10), 10.0)
        == HEAD.spike_limits[0]
    )
    assert HEAD.spike_log_ratio(Spikes(np.zeros(0), np.zeros(0)), Pacing(0, 0, 0), 10.0) == 0.0


def test_the_head_is_the_same_after_it_was_stored() -> None:
    again = PacemakerHead.from_arrays(HEAD.to_arrays())
    rows = np.random.default_rng(0).normal(size=(5, int(HEAD.beats.trees.feature.max()) + 1))
    np.testing.assert_array_equal(again.beats.log_odds(rows), HEAD.beats.log_odds(rows))
    assert (again.threshold, again.spike_limits, again.prior_log_odds) == (
        HEAD.threshold,
        HEAD.spike_limits,
        HEAD.prior_log_odds,
    )


def test_the_answer_names_its_head_by_the_file() -> None:
    name, _, checksum = pacemaker.version().partition("@")
    assert name == "pacemaker"
    assert len(checksum) == 12
