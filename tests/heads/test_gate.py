"""The gate promotes what is surely better, keeps the champion otherwise, and says why."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from heads.auroc import auroc, patient_resamples
from heads.gate import GateSet, LabelChange, Limits, judge, patients_trained_on
from heads.head import patient_digests
from signals.logistic import sigmoid

LABELS = ("MI", "CD")


def gate_set(patients: int, seed: int = 0) -> tuple[GateSet, np.ndarray]:
    """Return a gate set and the logits that its truth was drawn from."""
    random = np.random.default_rng(seed)
    logits = random.normal(-1, 2, (patients, len(LABELS)))
    truth = (random.random(logits.shape) < sigmoid(logits)).astype(float)
    return GateSet(LABELS, truth, np.array([f"p{row}" for row in range(patients)])), logits


def guess(logits: np.ndarray, knowledge: float, seed: int) -> np.ndarray:
    """Return probabilities that know the logits in part."""
    noise = np.random.default_rng(seed).normal(-1, 2, logits.shape)
    return sigmoid(knowledge * logits + (1 - knowledge) * noise)


def one_label(truth: list[float] | np.ndarray) -> GateSet:
    """Return a gate set of one label and one recording a patient."""
    column = np.asarray(truth, float)[:, None]
    return GateSet(("MI",), column, np.arange(len(column)))


def test_a_clearly_better_candidate_is_promoted() -> None:
    gate, logits = gate_set(600)
    verdict = judge(gate, guess(logits, 0.5, 1), guess(logits, 0.9, 2))
    assert verdict.promote, verdict.reason
    assert verdict.gain is not None and verdict.gain_bound is not None
    assert verdict.gain > verdict.gain_bound > Limits().margin
    assert verdict.reason == (
        f"the 5 % bound of the gain in log loss is {100 * verdict.gain_bound:+.2f} %, "
        "above +1 %, and no label loses more than 0.02 of AUROC"
    )
    assert (verdict.patients, verdict.records) == (600, 600)


def test_the_figures_are_what_they_are_called() -> None:
    """Every figure again, by scikit-learn's definition of log loss and numpy's quantile."""
    gate, logits = gate_set(200, seed=4)
    champion, candidate = guess(logits, 0.5, 1), guess(logits, 0.8, 2)
    truth = gate.truth
    old, new = (
        -(truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean(axis=1)
        for p in (champion, candidate)
    )
    weights = np.concatenate(list(patient_resamples(gate.patients, 2000, seed=0)))
    before = [auroc(truth[:, k], champion[:, k]) for k in range(2)]
    after = [auroc(truth[:, k], candidate[:, k]) for k in range(2)]
    verdict = judge(gate, champion, candidate)
    assert verdict.gain == pytest.approx(1 - new.mean() / old.mean())
    gains = 1 - (weights @ new) / (weights @ old)
    assert verdict.gain_bound == pytest.approx(np.quantile(gains, 0.05))
    assert verdict.auroc_gain == pytest.approx(np.mean(after) - np.mean(before))
    assert [label.champion for label in verdict.labels] == pytest.approx(before)
    assert [label.candidate for label in verdict.labels] == pytest.approx(after)
    assert [label.name for label in verdict.labels] == ["MI", "CD"]
    assert [label.positives for label in verdict.labels] == truth.sum(axis=0).tolist()
    assert verdict.to_dict()["labels"][1]["name"] == "CD"


def test_a_gain_that_every_patient_has_is_its_own_bound() -> None:
    """Log loss falls from ln 2 to -ln 0.8 for each patient, AUROC rises from one half to 1."""
    gate = one_label([1, 0] * 10)
    champion = np.full((20, 1), 0.5)
    candidate = np.where(gate.truth == 1, 0.8, 0.2)
    verdict = judge(gate, champion, candidate)
    gain = 1 - log(0.8) / log(0.5)
    assert (verdict.gain, verdict.gain_bound) == pytest.approx((gain, gain), rel=1e-5)
    assert (verdict.auroc_gain, verdict.auroc_bound) == pytest.approx((0.5, 0.5))
    assert verdict.promote


def test_probabilities_of_exactly_0_and_1_cost_no_more_than_the_floor() -> None:
    """One confident error costs -ln 1e-6, whichever way; a confident hit costs -ln(1 - 1e-6)."""
    for wrong_truth, certain in ((0.0, 1.0), (1.0, 0.0)):
        truth = np.array([wrong_truth, 1 - wrong_truth] + [1.0, 0.0] * 9)
        candidate = np.where(truth == 1, 0.9, 0.1)
        candidate[0] = certain
        candidate[1] = 1 - wrong_truth
        verdict = judge(one_label(truth), np.full((20, 1), 0.5), candidate[:, None])
        loss = (-18 * log(0.9) - log(1e-6) - log(1 - 1e-6)) / 20
        assert verdict.gain == pytest.approx(1 - loss / log(2), rel=1e-9)
        assert verdict.gain_bound is not None and np.isfinite(verdict.gain_bound)


def test_unknown_truths_take_no_part_in_the_loss() -> None:
    """A recording counts with the mean over its known labels, one without any with a loss of 0."""
    truth = np.array([[1.0, 0.0], [0.0, 1.0]] * 20)
    truth[3, 1] = np.nan
    truth[7] = np.nan
    gate = GateSet(LABELS, truth, np.arange(40))
    champion = np.full((40, 2), 0.5)
    candidate = np.where(truth == 1, 0.9, 0.1)
    candidate[3, 0] = 0.4
    verdict = judge(gate, champion, candidate)
    assert verdict.gain == pytest.approx(1 - (38 * log(0.9) + log(0.6)) / (39 * log(0.5)))


def test_the_same_head_again_is_not_promoted() -> None:
    gate, logits = gate_set(600)
    same = guess(logits, 0.8, 1)
    verdict = judge(gate, same, same)
    assert not verdict.promote
    assert verdict.gain == 0.0
    assert verdict.reason == (
        "the 5 % bound of the gain in log loss is +0.00 %; it must be above +1 %"
    )
    assert not judge(gate, same, same, Limits(margin=0.0)).promote, "equal is not above"


def test_a_worse_candidate_is_not_promoted() -> None:
    gate, logits = gate_set(600)
    verdict = judge(gate, guess(logits, 0.9, 1), guess(logits, 0.5, 2))
    assert not verdict.promote
    assert verdict.gain is not None and verdict.gain < 0
    assert verdict.auroc_bound is not None and verdict.auroc_gain is not None
    assert verdict.auroc_bound < verdict.auroc_gain < 0


def test_under_twenty_patients_nothing_is_decided_however_many_recordings_they_have() -> None:
    gate, logits = gate_set(19)
    many = GateSet(LABELS, np.repeat(gate.truth, 30, axis=0), np.repeat(gate.patients, 30))
    logits = np.repeat(logits, 30, axis=0)
    verdict = judge(many, guess(logits, 0.2, 1), guess(logits, 1.0, 2))
    assert not verdict.promote
    assert verdict.reason == "the gate set has 19 patients; at least 20 are needed"
    assert (verdict.patients, verdict.records) == (19, 570)
    assert verdict.gain is None and verdict.labels == ()
    gate, logits = gate_set(20)
    assert judge(gate, guess(logits, 0.2, 1), guess(logits, 1.0, 2)).gain_bound is not None


def test_few_patients_with_many_recordings_count_as_few() -> None:
    """Repeating recordings of 25 patients changes nothing; 500 patients make the bound surer."""
    gate, logits = gate_set(25)
    champion, candidate = guess(logits, 0.6, 1), guess(logits, 0.8, 2)
    few = judge(gate, champion, candidate)
    truth, old, new = (np.repeat(x, 20, axis=0) for x in (gate.truth, champion, candidate))
    repeated = judge(GateSet(LABELS, truth, np.repeat(gate.patients, 20)), old, new)
    distinct = judge(GateSet(LABELS, truth, np.arange(500)), old, new)
    assert repeated.gain == pytest.approx(few.gain)
    assert repeated.gain_bound == pytest.approx(few.gain_bound, abs=1e-5)
    assert few.gain_bound is not None and distinct.gain_bound is not None
    assert distinct.gain == pytest.approx(few.gain)
    assert distinct.gain_bound > few.gain_bound + 0.02


def test_no_label_may_lose_more_auroc_than_the_limit() -> None:
    """MI falls from 1 to exactly 0.75: half of its positives are tied with all negatives."""
    truth = np.repeat([1.0, 1.0, 0.0, 0.0], 50)
    gate = GateSet(LABELS, np.column_stack([truth, truth]), np.arange(200))
    ordered = np.where(truth == 1, 0.51, 0.49)
    half_tied = np.repeat([0.99, 0.3, 0.3, 0.3], 50)
    champion = np.column_stack([ordered, ordered])
    candidate = np.column_stack([half_tied, np.where(truth == 1, 0.9, 0.1)])
    refused = judge(gate, champion, candidate)
    assert not refused.promote
    assert refused.reason == "MI loses 0.2500 of AUROC; no label may lose more than 0.02"
    assert [label.change for label in refused.labels] == [-0.25, 0.0]
    assert judge(gate, champion, candidate, Limits(max_auroc_drop=0.25)).promote
    assert not judge(gate, champion, candidate, Limits(max_auroc_drop=0.2499)).promote


def test_a_better_order_with_worse_probabilities_is_not_enough() -> None:
    gate, logits = gate_set(600)
    champion, better = guess(logits, 0.6, 1), guess(logits, 0.9, 2)
    verdict = judge(gate, champion, sigmoid(4 * np.log(better / (1 - better))))
    assert not verdict.promote
    assert verdict.auroc_bound is not None and verdict.auroc_bound > 0
    assert verdict.reason.endswith("; it must be above +1 %")


@pytest.mark.parametrize("rare", [1.0, 0.0], ids=["positives", "negatives"])
def test_a_label_with_fewer_than_five_of_a_kind_is_not_judged(rare: float) -> None:
    gate, logits = gate_set(600)
    champion, candidate = guess(logits, 0.5, 1), guess(logits, 0.9, 2)
    for count, judged in ((4, False), (5, True)):
        truth = gate.truth.copy()
        truth[np.flatnonzero(truth[:, 1] == rare)[count:], 1] = np.nan
        verdict = judge(GateSet(LABELS, truth, gate.patients), champion, candidate)
        assert [label.change is not None for label in verdict.labels] == [True, judged]
        assert verdict.labels[1].positives == (truth[:, 1] == 1).sum()
        if not judged:
            assert (verdict.labels[1].champion, verdict.labels[1].candidate) == (None, None)
            assert verdict.auroc_gain == verdict.labels[0].change


def test_without_a_label_to_judge_nothing_is_decided() -> None:
    gate, logits = gate_set(30)
    nothing = GateSet(LABELS, np.zeros_like(gate.truth), gate.patients)
    verdict = judge(nothing, guess(logits, 0.5, 1), guess(logits, 0.9, 2))
    assert not verdict.promote
    assert verdict.reason == (
        "no label has 5 positives and 5 negatives in the gate set; nothing can be compared"
    )
    assert verdict.gain is None
    assert [label.name for label in verdict.labels] == ["MI", "CD"]


def test_a_change_needs_both_aurocs() -> None:
    assert LabelChange("MI", 5, None, 0.5).change is None
    assert LabelChange("MI", 5, 0.5, None).change is None
    assert LabelChange("MI", 5, 0.5, 0.75).change == 0.25


def test_the_same_question_gets_the_same_answer() -> None:
    gate, logits = gate_set(100)
    asked = [judge(gate, guess(logits, 0.5, 1), guess(logits, 0.8, 2)) for _ in range(2)]
    assert asked[0] == asked[1]


def test_a_patient_that_was_trained_on_is_counted_once() -> None:
    of_gate = patient_digests(["a", "b", "c"])
    trained = [patient_digests(["c", "d"]), patient_digests(["c", "x"])]
    assert patients_trained_on(of_gate, trained) == 1
    assert patients_trained_on(of_gate, []) == 0
