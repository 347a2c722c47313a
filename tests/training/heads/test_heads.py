"""Training of heads: the files that users give, fits, scores, commands, and the gate's check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ecgfm_client.results import Encoder
from ecgfm_client.rows import made_with
from ecgfm_client.tables import Table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score

from errors import BadTrainingData
from heads.folder import read_head
from signals.logistic import sigmoid
from tests.data import SHARED, requires_shared
from tests.heads.small_heads import ENCODER
from training.__main__ import main
from training.calibration import best_f1_threshold, platt
from training.gate_check import (
    draw_labels,
    flip_entries,
    mix_up_records,
    report,
    simulate,
    write_page,
)
from training.heads.embeddings_file import Embeddings, read_embeddings, write_embeddings
from training.heads.examples import Examples
from training.heads.fit import fit_head, patient_folds
from training.heads.fitted import FitOptions
from training.heads.label_table import LabelTable, join
from training.heads.linear_fit import Scaling, fit_linear, positive_weights
from training.heads.recipes import recipe_labels
from training.heads.scores import expected_calibration_error, prevalence_baseline, score

WIDTH = 8
LABELS = ("AF", "MI")


def draw_examples(records: int = 400, seed: int = 0, per_patient: int = 2) -> Examples:
    """Return random embeddings, and labels drawn with probabilities that are linear in them."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((records, WIDTH)) * 3 + 1
    rule = np.array([[1.0, -1, 0.5, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, -0.5, 0, 0]])
    truth = (random.random((records, 2)) < sigmoid((x - 1) @ rule.T - np.array([1.0, 4.0]))).astype(
        float
    )
    return Examples(x, truth, np.array([f"p{row // per_patient}" for row in range(records)]))


def embeddings_of(examples: Examples) -> Embeddings:
    records = np.array([f"r{row}" for row in range(len(examples.x))])
    return Embeddings(records, examples.patients, examples.x.astype(np.float32), ENCODER)


def write_files(folder: Path, examples: Examples, *, split: str | None = None) -> tuple[str, str]:
    """Write the embeddings and the labels into a folder; return the paths of both files."""
    write_embeddings(folder / "e.parquet", embeddings_of(examples))
    rows = [
        f"r{row},{int(a)},{int(b)}" + (f",{split}" if split else "")
        for row, (a, b) in enumerate(examples.truth)
    ]
    (folder / "l.csv").write_text(
        "\n".join([",".join(("record_id", *LABELS, *(("split",) if split else ()))), *rows])
    )
    return str(folder / "e.parquet"), str(folder / "l.csv")


# --- the embeddings file


def test_embeddings_are_read_as_they_were_written(tmp_path: Path) -> None:
    original = embeddings_of(draw_examples(20))
    write_embeddings(tmp_path / "e.parquet", original)
    stored = read_embeddings(tmp_path / "e.parquet")
    np.testing.assert_array_equal(stored.values, original.values)
    assert (stored.records.tolist(), stored.patients.tolist(), stored.encoder) == (
        original.records.tolist(),
        original.patients.tolist(),
        ENCODER,
    )
    assert [path.name for path in tmp_path.iterdir()] == ["e.parquet"]


METADATA = {"ecg.encoder": json.dumps({"name": "x", "revision": None, "sha256": "a" * 64})}


def write_parquet(path: Path, columns: dict[str, Any], metadata: dict[str, str] = METADATA) -> Path:
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path)
    return path


def columns(**replaced: Any) -> dict[str, Any]:
    """Return the columns of a valid file, some of them replaced."""
    return {
        "record_id": ["a", "b"],
        "patient_id": ["p", "q"],
        "embedding": [[1.0, 2.0], [3.0, 4.0]],
        **replaced,
    }


