"""The fold that people validated: a group of its own, figures of its own, honestly calibrated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from encoder.compact import Compact
from encoder.config import CompactConfig, ConvLayer
from signals.logistic import sigmoid
from training.embedded.data import Examples
from training.embedded.headline import BEGIN, END, write_headline
from training.embedded.scores import Figure, LabelScore, Scores, calibration
from training.embedded.train import _group_of, _make_once
from training.embedded.validated_fold import ValidatedFold, ValidatedLabel, score_validated_fold
from training.heads.scores import expected_calibration_error

SMALL = CompactConfig(ConvLayer(8, 3, 2), (ConvLayer(8, 3, 2),), 4, 1, 8, 5)


@dataclass(frozen=True)
class _Records:
    """What the figures need of the examples."""

    fold: NDArray[np.int64]
    patient: NDArray[np.int64]
    truth: NDArray[np.float32]


def _records(count: int = 4500) -> tuple[Examples, NDArray[np.float32]]:
    """Return records of folds 1-9 in equal parts, and logits that rank them fairly well."""
    rng = np.random.default_rng(4)
    truth = (rng.random((count, 5)) < [0.4, 0.25, 0.25, 0.2, 0.1]).astype(np.float32)
    logits = (4 * truth - 2 + rng.normal(0, 2, truth.shape)).astype(np.float32)
    records = _Records(np.arange(count) % 9 + 1, np.arange(count) // 9, truth)
    return cast(Examples, records), logits


@pytest.mark.parametrize("groups", range(2, 10))
def test_the_validated_fold_is_a_group_of_its_own(groups: int) -> None:
    group = [_group_of(fold, groups) for fold in range(1, 10)]
    assert group == sorted(group) and set(group) == set(range(groups))
    assert group.count(groups - 1) == 1
    sizes = [group.count(number) for number in range(groups - 1)]
    assert max(sizes) - min(sizes) <= 1


def test_its_probabilities_are_calibrated_on_the_other_folds_alone() -> None:
    records, logits = _records()
    known = np.ones(len(records.fold), np.bool_)
    found = score_validated_fold(records, logits, known)
    held = records.fold == 9
    slope, offset = calibration(logits[~held], records.truth[~held])
    probability = sigmoid(logits[held] * slope + offset)
    assert found.recordings == 500 and len(found.labels) == 5
    for k, label in enumerate(found.labels):
        truth = records.truth[held, k].astype(np.float64)
        assert label.positives == truth.sum()
        assert label.auroc.value == pytest.approx(roc_auc_score(truth, probability[:, k]))
        assert label.auroc.low < label.auroc.value < label.auroc.high
        assert label.error == pytest.approx(expected_calibration_error(probability[:, k], truth))
        # Right probabilities have about the error that chance gives them.
        assert 0.005 < label.by_chance < 0.06 and label.error < 2 * label.by_chance
    mean = np.mean([label.auroc.value for label in found.labels])
    assert found.macro.value == pytest.approx(mean)
    assert found.macro.low < found.macro.value < found.macro.high


def test_too_certain_answers_on_it_are_an_error_that_its_own_truths_cannot_hide() -> None:
    records, logits = _records()
    logits[records.fold == 9] *= 3
    found = score_validated_fold(records, logits, np.ones(len(records.fold), np.bool_))
    assert all(label.error > 2 * label.by_chance for label in found.labels)
    assert found.largest_error == max(label.error for label in found.labels)


@pytest.mark.parametrize("missing", [[9], [1, 2, 3, 4, 5, 6, 7, 8], list(range(1, 10))])
def test_without_its_logits_or_any_others_there_are_no_figures(missing: list[int]) -> None:
    records, logits = _records(450)
    with pytest.raises(FileNotFoundError, match="--cross-validate"):
        score_validated_fold(records, logits, ~np.isin(records.fold, missing))


def test_a_kept_network_of_other_settings_is_not_taken_for_the_one_asked_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "group0.0.safetensors"
    asked = {"epochs": 3, "seed": 1, "recordings": 10}
    made: list[int] = []

    def make(progress: Path) -> Compact:
        made.append(1)
        return Compact(SMALL)

    _make_once(path, asked, make)
    _make_once(path, asked, make)
    assert made == [1]
    assert json.loads(path.with_suffix(".json").read_text())["settings"] == asked
    for name in asked:
        with pytest.raises(ValueError, match="name another folder"):
            _make_once(path, {**asked, name: 99}, make)
    assert made == [1]


def test_the_page_states_the_validated_fold_beside_the_headline(tmp_path: Path) -> None:
    figure = Figure(0.9, 0.88, 0.92)
    of_label = ValidatedLabel("NORM", 10, figure, 0.031, 0.01)
    validated = ValidatedFold(2183, Figure(0.932, 0.926, 0.938), (of_label,))
    whole = LabelScore("NORM", 10, figure, figure, 0.005, 0.4, 0.9, 0.9, {})
    none = np.zeros(1)
    scores = Scores(Figure(0.941, 0.939, 0.943), (whole,), none, none, none)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}old\n{END}after\n")
    write_headline(page, scores, validated, 19601)
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}## ") and text.endswith(f"{END}after\n")
    assert "| 2,183 | 0.932 (0.926-0.938) | 0.031 |" in text
    assert "| 19,601 | 0.941 (0.939-0.943) | 0.005 |" in text
