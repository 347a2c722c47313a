"""The commands that train the quality models run, and what is shipped fits the code that reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import ConstantKernel, RationalQuadratic

from signal_quality import model as quality_model
from signal_quality.features import NAMES
from signal_quality.windows import measure_windows
from tests.data import SHARED, requires_shared
from tests.formats.wfdb.writer import Line, encode, header
from tests.signals.recordings import beating
from training.datasets.challenge2011 import labelled_records
from training.quality import report as quality_report
from training.quality import train as quality
from training.quality.fit import calibrate, fit, pulls_of, score

CINC = SHARED / "cinc2011"


def test_what_is_shipped_is_small_and_holds_no_objects() -> None:
    assert quality_model.FILE.stat().st_size < 500_000
    with np.load(quality_model.FILE, allow_pickle=False) as stored:
        assert all(stored[name].dtype != object for name in stored.files)


def test_the_process_is_what_scikit_learn_makes_of_the_same_covariance() -> None:
    rows, labels = make_classification(120, 6, n_informative=4, random_state=0)
    kernel = ConstantKernel(10.0, "fixed") * RationalQuadratic(
        2.0, 1.0, "fixed", "fixed"
    ) + ConstantKernel(4.0, "fixed")
    theirs = GaussianProcessClassifier(kernel, optimizer=None).fit(rows, labels)
    single = rows.astype(np.float32)
    covariance = 10.0 * quality_model.nearness(single, single, reach=2 * 2.0**2 / 6) + 4.0
    logits = covariance @ pulls_of(covariance, labels.astype(bool))
    np.testing.assert_allclose(logits, theirs.base_estimator_.f_cached, atol=1e-3)


def test_a_model_survives_its_file() -> None:
    rows, labels = make_classification(200, len(NAMES), n_informative=20, random_state=1)
    fitted = fit(
        rows, labels.astype(bool), 1.0, calibrate(rows, labels.astype(bool), np.arange(200), 0)
    )
    again = quality_model.from_arrays(fitted.to_arrays())
    np.testing.assert_allclose(again.probability(rows), fitted.probability(rows), atol=1e-6)
    assert (
        score(
            labels.astype(bool),
            fitted.probability(rows),
            fitted.probability(rows) >= fitted.threshold,
        ).auroc
        > 0.95
    )


def test_a_model_of_other_features_is_refused() -> None:
    stored = quality_model.shipped().to_arrays()
    stored["features"] = np.array(["another"])
    with pytest.raises(ValueError, match="train it anew"):
        quality_model.from_arrays(stored)


@requires_shared
def test_training_on_a_few_recordings_runs_to_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "accuracy.md"
    page.write_text("# Accuracy\n\n## Intervals\n\nkept\n")
    out = ["--out", str(tmp_path / "model.npz"), "--report", str(page)]
    for _ in range(2):
        quality.main(["--data", str(CINC), "--seeds", "1", "--folds", "2", "--limit", "90", *out])
    with np.load(tmp_path / "model.npz") as stored:
        assert quality_model.from_arrays(dict(stored)).threshold > 0
    assert (
        page.read_text().count(quality_report.TITLE) == 1
        and "## Intervals\n\nkept" in page.read_text()
    )
    assert "AUROC" in capsys.readouterr().out


@requires_shared
def test_the_shipped_model_knows_what_it_learned() -> None:
    """In sample: says that the file fits the features, and nothing of new recordings."""
    some = [pair for index, pair in enumerate(labelled_records(CINC)) if index < 150]
    rows = np.array(
        [measure_windows(one.signal, one.fs, one.lead_names)[0].of_record for one, _ in some]
    )
    acceptable = np.array([label for _, label in some])
    probability = quality_model.shipped().probability(rows)
    assert (
        score(acceptable, probability, probability >= quality_model.shipped().threshold).accuracy
        > 0.88
    )


def test_the_challenge_is_read_as_physionet_has_it(tmp_path: Path) -> None:
    samples = np.round(200 * beating(4.0)[:2]).astype(int)
    lines = [
        Line("1.dat", "16", "200/mV", codes.tolist(), name)
        for codes, name in zip(samples, ("I", "II"), strict=True)
    ]
    (tmp_path / "1.hea").write_bytes(header(lines))
    (tmp_path / "1.dat").write_bytes(encode(samples.T.ravel().tolist(), 16))
    (tmp_path / "RECORDS-acceptable").write_text("1\n")
    (tmp_path / "RECORDS-unacceptable").write_text("")
    ((found, acceptable),) = labelled_records(tmp_path)
    assert acceptable and found.lead_names == ("I", "II") and found.units == "mV"