def test_numeric_ids_and_numbered_columns_are_read(tmp_path: Path) -> None:
    listed = read_embeddings(write_parquet(tmp_path / "a.parquet", columns(record_id=[1, 2])))
    numbered = {
        "record_id": ["a", "b"],
        "patient_id": ["p", "q"],
        "e1": [2.0, 4.0],
        "e0": [1.0, 3.0],
    }
    split = read_embeddings(write_parquet(tmp_path / "b.parquet", numbered))
    np.testing.assert_array_equal(listed.values, split.values)
    assert listed.records.tolist() == ["1", "2"]


def write_bulk_file(path: Path, examples: Examples, **options: Any) -> Path:
    """Write embeddings as `ecgfm features` and `bulk` do; return the path."""
    out = Table(path)
    out.open()
    out.must_match(made_with(Encoder(ENCODER.name, ENCODER.revision, ENCODER.sha256), **options))
    for row, values in enumerate(examples.x.astype(np.float32)):
        out.add({"record_id": f"r{row}", "embedding": values, "segments": 2, "warnings": []})
    out.finish()
    return path


def test_files_of_the_bulk_commands_are_read(tmp_path: Path) -> None:
    original = draw_examples(20)
    stored = read_embeddings(write_bulk_file(tmp_path / "e.parquet", original, pooling="mean"))
    np.testing.assert_array_equal(stored.values, original.x.astype(np.float32))
    assert stored.encoder == ENCODER
    assert not stored.patients_known and stored.patients.tolist() == stored.records.tolist()
    with pytest.raises(BadTrainingData, match=r"'layer': 3.*heads read"):
        read_embeddings(write_bulk_file(tmp_path / "other.parquet", original, layer=3))


BULK = {"name": "x", "revision": None, "sha256": "a" * 64}
BAD_FILES: list[tuple[dict[str, Any], dict[str, str], str]] = [
    (columns(), {}, "no ecg.encoder"),
    (columns(), {"ecg.encoder": "{"}, "no ecg.encoder"),
    (
        columns(),
        {"ecg.encoder": '{"name": "x", "revision": null, "sha256": "abc"}'},
        "64 hex digits",
    ),
    (
        columns(),
        {**METADATA, "ecg.embedding": '{"layer": 3, "pooling": "max", "level": "record"}'},
        "heads read",
    ),
    ({"record_id": ["a"], "embedding": [[1.0]]}, METADATA, "no column patient_id"),
    (
        columns(),
        {"ecgfm": json.dumps({**BULK, "sha256": None})},
        "ecgfm: sha256 must be 64 hex digits",
    ),
    (columns(), {"ecgfm": json.dumps({**BULK, "name": None})}, "ecgfm: name must be a string"),
    (columns(), {"ecgfm": "[]"}, "no ecgfm of the form"),
    (columns(), {"ecgfm": json.dumps({**BULK, "pooling": "max"})}, "'pooling': 'max'.*heads read"),
    (columns(patient_id=["p", None]), METADATA, "patient_id is empty in 1"),
    (columns(record_id=["a", "a"]), METADATA, "a record_id occurs twice"),
    (columns(embedding=[[1.0, 2.0], [3.0]]), METADATA, "same count"),
    (columns(embedding=[[1.0, 2.0], None]), METADATA, "same count"),
    (columns(embedding=[[], []]), METADATA, "same count"),
    (columns(embedding=[["1"], ["2"]]), METADATA, "list of numbers"),
    (columns(embedding=[1.0, 2.0]), METADATA, "list of numbers"),
    (
        columns(embedding=[[1.0, float("nan")], [3.0, 4.0]]),
        METADATA,
        "1 embeddings hold values that are not finite",
    ),
    (
        {"record_id": ["a"], "patient_id": ["p"], "e0": [1.0], "e2": [1.0]},
        METADATA,
        "without a gap",
    ),
    ({"record_id": ["a"], "patient_id": ["p"]}, METADATA, "neither a column embedding"),
]


@pytest.mark.parametrize(
    "columns, metadata, message", BAD_FILES, ids=[message for *_, message in BAD_FILES]
)
def test_a_file_without_valid_embeddings_is_refused(
    tmp_path: Path, columns: dict[str, Any], metadata: dict[str, str], message: str
) -> None:
    with pytest.raises(BadTrainingData, match=message):
        read_embeddings(write_parquet(tmp_path / "e.parquet", columns, metadata))


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "e.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(BadTrainingData, match="cannot be read as Parquet"):
        read_embeddings(tmp_path / "e.parquet")


