"""The shipped one-lead model, on synthetic recordings whose rhythm is known."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from errors import ModelStoreError
from heads.one_lead.model import (
    DESCRIPTION,
    FIBRILLATION,
    NAMES,
    NORMAL,
    TREES,
    Window,
    load,
    shipped_description,
    shipped_model,
)
from signals.r_peaks import find_r_peaks
from tests.intervals.synthetic import Made, synthetic_at

THRESHOLDS = {label.name: label.threshold for label in shipped_description().labels}


def recording(rhythm: str, seed: int = 0, seconds: float = 30.0, fs: float = 500.0) -> np.ndarray:
    """(12, samples) mV of a sinus rhythm with a little variation, or of fibrillation."""
    rng = np.random.default_rng(seed)
    if rhythm == "sinus":
        rr = 0.85 + 0.02 * rng.standard_normal(400)
        made = Made()
    else:
        rr = np.maximum(0.35, 0.65 + 0.17 * rng.standard_normal(400))
        made = Made(p=False, qt_ms=330.0)
    onsets = np.cumsum(rr)
    signal = synthetic_at(onsets[onsets < seconds - 0.5], made, fs, seconds)
    t = np.arange(signal.shape[1]) / fs
    if rhythm == "fibrillation":
        signal += 0.05 * np.sin(2 * np.pi * (6.0 * t + 0.3 * np.sin(2 * np.pi * 0.4 * t)))
    noise = np.random.default_rng(seed + 1).normal(0, 0.008, signal.shape)
    return (signal + noise).astype(np.float32)


def read(signal: np.ndarray, fs: float = 500.0) -> tuple[Window, ...]:
    return shipped_model().read(signal, fs, find_r_peaks(signal, fs))


def probability(signal: np.ndarray, name: str, fs: float = 500.0) -> float:
    (window,) = read(signal, fs)
    return window.probabilities[NAMES.index(name)]


@pytest.mark.parametrize("row", [0, 1, 3, 6, 10])
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_fibrillation_is_told_from_a_sinus_rhythm(row: int, seed: int) -> None:
    sinus = recording("sinus", seed)[row : row + 1]
    fibrillation = recording("fibrillation", seed)[row : row + 1]
    assert probability(fibrillation, FIBRILLATION) >= THRESHOLDS[FIBRILLATION]
    assert probability(sinus, FIBRILLATION) < THRESHOLDS[FIBRILLATION]
    assert probability(sinus, NORMAL) > probability(fibrillation, NORMAL)


@pytest.mark.parametrize("rhythm", ["sinus", "fibrillation"])
@pytest.mark.parametrize("row", [0, 2, 8])
def test_an_inverted_lead_has_the_same_answer(rhythm: str, row: int) -> None:
    lead = recording(rhythm)[row : row + 1]
    assert read(-lead) == read(lead)


@pytest.mark.parametrize("unit", [1e-3, 200.0, 1e6])
def test_the_unit_does_not_count(unit: float) -> None:
    lead = recording("fibrillation")[1:2]
    expected = probability(lead, FIBRILLATION)
    assert probability(lead * np.float32(unit), FIBRILLATION) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("fs", [100.0, 125.0, 300.0, 1000.0])
@pytest.mark.parametrize(("rhythm", "name"), [("sinus", NORMAL), ("fibrillation", FIBRILLATION)])
def test_the_sampling_rate_does_not_change_the_class(fs: float, rhythm: str, name: str) -> None:
    lead = recording(rhythm, fs=fs)[1:2]
    assert probability(lead, name, fs) >= THRESHOLDS[name]


@pytest.mark.parametrize(
    ("seconds", "windows"),
    [
        (9.0, [(0.0, 9.0)]),
        (30.0, [(0.0, 30.0)]),
        (61.0, [(0.0, 61.0)]),
        (75.0, [(0.0, 30.0), (30.0, 60.0), (45.0, 75.0)]),
        (120.0, [(0.0, 30.0), (30.0, 60.0), (60.0, 90.0), (90.0, 120.0)]),
    ],
)
def test_a_long_recording_is_read_in_windows(
    seconds: float, windows: list[tuple[float, float]]
) -> None:
    found = read(recording("sinus", seconds=seconds)[1:2])
    assert [(window.start_s, window.end_s) for window in found] == windows
    for window in found:
        assert sum(window.probabilities) == pytest.approx(1.0)
        assert window.probabilities[NAMES.index(FIBRILLATION)] < THRESHOLDS[FIBRILLATION]


def test_fibrillation_in_one_window_is_named_there() -> None:
    both = np.concatenate(
        [recording("sinus", seconds=60.0), recording("fibrillation", seconds=30.0)], axis=1
    )
    found = [window.probabilities[NAMES.index(FIBRILLATION)] for window in read(both[1:2])]
    assert found[0] < THRESHOLDS[FIBRILLATION] <= found[2]


def test_the_leads_are_averaged_and_those_without_a_signal_left_out() -> None:
    signal = recording("fibrillation")
    r_peaks_s = find_r_peaks(signal[[1, 6]], 500.0)
    model = shipped_model()

    def of(*rows: int) -> np.ndarray:
        (window,) = model.read(signal[list(rows)], 500.0, r_peaks_s)
        return np.array(window.probabilities)

    assert of(1, 6) == pytest.approx((of(1) + of(6)) / 2)
    flat = np.stack([signal[1], np.full_like(signal[1], 0.3), np.full_like(signal[1], np.nan)])
    (window,) = model.read(flat, 500.0, r_peaks_s)
    assert window.probabilities == pytest.approx(of(1))
    assert model.read(flat[1:], 500.0, r_peaks_s) == ()


def test_the_labels_and_the_version() -> None:
    described = shipped_description()
    assert tuple(label.name for label in described.labels) == NAMES
    assert all(0 < label.threshold < 1 for label in described.labels)
    sha256 = hashlib.sha256(TREES.read_bytes()).hexdigest()
    assert described.sha256 == sha256
    assert described.version == f"one-lead@{sha256[:12]}"
    assert TREES.stat().st_size < 2_000_000
    assert (Path(__file__).parents[3] / described.card).is_file()


@pytest.mark.parametrize("place", [0, 1000, -1])
def test_other_trees_than_the_described_ones_are_refused(place: int, tmp_path: Path) -> None:
    content = bytearray(TREES.read_bytes())
    content[place] ^= 1
    damaged = tmp_path / "one_lead.npz"
    damaged.write_bytes(content)
    with pytest.raises(ModelStoreError, match="sha256"):
        load(damaged, DESCRIPTION)


def test_the_description_is_plain_json() -> None:
    stored = json.loads(DESCRIPTION.read_text())
    assert stored == shipped_description().to_json() | {
        "labels": [vars(label) for label in shipped_description().labels],
        "offsets": list(shipped_description().offsets),
    }
