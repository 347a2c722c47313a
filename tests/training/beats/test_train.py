"""The command, on small packed data sets of synthetic recordings."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import numpy as np
import pytest
import wfdb

from heads.beats import single
from heads.beats.classes import CLASSES, BeatModel
from heads.beats.describe import NUMBERS
from signals.synthetic.catalogue import CASES
from training.beats import class_scores, classes, detector, noise, train, train_streams
from training.beats.card import CARD_FILE
from training.beats.recordings import CLASS_OF

FS = 250
SECONDS = 60
SVDB_LOADER = """
import numpy as np
from pathlib import Path

def records():
    yield {"record": "800", "fs": "250"}, np.load(Path(__file__).parent / "800.npy")
"""
DEVICES_LOADER = """
import numpy as np
from pathlib import Path

def records():
    signal = np.load(Path(__file__).parent / "a.npy")
    yield {"record": "a", "fs": "250", "label": "A"}, signal
    yield {"record": "b", "fs": "250", "label": "O"}, signal
"""
ROUNDS = 3


def recording(number: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return two leads, (2, samples), with ventricular beats: samples and symbols of the beats."""
    ecg = CASES["premature_beats"].ecg()
    signal = CASES["premature_beats"].signal(SECONDS)[:2, :: 500 // FS]
    events = ecg.beats(0.5, SECONDS - 0.5)
    at = np.array([round(event.time_s * FS) for event in events])
    symbols = ["N" if event.beat is events[0].beat else "V" for event in events]
    for first, symbol in enumerate("AF/"):
        symbols[first + 5 :: 8] = [symbol] * len(symbols[first + 5 :: 8])
    return signal * (1 + 0.1 * number), at, symbols


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classes, "ROUNDS", ROUNDS)
    monkeypatch.setattr(detector, "TREES", 5)
    monkeypatch.setattr(noise, "STREAMS", 2)
    monkeypatch.setattr(noise, "SECONDS", 20)
    monkeypatch.setattr(train_streams, "FOLDS", 2)
    monkeypatch.setattr(class_scores, "RESAMPLES", 10)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "svdb").mkdir()
    (folder / "mitbih_ds1").mkdir()
    signal, at, symbols = recording(0)
    np.save(folder / "svdb" / "800.npy", signal.astype(np.float32))
    (folder / "svdb" / "load.py").write_text(SVDB_LOADER)
    marks = [f"800,{place},{symbol}" for place, symbol in zip(at, symbols, strict=True)]
    (folder / "svdb" / "annotations.csv").write_text("\n".join(["record,sample,symbol", *marks]))
    (folder / "cinc2017").mkdir()
    (folder / "cinc2017" / "load.py").write_text(DEVICES_LOADER)
    np.save(folder / "cinc2017" / "a.npy", signal[:1].astype(np.float32))
    with tarfile.open(folder / "mitbih_ds1" / "ds1.tar.xz", "w:xz") as archive:
        for number in range(1, 6):
            name = str(100 + number)
            signal, at, symbols = recording(number)
            digital = np.rint(signal.T * 200).astype(np.int64)
            wfdb.wrsamp(
                name,
                FS,
                ["mV"] * 2,
                ["MLII", "V1"],
                d_signal=digital,
                fmt=["212"] * 2,
                adc_gain=[200.0] * 2,
                baseline=[0] * 2,
                write_dir=str(folder),
            )
            wfdb.wrann(name, "atr", at, symbols, fs=FS, write_dir=str(folder))
            for suffix in ("dat", "hea", "atr"):
                archive.add(folder / f"{name}.{suffix}", f"{name}.{suffix}")
    return folder


def test_single_beats(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_scores, "RESAMPLES", 10)
    card = tmp_path / "beats.md"
    arguments = ["--data", str(data), "--part", "single", "--out", str(tmp_path)]
    train.main([*arguments, "--card", str(card)])
    content = (tmp_path / "single.npz").read_bytes()
    with np.load(tmp_path / "single.npz", allow_pickle=False) as file:
        model = single.SingleBeatModel(**dict(file))
    assert model.hidden.shape[0] == single.NUMBERS
    text = card.read_text()
    assert hashlib.sha256(content).hexdigest() in text
    assert "6 patients" in text
    train.main([*arguments, "--card", str(card)])
    assert (tmp_path / "single.npz").read_bytes() == content


@pytest.mark.usefixtures("small")
def test_beats_of_streams(data: Path, tmp_path: Path) -> None:
    card = tmp_path / "beats.md"
    arguments = ["--data", str(data), "--part", "streams", "--out", str(tmp_path)]
    train.main([*arguments, "--card", str(card)])
    text = card.read_text()
    for name in ("detector", "classes"):
        content = (tmp_path / f"{name}.npz").read_bytes()
        assert hashlib.sha256(content).hexdigest() in text
    with np.load(tmp_path / "classes.npz", allow_pickle=False) as file:
        model = BeatModel.from_arrays(dict(file))
    assert model.others.forest.roots.size == ROUNDS * len(CLASSES)
    numbers = np.zeros((2, len(NUMBERS)), np.float32)
    assert np.allclose(model.probabilities(numbers).sum(axis=1), 1)


def test_the_card_names_the_files_that_ship() -> None:
    text = CARD_FILE.read_text(encoding="utf-8")
    for name in ("single", "detector", "classes"):
        content = (single.WEIGHTS.parent / f"{name}.npz").read_bytes()
        assert hashlib.sha256(content).hexdigest() in text, name


def test_every_class_has_its_symbols() -> None:
    assert set(CLASS_OF.values()) == {0, 1, 2, 3, 4}