# --- fitting


@pytest.mark.parametrize("balanced", [False, True])
def test_the_logistic_regression_equals_scikit_learns(balanced: bool) -> None:
    examples = draw_examples()
    x, strength = Scaling.of(examples.x).apply(examples.x), 0.01
    theta = fit_linear(x, examples.truth, strength, balanced)
    for k in range(2):
        weight = np.where(
            examples.truth[:, k] == 1, positive_weights(examples.truth, balanced)[k], 1.0
        )
        reference = LogisticRegression(C=1 / (strength * weight.sum()), max_iter=1000).fit(
            x, examples.truth[:, k], sample_weight=weight
        )
        np.testing.assert_allclose(
            theta[k], [*reference.coef_[0], reference.intercept_[0]], atol=2e-3
        )


def test_records_of_unknown_truth_do_not_change_the_fit() -> None:
    examples = draw_examples()
    x = Scaling.of(examples.x).apply(examples.x)
    hidden = examples.truth.copy()
    hidden[::2, 0] = np.nan
    np.testing.assert_allclose(
        fit_linear(x, hidden, 0.01, True)[0],
        fit_linear(x[1::2], examples.truth[1::2], 0.01, True)[0],
        atol=2e-3,
    )


def test_folds_keep_patients_together() -> None:
    patients = draw_examples(300, per_patient=3).patients
    folds = patient_folds(patients, 5)
    assert all(len(set(folds[patients == patient])) == 1 for patient in np.unique(patients))
    assert set(folds) == set(range(5))


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_a_head_learns_generalises_and_is_calibrated(kind: str) -> None:
    head = fit_head(draw_examples(600), LABELS, "check", ENCODER, FitOptions(kind=kind, hidden=16))  # type: ignore[arg-type]
    unseen = draw_examples(3000, seed=9)
    probabilities = head.probabilities(unseen.x)
    for k in range(2):
        assert roc_auc_score(unseen.truth[:, k], probabilities[:, k]) > 0.85
        assert expected_calibration_error(probabilities[:, k], unseen.truth[:, k]) < 0.06
    assert head.kind == kind and len(head.trained_on) == 300


@pytest.mark.parametrize("kind", ["linear", "mlp"])
def test_the_same_seed_gives_the_same_head(kind: str) -> None:
    first, second = (
        fit_head(
            draw_examples(120), LABELS, "check", ENCODER, FitOptions(kind=kind, hidden=8, seed=4)
        )
        for _ in range(2)
    )  # type: ignore[arg-type]
    assert all(
        (a == b).all()
        for left, right in zip(first.layers, second.layers, strict=True)
        for a, b in zip(left, right, strict=True)
    )
    assert first.labels == second.labels


def test_too_few_patients_are_refused_and_counted() -> None:
    examples = draw_examples()
    few = Examples(
        examples.x, np.where(np.arange(400)[:, None] < 18, examples.truth, 0.0), examples.patients
    )
    with pytest.raises(
        BadTrainingData, match=r"label AF: positives of \d patients to train on; at least 10"
    ):
        fit_head(few, LABELS, "check", ENCODER, FitOptions())
    with pytest.raises(BadTrainingData, match="5 patients to train on"):
        fit_head(examples.at(np.arange(10)), LABELS, "check", ENCODER, FitOptions())


def test_platts_calibration_undoes_a_linear_change_of_the_logits() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(-2, 2, 20_000)
    truth = (random.random(20_000) < sigmoid(logits)).astype(float)
    slope, offset = platt(3 * logits + 5, truth)
    assert (slope, offset) == pytest.approx((1 / 3, -5 / 3), abs=0.05)
    assert platt(-logits, truth)[0] == 0.0


