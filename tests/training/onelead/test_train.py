"""The command, on a small packed data set of synthetic recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from heads.one_lead.features import NUMBERS
from heads.one_lead.model import NAMES, load, tree_scores
from tests.heads.one_lead.test_model import recording
from training.onelead import fit as fit_module
from training.onelead.fit import fit
from training.onelead.train import main

LOADER = """
import numpy as np
from pathlib import Path

def records():
    data = np.load(Path(__file__).with_name("data.npz"))
    for label, signal in zip(data["labels"], data["signals"]):
        yield {"label": str(label)}, signal[np.newaxis]
"""


def packed(folder: Path, count: int) -> Path:
    """Write recordings of the four classes, at 300 Hz."""
    labels, signals = [], []
    for number in range(count):
        label = "NAO~"[number % 4]
        rhythm = "fibrillation" if label == "A" else "sinus"
        lead = recording(rhythm, number, 20.0, 300.0)[1]
        rng = np.random.default_rng(number)
        if label == "O":
            lead = np.roll(lead, 40) - 2.0 * np.roll(lead, 90)
        if label == "~":
            lead = lead + rng.normal(0, 1.0, lead.size).astype(np.float32)
        labels.append(label)
        signals.append(lead)
    folder.mkdir()
    (folder / "load.py").write_text(LOADER)
    np.savez(folder / "data.npz", labels=labels, signals=np.array(signals))
    return folder


def test_it_writes_a_model_its_card_and_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_module, "ROUNDS", 10)
    monkeypatch.setattr(fit_module, "MIN_LEAF", 4)
    data = packed(tmp_path / "data", 80)
    files = {name: tmp_path / name for name in ("trees", "description", "card", "page")}
    arguments = ["--data", str(data)]
    for name, path in files.items():
        arguments += [f"--{name}", str(path)]
    main(arguments)
    model = load(files["trees"], files["description"])
    assert tuple(label.name for label in model.description.labels) == NAMES
    card, page = files["card"].read_text(), files["page"].read_text()
    assert model.description.version in card
    assert "Challenge score" in card and "Challenge score" in page
    assert "80 recordings" in page
    first = files["trees"].read_bytes()
    main(arguments)
    assert files["trees"].read_bytes() == first
    assert files["page"].read_text().count("## One lead") == 1


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_trees_give_scikit_learns_scores(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_module, "ROUNDS", 8)
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(400, NUMBERS)).astype(np.float32)
    truth = (features[:, :4] + rng.normal(0, 0.5, (400, 4))).argmax(axis=1)
    forest, start = fit(features, truth, seed)
    classifier = HistGradientBoostingClassifier(
        max_iter=8,
        learning_rate=fit_module.LEARNING_RATE,
        max_leaf_nodes=fit_module.LEAVES,
        min_samples_leaf=fit_module.MIN_LEAF,
        l2_regularization=fit_module.L2,
        max_features=fit_module.FEATURE_SHARE,
        early_stopping=False,
        random_state=seed,
    ).fit(features.astype(np.float64), truth)
    expected = classifier.decision_function(features[:20].astype(np.float64))
    scores = np.array([tree_scores(forest, start, row) for row in features[:20]])
    assert scores == pytest.approx(expected, abs=1e-5)
