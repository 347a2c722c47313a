"""The shipped model, on synthetic leads and on real ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import wfdb

from errors import ModelStoreError
from heads.fibrillation.model import (
    BLOCK_ROWS,
    DESCRIPTION,
    TREES,
    load,
    shipped_description,
    shipped_model,
)
from heads.fibrillation.signal_input import WINDOW_SAMPLES
from tests.data import SHARED, requires_shared
from tests.heads.fibrillation.leads import SECOND, each_second, fires, synthetic, waves
from training.datasets.packed import loader_of
from training.fibrillation.recordings import at_watch_rate

BEATING = (
    "sinus",
    "atrial_fibrillation",
    "left_bundle_branch_block",
    "paced",
    "ventricular_tachycardia",
    "premature_beats",
    "pauses",
    "atrial_flutter",
    "tachycardia_runs",
)


@pytest.mark.parametrize("name", BEATING)
@pytest.mark.parametrize("rows", [slice(1, 2), slice(6, 7), slice(0, 12)])
def test_beats_do_not_fire(name: str, rows: slice) -> None:
    assert not fires(synthetic(name, 64)[rows]).any()


@pytest.mark.parametrize("rows", [slice(1, 2), slice(7, 8), slice(0, 12)])
@pytest.mark.parametrize("seed", [1, 2])
def test_fibrillation_fires_within_ten_seconds_and_stays(rows: slice, seed: int) -> None:
    firing = fires(synthetic("ventricular_fibrillation", 40, seed)[rows])
    assert not firing[:4].any()
    assert firing[9:].all()


@pytest.mark.parametrize("hz", [4.0, 5.0, 6.0])
def test_large_waves_fire(hz: float) -> None:
    assert fires(waves(hz, 0.6, 20))[9:].all()


def test_it_ends_with_the_fibrillation() -> None:
    sinus = synthetic("sinus", 60)
    both = np.concatenate([synthetic("ventricular_fibrillation", 30), sinus], axis=1)
    firing = fires(both[:2])
    assert firing[9:30].all() and not firing[45:].any()


# A random walk whose steps are larger looks like fibrillation: a limit of the model.
@pytest.mark.parametrize("height_mv", [0.01, 0.05, 0.3])
def test_noise_does_not_fire(height_mv: float) -> None:
    random = np.random.default_rng(0)
    white = random.normal(0, height_mv, (1, 60 * SECOND)).astype(np.float32)
    drift = np.cumsum(white, axis=1) * np.float32(0.1)
    square = np.where(random.random((1, 60 * SECOND // 50)) < 0.5, height_mv, -height_mv)
    for lead in (white, drift, np.repeat(square, 50, axis=1).astype(np.float32) + white / 20):
        assert not fires(lead).any()


def test_silence_does_not_fire() -> None:
    assert not fires(synthetic("asystole", 60)).any()
    assert np.isnan(each_second(np.zeros((2, 20 * SECOND), np.float32))).all()


def test_a_lead_that_is_off_leaves_the_others_to_judge() -> None:
    leads = synthetic("ventricular_fibrillation", 20)[:3]
    leads[0] = np.nan
    leads[1] = 0.0
    assert fires(leads)[9:].all()


def test_a_row_does_not_depend_on_the_others() -> None:
    parts = [synthetic(name, 20)[:4] for name in (*BEATING, "ventricular_fibrillation")]
    leads = np.concatenate(parts)
    rows = np.concatenate([leads[:, start : start + WINDOW_SAMPLES] for start in (0, 900, 1777)])
    rows[5, 40:60] = np.nan
    rows[9] = np.nan
    rows[11, :30] = 0.5
    model = shipped_model()
    together = model.probabilities(rows)
    assert len(rows) > BLOCK_ROWS and np.isnan(together[9]) and not np.isnan(together[5])
    alone = np.concatenate([model.probabilities(row[np.newaxis]) for row in rows])
    assert np.array_equal(together, alone, equal_nan=True)
    order = np.random.default_rng(0).permutation(len(rows))
    assert np.array_equal(model.probabilities(rows[order]), together[order], equal_nan=True)


def test_no_rows_give_no_probabilities() -> None:
    assert shipped_model().probabilities(np.zeros((0, WINDOW_SAMPLES), np.float32)).shape == (0,)


def test_an_inverted_lead_has_nearly_the_same_answer() -> None:
    leads = np.concatenate(
        [synthetic("ventricular_fibrillation", 20)[1:3], synthetic("sinus", 20)[1:3]]
    )
    assert each_second(-leads) == pytest.approx(each_second(leads), abs=1e-3, nan_ok=True)


def test_other_trees_are_refused(tmp_path: Path) -> None:
    trees = tmp_path / "trees.npz"
    trees.write_bytes(TREES.read_bytes() + b"\0")
    with pytest.raises(ModelStoreError, match=shipped_description().name):
        load(trees, DESCRIPTION)


def test_the_description_names_the_card() -> None:
    described = json.loads(DESCRIPTION.read_text())
    card = Path(__file__).parents[3] / described["card"]
    assert shipped_description().version in card.read_text()


@requires_shared
@pytest.mark.parametrize(("record", "start_s"), [("cu01", 214), ("cu22", 338), ("cu31", 494)])
def test_real_fibrillation_fires(record: str, start_s: int) -> None:
    row, signal = loader_of(SHARED / "cudb").load(record)
    lead = at_watch_rate(signal, int(row["fs"]))
    firing = fires(lead[:, (start_s - 60) * SECOND : (start_s + 14) * SECOND])
    assert not firing[:59].any() and firing[70:].all()


@requires_shared
@pytest.mark.parametrize("record", ["115", "119", "201", "203", "205", "223"])
def test_other_real_rhythms_do_not_fire(record: str) -> None:
    path = SHARED / "mitbih" / "wfdb" / record
    signal = wfdb.rdrecord(str(path)).p_signal.T
    assert not fires(at_watch_rate(signal[:, : 300 * 360], 360)).any()