def test_the_threshold_has_the_highest_f1() -> None:
    random = np.random.default_rng(1)
    p = np.round(random.random(300), 2)
    truth = (random.random(300) < p).astype(float)
    best = f1_score(truth, p >= best_f1_threshold(p, truth))
    assert best == pytest.approx(max(f1_score(truth, p >= at) for at in np.unique(p)))


# --- scores


def test_intervals_contain_the_value_and_few_patients_give_none() -> None:
    examples = draw_examples(300)
    p = sigmoid(
        (examples.x - 1) @ np.array([[1.0, -1, 0.5, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, -0.5, 0, 0]]).T
    )
    scores = score(p, np.array([0.5, 0.5]), LABELS, examples)
    for label in scores["labels"].values():
        for figure in ("auroc", "auprc", "f1"):
            assert label[figure]["low"] <= label[figure]["value"] <= label[figure]["high"]
        assert sum(label["confusion"].values()) == 300
    few = score(p[:20], np.array([0.5, 0.5]), LABELS, examples.at(np.arange(20)))
    assert few["macro"]["auroc"]["low"] is None


def test_scores_of_a_label_without_known_truths_are_null() -> None:
    examples = draw_examples(60)
    blank = Examples(
        examples.x, np.column_stack([examples.truth[:, 0], np.full(60, np.nan)]), examples.patients
    )
    scores = score(np.full((60, 2), 0.5), np.array([0.5, 0.5]), LABELS, blank)
    assert scores["labels"]["MI"]["auroc"] == {"value": None, "low": None, "high": None}
    assert scores["labels"]["MI"]["expected_calibration_error"] is None
    assert scores["macro"]["auroc"]["value"] == 0.5
    assert prevalence_baseline(LABELS, blank)["labels"]["MI"]["auprc"] is None
    json.dumps(scores, allow_nan=False)


# --- the commands


def test_train_and_score_from_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    embeddings_path, labels = write_files(tmp_path, draw_examples(600))
    data = ("--embeddings", embeddings_path, "--labels", labels)
    assert (
        main(
            ("train", *data, "--name", "check", "--out", str(tmp_path / "head"), "--columns", "MI")
        )
        == 0
    )
    head = read_head(tmp_path / "head")
    assert head.label_names == ("MI",) and head.encoder == ENCODER
    assert head.training["command"].startswith("python -m training train --embeddings ")
    assert (
        main(
            (
                "score",
                str(tmp_path / "head"),
                *data,
                "--out",
                str(tmp_path / "scores"),
                "--no-plots",
            )
        )
        == 0
    )
    scores_file = json.loads((tmp_path / "scores" / "scores.json").read_text())
    assert scores_file["split"] == "test" and scores_file["baselines"]["random_encoder"] is None
    assert scores_file["scores"]["labels"]["MI"]["auroc"]["value"] > 0.8
    assert main(("train", *data, "--name", "check", "--out", str(tmp_path / "head"))) == 1
    assert "exists already" in capsys.readouterr().err


def test_a_head_is_trained_on_a_file_of_a_bulk_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    examples = draw_examples(600)
    _, labels = write_files(tmp_path, examples)
    write_bulk_file(tmp_path / "bulk.parquet", examples)
    data = ("--embeddings", str(tmp_path / "bulk.parquet"), "--labels", labels)
    assert main(("train", *data, "--name", "check", "--out", str(tmp_path / "head"))) == 0
    assert "counts as a patient of its own" in capsys.readouterr().err
    assert read_head(tmp_path / "head").encoder == ENCODER
    write_bulk_file(tmp_path / "max.parquet", examples, pooling="max")
    assert (
        main(
            (
                "train",
                "--embeddings",
                str(tmp_path / "max.parquet"),
                *data[2:],
                "--name",
                "check",
                "--out",
                str(tmp_path / "no"),
            )
        )
        == 1
    )
    assert "heads read" in capsys.readouterr().err


