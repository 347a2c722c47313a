"""The embedded model trains on what the server serves; the same seed gives the same network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from encoder.compact import Compact
from encoder.runner import EncoderRunner
from encoder.weights import load_encoder_file
from model_store.bundle import load_bundle
from model_store.choose import EMBEDDED_FOLDER
from signals.leads import LEADS, twelve_leads
from signals.record import EcgRecord
from signals.segments import make_segments
from superclasses import SUPERCLASSES
from tests.data import SHARED, requires_shared
from training.calibration import platt
from training.datasets.ptbxl import RATE_HZ
from training.embedded import train as embedded
from training.embedded.augment import _delay, augmented
from training.embedded.bundle import calibrated
from training.embedded.data import Examples, read_examples
from training.embedded.fit import config_for, finish, read, train
from training.embedded.scores import (
    calibration,
    cross_fitted,
    macro_auroc,
    patient_groups,
    score,
)
from training.embedded.targets import MIN_POSITIVES, targets_of
from training.heads.scores import expected_calibration_error

PTBXL = SHARED / "ptbxl"
LIMIT = 400


def _silent(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def examples() -> Examples:
    return read_examples(PTBXL, LIMIT)


@requires_shared
def test_what_it_learns_from_is_what_the_server_hands_over(examples: Examples) -> None:
    for index in (0, 57, 301):
        record = EcgRecord(examples.raw[index].astype(np.float32) / 1000, RATE_HZ, LEADS)
        segments = make_segments(twelve_leads(record), record.fs, examples.preprocessing)
        assert segments.data.shape == (1, 13, 1000)
        assert (
            np.abs(segments.data[0, :12] - examples.signals[index]).max() < 0.005
        )  # float16 of up to 5 mV


@requires_shared
def test_superclasses_come_first_and_every_other_label_has_enough_positives(
    examples: Examples,
) -> None:
    assert tuple(target.name for target in examples.labels[:5]) == SUPERCLASSES
    everyone = targets_of(examples.table)
    assert (everyone.truth.sum(axis=0)[5:] >= MIN_POSITIVES).all()
    assert {
        target.joining for target in examples.labels if target.name.startswith("Premature")
    } == {"max"}


@requires_shared
def test_the_held_back_fold_is_never_among_them(examples: Examples) -> None:
    assert set(examples.fold.tolist()) == set(range(1, 10))


def test_disturbed_recordings_stay_recordings() -> None:
    signals = torch.randn(64, 12, 1000, generator=torch.Generator().manual_seed(1))
    lengths, flat = set(), 0
    for seed in range(20):
        x = augmented(signals, torch.ones(64), 0.5, 0.3, torch.Generator().manual_seed(seed))
        assert torch.isfinite(x).all() and x.shape[:2] == (64, 13)
        lengths.add(x.shape[2])
        assert set(x[:, 12].unique().tolist()) == {-1.0, 1.0}
        flat += int((x == 0).all(dim=2).any(dim=1).sum())
        assert torch.equal(
            x, augmented(signals, torch.ones(64), 0.5, 0.3, torch.Generator().manual_seed(seed))
        )
    assert min(lengths) >= 500 and max(lengths) <= 1000 and len(lengths) > 10
    assert 0.1 < flat / (20 * 64) < 0.4


def test_a_devices_filter_answers_after_what_it_hears_and_lets_beats_through() -> None:
    pulse = torch.zeros(40, 12, 1000)
    pulse[:, :, 500:508] = 1.0
    delayed = pulse.clone()
    _delay(delayed, 1.0, torch.Generator().manual_seed(3))
    assert delayed[:, :, :498].abs().max() < 0.1  # but for what a transform of limited band rings
    assert delayed[:, :, :450].abs().max() < 0.02
    heights = delayed[:, :, 500:512].amax(dim=2)
    assert heights.min() > 0.8 and heights.max() < 1.2
    assert (delayed[:, :, 510:600].mean(dim=2) < 0).all()  # a high-pass swings back
    untouched = pulse.clone()
    _delay(untouched, 0.0, torch.Generator().manual_seed(3))
    assert torch.equal(untouched, pulse)


@requires_shared
def test_the_same_seed_gives_the_same_network(examples: Examples, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    rows, config = np.arange(128), config_for(len(examples.labels))
    first, second = (
        train(examples, rows, config, 1, 7, _silent, tmp_path / f"train{number}")
        for number in range(2)
    )
    assert all(
        torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items()
    )
    before = read(first, examples.signals[:20])
    finished = [
        read(
            finish(net, examples, rows, 7, _silent, tmp_path / f"finish{number}"),
            examples.signals[:20],
        )
        for number, net in enumerate((first, second))
    ]
    assert np.array_equal(*finished) and not np.array_equal(finished[0], before)


def test_calibration_is_fitted_on_other_patients() -> None:
    rng = np.random.default_rng(0)
    truth = (rng.random((4000, 1)) < 0.2).astype(np.float32)
    logits = (3 * (truth - 0.5) * 2 + rng.normal(0, 3, truth.shape)).astype(np.float32)
    patient = np.arange(4000)
    found = cross_fitted(logits, truth, patient)
    assert expected_calibration_error(found[:, 0], truth[:, 0]) < 0.03
    turned = truth.copy()
    turned[patient % 5 == 0] = 1 - turned[patient % 5 == 0]  # its own truths must not matter
    assert np.allclose(
        cross_fitted(logits, turned, patient)[patient % 5 == 0], found[patient % 5 == 0]
    )


@requires_shared
def test_calibration_moves_probabilities_and_no_rank(examples: Examples) -> None:
    bundle = load_bundle(EMBEDDED_FOLDER)
    net = cast(Compact, load_encoder_file(bundle.config, bundle.weights_path))
    logits = read(net, examples.signals)
    scores = score(examples, logits, np.ones(len(examples), np.bool_))
    assert scores.macro.low <= scores.macro.value <= scores.macro.high <= 1
    assert scores.macro.value == pytest.approx(macro_auroc(examples.truth, logits), abs=0.02)
    changed = [k for k, slope in enumerate(scores.slope) if abs(slope - 1) > 0.05]
    assert changed, "400 recordings are calibrated differently from all of them"
    weights = calibrated(net, scores)
    net.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    again = read(net, examples.signals)
    np.testing.assert_allclose(again, logits * scores.slope + scores.offset, atol=1e-3)
    for k in changed:
        assert not np.allclose(again[:, k], logits[:, k], atol=0.01)
        before = roc_auc_score(examples.truth[:, k], logits[:, k])
        assert roc_auc_score(examples.truth[:, k], again[:, k]) == pytest.approx(before, abs=1e-3)


def test_a_label_without_positives_keeps_its_logits() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(200, 2)).astype(np.float32)
    truth = np.zeros((200, 2), np.float32)
    truth[:, 1] = logits[:, 1] + rng.normal(size=200) > 0
    slope, offset = calibration(logits, truth)
    assert (slope[0], offset[0]) == (1.0, 0.0)
    assert (slope[1], offset[1]) == pytest.approx(
        platt(logits[:, 1].astype(np.float64), truth[:, 1].astype(np.float64))
    )


@requires_shared
def test_groups_are_sexes_and_ages(examples: Examples) -> None:
    groups = patient_groups(examples)
    sex = examples.table.sex[examples.rows]
    age = examples.table.age[examples.rows]
    assert list(groups) == ["men", "women", "18-39", "40-59", "60-74", "75 or older"]
    np.testing.assert_array_equal(groups["men"], sex == 0)
    np.testing.assert_array_equal(groups["women"], sex == 1)
    np.testing.assert_array_equal(groups["40-59"], (age >= 40) & (age < 60))
    np.testing.assert_array_equal(groups["75 or older"], age >= 75)  # with those over 89


@pytest.mark.long  # it trains several networks
@requires_shared
def test_the_commands_leave_a_bundle_that_serves(tmp_path: Path) -> None:
    folders = ["--data", str(PTBXL), "--keep", str(tmp_path / "keep")]
    common = [*folders, "--limit", "300", "--groups", "3", "--epochs", "1"]
    embedded.main([*common, "--cross-validate"])
    kept = embedded.read_kept(tmp_path / "keep")
    assert kept.known.all() and np.isfinite(kept.logits).all()
    embedded.main([*common, "--without-fold", "9", "--out", str(tmp_path / "without")])
    bundle = load_bundle(tmp_path / "without")
    assert bundle.name == "embedded-without-fold-9" and bundle.labels[0].pos_weight is None
    segments = np.zeros((1, 13, 1000), np.float32)
    assert EncoderRunner(load_encoder_file(bundle.config, bundle.weights_path)).run(
        segments
    ).logits.shape == (1, len(bundle.labels))
    assert json.loads((tmp_path / "keep" / "group0.1.finished.json").read_text())["cpu_s"] > 0

    card, page = tmp_path / "card.md", tmp_path / "page.md"
    written = ["--out", str(tmp_path / "shipped"), "--card", str(card), "--page", str(page)]
    embedded.main([*folders, "--limit", "300", *written])
    assert load_bundle(tmp_path / "shipped").name == "embedded"
    assert "### Fold 9 alone" in card.read_text() and "## Embedded model" in page.read_text()


def test_without_a_cross_validation_nothing_is_shipped(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--cross-validate"):
        embedded.read_kept(tmp_path)
