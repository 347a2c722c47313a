"""The gate promotes what is surely better, keeps the champion otherwise, and says why."""

from __future__ import annotations

import numpy as np

from heads.gate import GateSet, Limits, judge, patients_trained_on
from heads.head import patient_digests
from signals.logistic import sigmoid

LABELS = ("MI", "CD")


def gate_set(patients: int, seed: int = 0) -> tuple[GateSet, np.ndarray]:
    """A gate set and the logits that know its truth best."""
    random = np.random.default_rng(seed)
    logits = random.normal(-1, 2, (patients, len(LABELS)))
    truth = (random.random(logits.shape) < sigmoid(logits)).astype(float)
    return GateSet(LABELS, truth, np.array([f"p{row}" for row in range(patients)])), logits


def guess(logits: np.ndarray, knowledge: float, seed: int) -> np.ndarray:
    """Calibrated enough probabilities of somebody who knows that much."""
    noise = np.random.default_rng(seed).normal(-1, 2, logits.shape)
    return sigmoid(knowledge * logits + (1 - knowledge) * noise)


def test_a_clearly_better_candidate_is_promoted() -> None:
    gate, logits = gate_set(600)
    verdict = judge(gate, guess(logits, 0.5, 1), guess(logits, 0.9, 2))
    assert verdict.promote, verdict.reason
    assert verdict.gain is not None and verdict.gain_bound is not None
    assert verdict.gain > verdict.gain_bound > Limits().margin
    assert verdict.auroc_gain is not None and verdict.auroc_gain > 0
    assert verdict.patients == 600


def test_the_same_head_again_is_not() -> None:
    gate, logits = gate_set(600)
    same = guess(logits, 0.8, 1)
    verdict = judge(gate, same, same)
    assert not verdict.promote
    assert verdict.gain == 0.0
    assert "must be above +1 %" in verdict.reason


def test_a_worse_one_is_not() -> None:
    gate, logits = gate_set(600)
    assert not judge(gate, guess(logits, 0.9, 1), guess(logits, 0.5, 2)).promote


def test_under_twenty_patients_nothing_is_decided_however_many_recordings_they_have() -> None:
    gate, logits = gate_set(19)
    many = GateSet(LABELS, np.repeat(gate.truth, 30, axis=0), np.repeat(gate.patients, 30))
    logits = np.repeat(logits, 30, axis=0)
    verdict = judge(many, guess(logits, 0.2, 1), guess(logits, 1.0, 2))
    assert not verdict.promote
    assert "19 patients; at least 20" in verdict.reason
    assert verdict.gain is None
    gate, logits = gate_set(20)
    assert "patients" not in judge(gate, guess(logits, 0.2, 1), guess(logits, 1.0, 2)).reason


def test_few_patients_with_many_recordings_count_as_few() -> None:
    """The bound is over patients: the same gain from 25 patients is surer from 500."""
    gate, logits = gate_set(25)
    repeated = GateSet(LABELS, np.repeat(gate.truth, 20, axis=0), np.repeat(gate.patients, 20))
    champion, candidate = guess(logits, 0.6, 1), guess(logits, 0.8, 2)
    few = judge(gate, champion, candidate)
    many = judge(repeated, np.repeat(champion, 20, axis=0), np.repeat(candidate, 20, axis=0))
    assert few.gain_bound is not None and many.gain_bound is not None
    assert abs(few.gain_bound - many.gain_bound) < 0.03


def test_one_label_may_not_pay_for_the_other() -> None:
    gate, logits = gate_set(1500)
    champion = np.column_stack([guess(logits, 0.3, 1)[:, 0], guess(logits, 0.6, 1)[:, 1]])
    candidate = np.column_stack([guess(logits, 1.0, 2)[:, 0], guess(logits, 0.5, 3)[:, 1]])
    verdict = judge(gate, champion, candidate)
    assert not verdict.promote
    assert verdict.reason.startswith("CD loses")
    assert judge(gate, champion, candidate, Limits(max_label_loss=0.5)).promote


def test_a_better_order_with_worse_probabilities_is_not_enough() -> None:
    gate, logits = gate_set(600)
    champion, better = guess(logits, 0.6, 1), guess(logits, 0.9, 2)
    verdict = judge(gate, champion, sigmoid(4 * np.log(better / (1 - better))))
    assert not verdict.promote
    assert "log loss" in verdict.reason


def test_a_label_with_too_few_positives_is_not_judged_and_said_so() -> None:
    gate, logits = gate_set(600)
    truth = gate.truth.copy()
    truth[np.flatnonzero(truth[:, 1] == 1)[4:], 1] = np.nan
    verdict = judge(
        GateSet(LABELS, truth, gate.patients), guess(logits, 0.5, 1), guess(logits, 0.9, 2)
    )
    assert [label.change is None for label in verdict.labels] == [False, True]
    assert verdict.labels[1].positives == 4
    nothing = judge(
        GateSet(LABELS, np.zeros_like(truth), gate.patients),
        guess(logits, 0.5, 1),
        guess(logits, 0.9, 2),
    )
    assert not nothing.promote
    assert "nothing can be compared" in nothing.reason


def test_the_same_question_gets_the_same_answer() -> None:
    gate, logits = gate_set(100)
    asked = [judge(gate, guess(logits, 0.5, 1), guess(logits, 0.8, 2)) for _ in range(2)]
    assert asked[0] == asked[1]


def test_a_patient_that_was_trained_on_is_found() -> None:
    of_gate = patient_digests(["a", "b", "c"])
    assert patients_trained_on(of_gate, [patient_digests(["d"]), patient_digests(["c", "x"])]) == 1
    assert patients_trained_on(of_gate, []) == 0