WRONG_ARGUMENTS = [
    ("train", "--embeddings", "e", "--labels", "l", "--out", "o"),
    ("train", "--embeddings", "e", "--ptbxl", "p", "--name", "n", "--out", "o"),
    ("promote", "n"),
    ("rollback", "n"),
    ("embed", "--out", "o"),
    (),
]


@pytest.mark.parametrize(
    "arguments", WRONG_ARGUMENTS, ids=lambda words: " ".join(words) or "nothing"
)
def test_wrong_usage_exits_with_code_2(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_the_gate_refuses_too_few_patients_and_patients_of_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ("--models-dir", str(tmp_path / "models"))
    embeddings_path, labels = write_files(tmp_path, draw_examples(200), split="train")
    for seed in ("1", "2"):
        out = str(tmp_path / f"head{seed}")
        assert (
            main(
                (
                    "train",
                    "--embeddings",
                    embeddings_path,
                    "--labels",
                    labels,
                    "--name",
                    "check",
                    "--seed",
                    seed,
                    "--out",
                    out,
                )
            )
            == 0
        )
        assert main(("install", out, *models)) == 0
    (tmp_path / "few").mkdir()
    other = draw_examples(30, seed=5)
    unseen_patients = Examples(
        other.x, other.truth, np.array([f"q{row // 2}" for row in range(30)])
    )
    few = write_files(tmp_path / "few", unseen_patients, split="gate")
    assert main(("promote", "check", "--embeddings", few[0], "--labels", few[1], *models)) == 3
    assert "15 patients; at least 20" in capsys.readouterr().out
    (tmp_path / "seen").mkdir()
    seen = write_files(tmp_path / "seen", draw_examples(100, seed=6), split="gate")
    assert main(("promote", "check", "--embeddings", seen[0], "--labels", seen[1], *models)) == 1
    assert "50 of the 50 patients of the gate set were trained on" in capsys.readouterr().err


@requires_shared
@pytest.mark.parametrize("recipe, labels", [("superclass", 5), ("pacemaker", 1), ("rhythm", 9)])
def test_recipes_of_ptbxl_use_fold_9_as_the_gate_set(recipe: Any, labels: int) -> None:
    table = recipe_labels(recipe, SHARED / "ptbxl")
    assert table.truth.shape == (19_601, labels)
    assert table.split is not None and table.patients is not None
    assert {part: int((table.split == part).sum()) for part in ("train", "gate", "test")} == {
        "train": 17_418,
        "gate": 2_183,
        "test": 0,
    }
    assert (table.truth.sum(axis=0) >= 50).all()


def test_a_folder_that_is_not_ptbxl_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTrainingData, match="cannot be read as PTB-XL"):
        recipe_labels("superclass", tmp_path)


# --- the gate's check


def test_each_corruption_changes_its_share_of_the_labels() -> None:
    truth = (np.random.default_rng(0).random((5000, 5)) < 0.3).astype(float)
    random = np.random.default_rng(1)
    assert float((flip_entries(truth, random) != truth).mean()) == pytest.approx(0.6, abs=0.02)
    mixed = mix_up_records(truth, random)
    assert mixed.sum(axis=0).tolist() == truth.sum(axis=0).tolist()
    assert 0.35 < float((mixed != truth).any(axis=1).mean()) < 0.6
    drawn = draw_labels(truth, random)
    assert float((drawn.sum(axis=1) == 1).mean()) > 0.6


def test_the_check_runs_and_writes_between_the_marks(tmp_path: Path) -> None:
    examples = draw_examples(1500, per_patient=1)
    labelled = join(
        embeddings_of(examples), LabelTable(embeddings_of(examples).records, LABELS, examples.truth)
    )
    outcomes = list(simulate(labelled, ENCODER, seeds=[0], gate_patients=250))
    assert [outcome.verdict.promote for outcome in outcomes if "60 %" in outcome.scenario] == [
        False
    ] * 3
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- gate: written by python -m training.gate_check -->\nold\n"
        "<!-- end of gate -->\nafter\n"
    )
    write_page(page, report(outcomes, ENCODER, "python -m training.gate_check"))
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert text.count("of 1 |") == 5
