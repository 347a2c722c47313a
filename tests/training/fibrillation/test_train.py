"""The command, on small packed data sets of synthetic recordings."""

from __future__ import annotations

import csv
import tarfile
from pathlib import Path

import numpy as np
import pytest
import wfdb

from heads.fibrillation.model import load
from signals.synthetic.catalogue import CASES
from signals.synthetic.generator import SyntheticEcg
from training.fibrillation import fit as fit_module
from training.fibrillation import scores, train

LOADER = """
import csv
from pathlib import Path
import numpy as np

def records():
    folder = Path(__file__).parent
    with (folder / "index.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            yield row, np.load(folder / (row["record"] + ".npy"))
"""
FS = 250


def leads(seconds: int, seed: int, from_s: int | None = None) -> np.ndarray:
    """Return (2, samples) of a sinus rhythm, from a second on of fibrillation."""
    signal = SyntheticEcg(CASES["sinus"].heart, seed, FS).samples(0, seconds * FS)[:2]
    if from_s is not None:
        heart = CASES["ventricular_fibrillation"].heart
        after = SyntheticEcg(heart, seed, FS).samples(0, (seconds - from_s) * FS)[:2]
        signal = np.concatenate([signal[:, : from_s * FS], after], axis=1)
    return signal


def packed(folder: Path, rows: list[dict[str, object]], signals: list[np.ndarray]) -> None:
    folder.mkdir()
    (folder / "load.py").write_text(LOADER)
    for row, signal in zip(rows, signals, strict=True):
        np.save(folder / f"{row['record']}.npy", signal.astype(np.float32))
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["record", "fs", "label", "alarm", "true"])
        writer.writeheader()
        writer.writerows({"fs": FS, "label": "", "alarm": "", "true": ""} | row for row in rows)


def data(folder: Path) -> Path:
    """Write the five data sets."""
    folder.mkdir()
    names = [f"cu{number}" for number in range(40, 46)]
    fibrillating = [leads(50, seed, 25)[:1] for seed in range(6)]
    packed(folder / "cudb", [{"record": name} for name in names], fibrillating)
    episodes = [f"{name},{25 * FS},{50 * FS - 1}" for name in names]
    (folder / "cudb" / "vf.csv").write_text(
        "\n".join(["record,start_sample,end_sample", *episodes, ""])
    )
    packed(
        folder / "svdb",
        [{"record": "800"}, {"record": "801"}],
        [leads(60, seed) for seed in (8, 9)],
    )
    alarms = [("Ventricular_Flutter_Fib", 1), ("Ventricular_Flutter_Fib", 0), ("Asystole", 0)] * 2
    rows = [
        {"record": f"a{number}", "alarm": alarm, "true": true}
        for number, (alarm, true) in enumerate(alarms)
    ]
    ends = [leads(30, seed, 20 if row["true"] else None) for seed, row in enumerate(rows)]
    packed(folder / "cinc2015", rows, ends)
    labels = [{"record": f"d{number}", "label": "NAO~"[number]} for number in range(4)]
    packed(folder / "cinc2017", labels, [leads(20, seed)[:1] for seed in range(4)])
    ds1(folder / "mitbih_ds1")
    return folder


def ds1(folder: Path) -> None:
    folder.mkdir()
    with tarfile.open(folder / "ds1.tar.xz", "w:xz") as archive:
        for name, from_s in (("101", None), ("207", 40)):
            signal = leads(60, int(name), from_s).T.astype(np.float64)
            wfdb.wrsamp(
                name, FS, ["mV"] * 2, ["MLII", "V1"], p_signal=signal, fmt=["212"] * 2, **ADC
            )
            samples = np.array([10, 20] if from_s is None else [40 * FS, 60 * FS - 2])
            symbols = ["N", "N"] if from_s is None else ["[", "]"]
            wfdb.wrann(name, "atr", samples, symbols, fs=FS)
            for suffix in ("dat", "hea", "atr"):
                archive.add(f"{name}.{suffix}")


ADC = {"adc_gain": [200.0] * 2, "baseline": [0] * 2}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_module, "TREES", 5)
    monkeypatch.setattr(fit_module, "MIN_LEAF", 5)
    monkeypatch.setattr(train, "FOLDS", 2)
    monkeypatch.setattr(train, "TIMED_ROWS", 64)
    monkeypatch.setattr(scores, "RESAMPLES", 10)


@pytest.mark.usefixtures("small")
def test_it_writes_a_model_and_its_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = {name: tmp_path / name for name in ("trees", "description", "card")}
    arguments = ["--data", str(data(tmp_path / "data"))]
    for name, path in files.items():
        arguments += [f"--{name}", str(path)]
    train.main(arguments)
    model = load(files["trees"], files["description"])
    assert model.forest.roots.size == 5
    assert 0.2 <= model.description.threshold < 1.0
    card = files["card"].read_text()
    assert model.description.version in card
    assert "| 6 of CUDB |" in card and "6: 1.00 (1.00-1.00)" in card
    assert "| 2 of MIT-BIH DS1 |" in card and "truly 2 times" in card
    assert "| normal rhythm | 1 | 0.0 | 0 |" in card
    first = files["trees"].read_bytes()
    train.main(arguments)
    assert files["trees"].read_bytes() == first
