"""What other hospitals' statements mean, and the table of the model's figures on them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.hospitals.score import BEGIN, END, MIN_POSITIVES, Recording, answers, main, score
from benchmarks.hospitals.statements import (
    BRUGADA_FINDINGS,
    FINDINGS,
    NOTHING_ELSE,
    Finding,
    Statements,
    brugada_statements,
    cpsc2018_statements,
    hospital_statements,
)
from benchmarks.recordings import recording as synthetic
from model_store.bundle import load_bundle
from model_store.choose import EMBEDDED_FOLDER

NAN = float("nan")
BY_LABEL = {finding.label: finding for finding in FINDINGS}
LOADER = """
import csv
from pathlib import Path
import numpy as np
HERE = Path(__file__).parent
def records():
    lines = (HERE / "index.csv").read_text().splitlines()
    for number, row in enumerate(csv.DictReader(lines)):
        yield row, np.load(HERE / f"{number}.npy")
"""


@pytest.mark.parametrize(
    ("label", "statements", "truth"),
    [
        ("NORM", hospital_statements("Georgia", "sinus rhythm"), 1),
        ("NORM", cpsc2018_statements("Normal"), 1),
        ("NORM", hospital_statements("Georgia", "sinus bradycardia; sinus arrhythmia"), NAN),
        ("NORM", hospital_statements("Georgia", "sinus rhythm; T wave inversion"), 0),
        ("NORM", hospital_statements("Georgia", ""), NAN),
        ("Atrial fibrillation", cpsc2018_statements("AF+RBBB"), 1),
        ("Right bundle branch block", cpsc2018_statements("AF+RBBB"), 1),
        ("Atrial fibrillation", hospital_statements("Georgia", "atrial flutter"), NAN),
        ("Left ventricular hypertrophy", cpsc2018_statements("STD"), NAN),
        ("Left ventricular hypertrophy", hospital_statements("CPSC2018", "sinus rhythm"), NAN),
        ("Left ventricular hypertrophy", hospital_statements("Georgia", "sinus rhythm"), 0),
        (
            "Left ventricular hypertrophy",
            hospital_statements("Georgia", "left ventricular high voltage"),
            NAN,
        ),
        ("Infarction", hospital_statements("Georgia", "old myocardial infarction"), 1),
        ("Infarction", hospital_statements("Georgia", "Q wave abnormal; sinus rhythm"), NAN),
    ],
)
def test_a_statement_means_what_its_source_could_have_said(
    label: str, statements: Statements, truth: float
) -> None:
    found = BY_LABEL[label].truth(statements)
    assert found == truth or (math.isnan(found) and math.isnan(truth))


def test_a_class_that_cpsc2018_does_not_have_is_an_error() -> None:
    with pytest.raises(KeyError):
        cpsc2018_statements("RBBB+LVH")


def test_only_a_syndrome_with_its_pattern_is_one_and_only_a_normal_baseline_is_normal() -> None:
    (normal,) = BRUGADA_FINDINGS
    cases = {("normal", "0"): 1, ("brugada", "1"): 0, ("brugada_2", "1"): 0}
    for (label, pattern), truth in cases.items():
        assert normal.truth(brugada_statements(label, pattern)) == truth
    for label, pattern in (("brugada", "0"), ("normal", "1")):
        assert math.isnan(normal.truth(brugada_statements(label, pattern)))


def test_every_finding_is_a_label_of_the_shipped_model() -> None:
    names = {label.name for label in load_bundle(EMBEDDED_FOLDER).labels}
    assert {finding.label for finding in (*FINDINGS, *BRUGADA_FINDINGS)} <= names


def test_figures_count_known_truths_and_identical_signals_are_one_patient() -> None:
    bundle = load_bundle(EMBEDDED_FOLDER)
    number = [label.name for label in bundle.labels].index("NORM")
    threshold = bundle.labels[number].threshold
    finding = Finding("NORM", "", frozenset({"yes"}), frozenset({"open"}))
    names = ["yes"] * 6 + ["no"] * 6 + ["open"] * 3
    recordings = [
        Recording(np.full((12, 2), float(index), np.float32), 100.0, Statements("", frozenset({s})))
        for index, s in enumerate(names)
    ]
    probabilities = np.zeros((15, len(bundle.labels)))
    probabilities[:6, number] = [0.9, 0.9, 0.9, 0.9, threshold, threshold - 0.01]
    probabilities[6:12, number] = [0.95, 0.1, 0.1, 0.1, 0.1, 0.1]
    probabilities[12:, number] = 1.0
    (figures,) = score(bundle, recordings, probabilities, [finding])
    assert (figures.positives, figures.negatives) == (6, 6)
    assert (figures.hits, figures.rejected) == (5, 5)
    assert figures.auroc.value == pytest.approx(30 / 36)
    assert figures.auroc.low < figures.auroc.value < figures.auroc.high

    same = [Recording(recordings[0].signal, 100.0, each.statements) for each in recordings]
    (figures,) = score(bundle, same, probabilities, [finding])
    assert figures.auroc.low == figures.auroc.high == figures.auroc.value


def test_the_command_writes_its_table_between_the_marks(tmp_path: Path) -> None:
    signals = [synthetic(seed) for seed in range(MIN_POSITIVES)]
    labels = ["sinus rhythm", "left bundle branch block"]
    _write(tmp_path / "hospitals", signals, [f"{s},Georgia" for s in labels], "labels,source")
    _write(tmp_path / "cpsc2018", signals, ["Normal", "LBBB"], "label")
    slow = [np.ascontiguousarray(signal[:, ::5]) for signal in signals]
    _write(tmp_path / "brugada", slow, ["normal,0", "brugada,1"], "label,basal_pattern")
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}old\n{END}after\n")
    main(["--data", str(tmp_path), "--page", str(page)])
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}## ") and text.endswith(f"{END}after\n")
    count = MIN_POSITIVES * len(labels)
    assert f"{2 * count} recordings at 500 Hz" in text and f"{count} recordings at 100 Hz" in text
    assert f"| Left bundle branch block | left bundle branch block | {count} | 0.5" in text
    assert f"| NORM | no syndrome, normal baseline | {MIN_POSITIVES} | 0.5" in text
    assert "hypertrophy |" not in text


def test_a_long_recording_is_read_window_by_window() -> None:
    bundle = load_bundle(EMBEDDED_FOLDER)
    statements = Statements("", frozenset({NOTHING_ELSE}))
    short = Recording(synthetic(1), 500.0, statements)
    twice = Recording(np.tile(short.signal, 2), 500.0, statements)
    found = answers(bundle, [short, twice])
    assert found.shape == (2, len(bundle.labels))
    np.testing.assert_allclose(found[0], found[1], atol=0.1)


def _write(folder: Path, signals: list[np.ndarray], values: list[str], columns: str) -> None:
    """Write a packed data set that holds each signal once with each row of values."""
    folder.mkdir()
    (folder / "load.py").write_text(LOADER)
    rows = [(signal, value) for signal in signals for value in values]
    (folder / "index.csv").write_text("\n".join([columns, *(value for _, value in rows)]) + "\n")
    for number, (signal, _) in enumerate(rows):
        np.save(folder / f"{number}.npy", signal)
