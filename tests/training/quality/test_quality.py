"""The command that trains the quality model, the steps of the training, and the shipped model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import ConstantKernel, RationalQuadratic

from signal_quality.features import FEATURE_NAMES
from signal_quality.model import FILE, from_arrays, nearness, shipped_model
from signal_quality.windows import measure_windows
from signals.record import EcgRecord
from tests.data import SHARED, requires_shared
from tests.formats.wfdb.writer import Line, encode, header
from tests.signals.recordings import beating, record
from training.datasets.challenge2011 import labelled_records
from training.quality import report, train
from training.quality.examples import LabelledExamples, measure_examples
from training.quality.fit import calibrate, fit, folds, pulls_of, score
from training.quality.out_of_fold import OutOfFold, cross_validate

CINC = SHARED / "cinc2011"


def test_the_shipped_model_is_small_and_holds_no_objects() -> None:
    assert FILE.stat().st_size < 500_000
    with np.load(FILE, allow_pickle=False) as stored:
        assert all(stored[name].dtype != object for name in stored.files)


def test_the_gaussian_process_equals_scikit_learns_for_the_same_covariance() -> None:
    rows, labels = make_classification(120, 6, n_informative=4, random_state=0)
    quadratic = RationalQuadratic(2.0, 1.0, "fixed", "fixed")
    kernel = ConstantKernel(10.0, "fixed") * quadratic + ConstantKernel(4.0, "fixed")
    reference = GaussianProcessClassifier(kernel, optimizer=None).fit(rows, labels)
    single = rows.astype(np.float32)
    covariance = 10.0 * nearness(single, single, reach=2 * 2.0**2 / 6) + 4.0
    logits = covariance @ pulls_of(covariance, labels.astype(bool))
    np.testing.assert_allclose(logits, reference.base_estimator_.f_cached, atol=1e-3)


def test_a_trained_model_separates_its_classes_and_is_restored_from_its_arrays() -> None:
    rows, labels = make_classification(200, len(FEATURE_NAMES), n_informative=20, random_state=1)
    acceptable = labels.astype(bool)
    calibration = calibrate(rows, acceptable, np.arange(200), 0)
    model = fit(rows, acceptable, 1.3, calibration)
    assert model.calibration == calibration
    assert model.usual_height_mv == 1.3
    probability = model.probability(rows)
    restored = from_arrays(model.to_arrays())
    np.testing.assert_allclose(restored.probability(rows), probability, atol=1e-6)
    in_sample = score(acceptable, probability, probability >= model.threshold)
    assert in_sample.auroc > 0.95
    assert in_sample.accuracy > 0.9


def test_a_score_is_the_accuracy_and_the_auroc() -> None:
    """AUROC 5 / 6: in five of six pairs the acceptable recording has the higher probability."""
    acceptable = np.array([True, False, True, False, True])
    probability = np.array([0.9, 0.5, 0.4, 0.1, 0.8])
    result = score(acceptable, probability, probability >= 0.45)
    assert result.accuracy == 0.6
    assert result.auroc == pytest.approx(5 / 6)


def test_identical_recordings_are_in_one_fold() -> None:
    acceptable = np.arange(60) % 3 > 0
    group = np.arange(60) // 2
    tested = []
    for train_rows, test_rows in folds(acceptable, group, 5, seed=1):
        assert not set(group[train_rows]) & set(group[test_rows])
        tested += test_rows.tolist()
    assert sorted(tested) == list(range(60))


def labelled_recordings(count: int) -> Iterator[tuple[EcgRecord, bool]]:
    """Yield (recording, acceptable) of different heights; every third is noise, not acceptable."""
    for number in range(count):
        signal = (1 + number % 4) * beating(8.0, 100.0, seed=number)
        if number % 3 == 2:
            signal = np.random.default_rng(number).normal(size=signal.shape)
        yield record(signal, fs=100.0), number % 3 != 2


def test_examples_are_features_labels_and_groups() -> None:
    flat = record(np.full((12, 800), 0.5), fs=100.0)
    first = next(labelled_recordings(1))
    pairs = [first, (flat, False), *labelled_recordings(5)]
    examples = measure_examples(iter(pairs), limit=6)
    assert examples.rows.shape == examples.scaled_rows.shape == (6, len(FEATURE_NAMES))
    assert examples.acceptable.tolist() == [True, False, True, True, False, True]
    assert examples.flat.tolist() == [False, True, False, False, False, False]
    # Recordings 0 and 2 are the same.
    assert examples.group[0] == examples.group[2]
    assert len(set(examples.group.tolist())) == 5
    expected = measure_windows(pairs[3][0].signal, 100.0, pairs[3][0].lead_names)[0]
    np.testing.assert_array_equal(examples.rows[3], expected.record_features)
    # Scaled to one height, recordings of 1 and 2 times the height have the same spread.
    spread = FEATURE_NAMES.index("spread@0.5")
    assert examples.scaled_rows[2, spread] == pytest.approx(
        examples.scaled_rows[3, spread], abs=0.02
    )
    assert examples.rows[3, spread] - examples.rows[2, spread] == pytest.approx(0.3, abs=0.02)


def test_every_recording_is_judged_by_a_model_of_the_other_folds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    examples = measure_examples(labelled_recordings(60))
    result = cross_validate(examples, seed=4, fold_count=3)
    assert sorted(set(result.fold.tolist())) == [0, 1, 2]
    overall = score(examples.acceptable, result.probability, result.readable)
    assert overall.accuracy > 0.9
    np.testing.assert_array_equal(result.readable, result.probability >= 0.5)
    np.testing.assert_array_equal(result.scaled_probability >= 0.5, examples.acceptable)
    assert capsys.readouterr().err == (
        f"seed 4: accuracy {overall.accuracy:.4f}, AUROC {overall.auroc:.4f}\n"
    )


# Eight recordings, one of which is flat, in two folds.
EXAMPLES = LabelledExamples(
    rows=np.zeros((8, 1)),
    scaled_rows=np.zeros((8, 1)),
    acceptable=np.array([True, True, True, True, False, False, False, False]),
    group=np.arange(8),
    flat=np.array([False] * 7 + [True]),
    usual_height_mv=1.0,
    cpu_ms=1.84,
)


def out_of_fold(probability: list[float]) -> OutOfFold:
    values = np.array(probability)
    return OutOfFold(values, 1 - values, values >= 0.5, np.array([0, 1, 0, 1, 0, 1, 0, 1]))


def test_the_scores_are_means_over_seeds_with_their_range() -> None:
    first = out_of_fold([0.9, 0.8, 0.7, 0.4, 0.1, 0.2, 0.3, 0.0])
    second = out_of_fold([0.9, 0.8, 0.7, 0.6, 0.1, 0.2, 0.3, 0.0])
    text = report.cross_validation(EXAMPLES, [first, second])
    lines = text.split("\n")
    assert lines[0].startswith("Nested cross-validation with 2 seeds and 2 outer folds; identical")
    # Accuracies 7/8 and 1; by folds 1, 3/4, 1 and 1. All pairs are in order.
    assert lines[4] == (
        "| 8 labelled | 0.9375 (0.8750 to 1.0000), sd over folds 0.108"
        " | 1.0000 (1.0000 to 1.0000) |"
    )
    # Accuracies without the flat recording: 6/7 and 1.
    assert lines[5] == (
        "| 7 without the entirely flat ones | 0.9286 (0.8571 to 1.0000)"
        " | 1.0000 (1.0000 to 1.0000) |"
    )
    # With all probabilities reversed no pair is in order.
    assert lines[6].endswith("(scaled to the usual QRS height) | | 0.0000 (0.0000 to 0.0000) |")
    assert lines[8] == (
        "Judged readable: 0.875 of the acceptable recordings; judged unreadable: 1.000 of the"
        " unacceptable ones."
    )
    # Mean squared errors: (0.01 + 0.04 + 0.09 + 0.36 + 0.01 + 0.04 + 0.09) / 8 for the first seed;
    # the second has 0.16 in place of 0.36.
    assert lines[9] == (
        "Calibration, out of fold: Brier score 0.068. CPU time of the features: 1.8 ms for a"
        " recording of 12 leads and 5000 samples."
    )


@pytest.mark.parametrize("old", ["# Accuracy\n\n## Intervals\n\nkept\n", None])
def test_a_section_replaces_the_one_with_its_title(old: str | None, tmp_path: Path) -> None:
    page = tmp_path / "accuracy.md"
    if old is not None:
        page.write_text(old)
    before = "# Accuracy\n\n## Intervals\n\nkept\n" if old else "# Accuracy\n"
    for text in ("first\n\n| a | b |", "second"):
        report.write_section(page, "## Signal quality", text)
        assert page.read_text() == f"{before}\n## Signal quality\n\n{text}\n"
    report.write_section(page, "## Other (1)", "other")
    report.write_section(page, "## Signal quality", "third")
    expected = f"{before}\n## Other (1)\n\nother\n\n## Signal quality\n\nthird\n"
    assert page.read_text() == expected


@requires_shared
def test_training_on_a_few_recordings_writes_a_model_and_a_section(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "accuracy.md"
    page.write_text("# Accuracy\n\n## Intervals\n\nkept\n")
    out = ["--out", str(tmp_path / "model.npz"), "--report", str(page)]
    train.main(["--data", str(CINC), "--seeds", "1", "--folds", "2", "--limit", "90", *out])
    with np.load(tmp_path / "model.npz") as stored:
        model = from_arrays(dict(stored))
    assert len(model.pulls) == 90
    text = page.read_text()
    assert text.startswith("# Accuracy\n\n## Intervals\n\nkept\n\n## Signal quality\n\nWritten by ")
    assert "Nested cross-validation with 1 seeds and 2 outer folds" in text
    printed = capsys.readouterr().out
    assert printed.startswith("90 labelled recordings, ")
    assert "| 90 labelled | " in printed


@requires_shared
def test_with_score_only_nothing_is_written(tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "model.npz"), "--report", str(tmp_path / "page.md")]
    arguments = ["--data", str(CINC), "--seeds", "1", "--folds", "2", "--limit", "60"]
    train.main([*arguments, "--score-only", *out])
    assert list(tmp_path.iterdir()) == []


@requires_shared
def test_the_shipped_model_fits_its_training_set() -> None:
    """In-sample, to show that the file and the features belong together."""
    pairs = [pair for index, pair in enumerate(labelled_records(CINC)) if index < 150]
    examples = measure_examples(iter(pairs))
    model = shipped_model()
    probability = model.probability(examples.rows)
    in_sample = score(examples.acceptable, probability, probability >= model.threshold)
    assert in_sample.accuracy > 0.88


def test_the_challenges_folder_from_physionet_is_read(tmp_path: Path) -> None:
    samples = np.round(200 * beating(4.0)[:2]).astype(int)
    lines = [
        Line("1.dat", "16", "200/mV", codes.tolist(), name)
        for codes, name in zip(samples, ("I", "II"), strict=True)
    ]
    for name in ("1", "2"):
        (tmp_path / f"{name}.hea").write_bytes(
            header(lines).replace(b"1.dat", f"{name}.dat".encode())
        )
        (tmp_path / f"{name}.dat").write_bytes(encode(samples.T.ravel().tolist(), 16))
    (tmp_path / "RECORDS-acceptable").write_text("1\n")
    (tmp_path / "RECORDS-unacceptable").write_text("2\n")
    (first, first_label), (_, second_label) = labelled_records(tmp_path)
    assert (first_label, second_label) == (True, False)
    assert first.lead_names == ("I", "II")
    assert first.units == "mV"
    np.testing.assert_allclose(first.signal, samples / 200, atol=1e-6)
