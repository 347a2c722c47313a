"""The command that trains the model of interchanged electrodes, on a small made-up data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from signal_quality.placement import EXCHANGES, PlacementModel
from training import placement

LOADER = """
import types
import numpy as np
from tests.signals.recordings import beating

def load(chunks):
    signals, ids, folds = [], [], []
    for chunk in chunks:
        for number in range(20):
            ecg_id = 100 * chunk + number
            rng = np.random.default_rng(ecg_id)
            one, two, *chest = beating(10.0, 100.0, seed=ecg_id)[[0, 1, 6, 7, 8, 9, 10, 11]]
            one, two = one * rng.uniform(0.8, 1.2), two * rng.uniform(0.8, 1.2)
            limbs = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
            signal = np.array([*limbs, *(c * rng.uniform(0.8, 1.2) for c in chest)])
            signals.append(np.zeros_like(signal) if number == 7 else signal)
            ids.append(ecg_id)
            folds.append(1 + number % 9)
    return np.array(signals), types.SimpleNamespace(ecg_id=ids, strat_fold=folds)
"""


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    folder = tmp_path / "ptbxl"
    (folder / "raw500").mkdir(parents=True)
    (folder / "load.py").write_text(LOADER)
    (folder / "raw500" / "00003_hr.hea").touch()
    return folder


def test_templates_are_of_recordings_with_beats_that_are_not_for_the_tests(packed: Path) -> None:
    templates, fold = placement.read_templates(packed, [0, 1])
    # Of 20 in each chunk, one is flat; one of the first chunk is in raw500.
    assert templates.shape == (37, 8, 64 * 125 // 100)
    expected = [1 + n % 9 for n in range(20) if n not in (3, 7)]
    expected += [1 + n % 9 for n in range(20) if n != 7]
    assert fold.tolist() == expected


def test_the_command_writes_a_model_and_a_table(
    packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "placement.json"
    page = tmp_path / "accuracy.md"
    page.write_text("# Accuracy\n\n## Exchanged electrodes\n\nold\n\n## Other\n\nkept\n")
    arguments = ["--data", str(packed), "--chunks", "0", "1", "2"]
    placement.main([*arguments, "--out", str(out), "--report", str(page)])
    stored = json.loads(out.read_text())
    assert stored["exchanges"] == list(EXCHANGES)
    assert np.array(stored["weights"]).shape == (11, 132)
    assert len(stored["shifts"]) == 11
    assert 0 < stored["limit"] < 1
    text = page.read_text()
    assert "\nold\n" not in text
    assert "## Other\n\nkept\n" in text
    table = capsys.readouterr().out.strip()
    assert text.endswith(
        f"## Exchanged electrodes\n\nWritten by `python -m training.placement --data PTBXL`"
        f" (PTB-XL, 100 Hz).\n\n{table}\n"
    )
    lines = table.split("\n")
    assert lines[2] == "| exchanged | 0.5% | 1.0%, shipped | 2.0% |"
    assert [line.split(" | ")[0] for line in lines[4:]] == [
        "| nothing",
        *(f"| {exchange}" for exchange in EXCHANGES if exchange),
    ]


def model_by_lead_one(limit: float = 0.5) -> PlacementModel:
    """Suspects exchanged arms where the mean of I in the QRS complex is negative."""
    weights = np.zeros((11, 132))
    weights[1, 44 + 36] = -100.0
    shifts = np.full(11, -50.0)
    shifts[:2] = 0.0
    return PlacementModel(weights, shifts, limit)


def test_the_suspicion_is_the_probability_of_any_exchange(packed: Path) -> None:
    templates, _ = placement.read_templates(packed, [0])
    model = model_by_lead_one()
    suspicion, likeliest = placement.suspicions(model, templates, "")
    assert (suspicion < 0.01).all()
    suspicion, likeliest = placement.suspicions(model, templates, "right arm and left arm")
    assert (suspicion > 0.99).all()
    assert (likeliest == 1).all()


def test_the_limit_is_exceeded_by_the_share_of_false_alarms(packed: Path) -> None:
    templates, _ = placement.read_templates(packed, [0, 1, 2])
    model = model_by_lead_one()
    suspicion, _ = placement.suspicions(model, templates, "")
    limit = placement.limit_of(model, templates, 0.1)
    assert (suspicion > limit).mean() == pytest.approx(0.1, abs=0.02)


def test_the_table_has_the_shares_suspected_and_named(packed: Path) -> None:
    templates, _ = placement.read_templates(packed, [0])
    lines = placement.figures(model_by_lead_one(), templates, templates).split("\n")
    assert lines[0].startswith("18 unseen recordings (fold 9), as they are and with each exchange")
    rows = {line.split(" | ")[0][2:]: line for line in lines[4:]}
    # Arms exchanged are always suspected and named; so are legs, but they are called arms.
    assert rows["right arm and left arm"].endswith(
        "| 1.000 (1.000) | 1.000 (1.000) | 1.000 (1.000) |"
    )
    assert rows["right arm and left leg"].count("(0.000)") == 3
    assert "(" not in rows["nothing"]
