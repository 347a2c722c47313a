"""A checkpoint becomes a bundle: the same numbers, a third of the bytes, whole or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from errors import BadCheckpoint, EcgError, ModelStoreError
from model_store.bundle import load_bundle
from model_store.checkpoint import read_checkpoint
from model_store.convert import Origin, convert
from model_store.fairseq import import_fairseq
from model_store.labels import default_threshold, ecg_fm_labels, read_labels
from tests.data import CARRIED

FINETUNED, PRETRAINED = CARRIED / "tiny_finetuned_new.pt", CARRIED / "tiny_pretrained_new.pt"


def changed(
    path: Path, target: Path, *, rows: int = 17, pos_weight: list[float] | None = None
) -> Path:
    """The tiny fine-tuned checkpoint with another classifier."""
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["model"]["proj.weight"] = (
        checkpoint["model"]["proj.weight"].repeat(2, 1)[:rows].clone()
    )
    checkpoint["model"]["proj.bias"] = checkpoint["model"]["proj.bias"].repeat(2)[:rows].clone()
    checkpoint["cfg"]["model"]["num_labels"] = rows
    checkpoint["cfg"]["criterion"]["pos_weight"] = pos_weight
    torch.save(checkpoint, target)
    return target


@pytest.mark.parametrize(
    "name", ["finetuned_new", "finetuned_old", "pretrained_new", "pretrained_old"]
)
def test_the_weights_are_the_checkpoints(tmp_path: Path, name: str) -> None:
    path = CARRIED / f"tiny_{name}.pt"
    conversion = convert(path, tmp_path / name)
    wanted, found = (
        import_fairseq(read_checkpoint(path)).tensors,
        load_file(conversion.bundle.weights_path),
    )
    assert found.keys() == wanted.keys()
    for key in found:
        np.testing.assert_array_equal(found[key], wanted[key])


def test_it_says_what_it_saved_and_leaves_the_optimizer_behind(tmp_path: Path) -> None:
    conversion = convert(FINETUNED, tmp_path / "tiny")
    assert conversion.bytes_before == FINETUNED.stat().st_size
    assert (
        conversion.bytes_after
        == conversion.bundle.weights_path.stat().st_size
        < 0.34 * conversion.bytes_before
    )
    assert "0.5 MB -> 0.1 MB (30%)" in conversion.summary()


def test_ecg_fms_labels_come_with_its_rules_and_thresholds(tmp_path: Path) -> None:
    labels = {label.name: label for label in convert(FINETUNED, tmp_path / "tiny").bundle.labels}
    assert list(labels)[:2] == ["Poor data quality", "Sinus rhythm"] and len(labels) == 17
    assert {name for name, label in labels.items() if label.joining == "max"} == {
        "Poor data quality",
        "Premature ventricular contraction",
        "Ventricular tachycardia",
        "Supraventricular tachycardia with aberrancy",
        "Electronic pacemaker",
    }
    assert labels["Sinus rhythm"].threshold == pytest.approx(0.188, abs=5e-4)
    assert labels["Ventricular tachycardia"].threshold == pytest.approx(1104.575439 / 1105.575439)
    assert labels["Accessory pathway conduction"].description.startswith("Not WPW")


def test_pretrained_weights_become_a_bundle_without_labels(tmp_path: Path) -> None:
    bundle = convert(
        PRETRAINED, tmp_path / "tiny", name="mine", origin=Origin("a/b", "c" * 40)
    ).bundle
    assert (bundle.kind, bundle.labels, bundle.name) == ("features", (), "mine")
    assert (bundle.source.repo, bundle.revision) == ("a/b", "c" * 40)


def test_a_default_threshold_is_more_likely_than_not_after_the_prior_correction() -> None:
    for label in ecg_fm_labels():
        assert label.pos_weight is not None
        logit = np.log(label.threshold / (1 - label.threshold))
        assert logit - np.log(label.pos_weight) == pytest.approx(0, abs=1e-9)
    assert default_threshold(None) == 0.5


def test_rows_that_nobody_named_are_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError, match=r"20 rows, .* --labels FILE"):
        convert(changed(FINETUNED, tmp_path / "own.pt", rows=20), tmp_path / "own")
    assert not (tmp_path / "own").exists()


def test_seventeen_rows_trained_otherwise_are_not_taken_for_ecg_fms(tmp_path: Path) -> None:
    own = changed(FINETUNED, tmp_path / "own.pt", pos_weight=[2.0] * 17)
    with pytest.raises(ModelStoreError, match="--labels ecg-fm"):
        convert(own, tmp_path / "own")
    assert len(convert(own, tmp_path / "own", labels=ecg_fm_labels()).bundle.labels) == 17


def test_seventeen_rows_without_training_weights_are_taken_for_ecg_fms_and_that_is_said(
    tmp_path: Path,
) -> None:
    conversion = convert(changed(FINETUNED, tmp_path / "own.pt"), tmp_path / "own")
    assert (
        conversion.bundle.labels == ecg_fm_labels()
        and "ECG-FM's own labels are assumed" in conversion.notes[0]
    )


def test_labels_of_ones_own_take_the_checkpoints_training_weights(tmp_path: Path) -> None:
    names = tmp_path / "labels.json"
    names.write_text(
        json.dumps(
            [
                "AF",
                {"name": "VT", "joining": "max", "pos_weight": 9.0},
                {"name": "LBBB", "threshold": 0.3},
            ]
        )
    )
    own = changed(FINETUNED, tmp_path / "own.pt", rows=3, pos_weight=[3.0, 4.0, 5.0])
    af, vt, lbbb = convert(own, tmp_path / "own", labels=read_labels(names)).bundle.labels
    assert (af.pos_weight, af.threshold, af.joining) == (3.0, 0.75, "mean")
    assert (vt.pos_weight, vt.threshold, vt.joining) == (9.0, 0.9, "max")
    assert (lbbb.pos_weight, lbbb.threshold) == (5.0, 0.3)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "[1]", '["a", "a"]', '[{"joining": "max"}]', '[{"name": "a", "x": 1}]', '[{"name": "a", "pos_weight": -1}]',
             '[{"name": "a", "threshold": 2}]', '[{"name": "a", "joining": "median"}]']
)  # fmt: skip
def test_a_file_of_labels_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(ModelStoreError, match=r"labels"):
        read_labels(path)


def test_labels_must_fit_the_rows(tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError, match="labels: 3 given, but the classifier has 17 rows"):
        convert(FINETUNED, tmp_path / "tiny", labels=ecg_fm_labels()[:3])
    with pytest.raises(ModelStoreError, match="no classifier"):
        convert(PRETRAINED, tmp_path / "tiny", labels=ecg_fm_labels())


def test_nothing_is_left_of_a_conversion_that_fails(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pt"
    checkpoint = torch.load(FINETUNED, weights_only=True)
    checkpoint["model"]["proj.weight"][3, 3] = float("nan")
    torch.save(checkpoint, broken)
    with pytest.raises(BadCheckpoint, match="not finite"):
        convert(broken, tmp_path / "out" / "broken")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_conversion_that_was_killed_leaves_nothing_that_could_be_served(tmp_path: Path) -> None:
    """Ended without warning after the weights, before bundle.json."""
    script = (
        "import os, model_store.convert as c\nfrom pathlib import Path\n"
        "c.write_bundle_file = lambda *_: os._exit(9)\n"
        f"c.convert(Path({str(FINETUNED)!r}), Path({str(tmp_path / 'tiny')!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2], timeout=60, check=False
    )
    assert done.returncode == 9 and not (tmp_path / "tiny").exists()
    convert(FINETUNED, tmp_path / "tiny")
    load_bundle(tmp_path / "tiny")


def test_leftovers_of_crashes_are_cleared_away_but_not_the_work_of_others(tmp_path: Path) -> None:
    leftover = tmp_path / ".tiny.partial-abc"
    leftover.mkdir()
    convert(FINETUNED, tmp_path / "tiny")
    assert leftover.exists()
    os.utime(leftover, (0, 0))  # as if a crash had left it in 1970
    convert(FINETUNED, tmp_path / "tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_several_converting_at_once_all_end_well(tmp_path: Path) -> None:
    failures: list[EcgError] = []

    def work() -> None:
        try:
            load_bundle(convert(FINETUNED, tmp_path / "tiny").bundle.folder)
        except EcgError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_a_damaged_bundle_is_replaced_and_another_folder_never(tmp_path: Path) -> None:
    folder = convert(FINETUNED, tmp_path / "tiny").bundle.folder
    (folder / "model.safetensors").write_bytes(b"half")
    assert load_bundle(convert(FINETUNED, folder).bundle.folder)
    (folder / "thesis.tex").write_text("three years")
    with pytest.raises(ModelStoreError, match=r"thesis\.tex"):
        convert(FINETUNED, folder)
    assert (folder / "thesis.tex").exists()


def test_a_missing_checkpoint_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"nothing\.pt"):
        convert(tmp_path / "nothing.pt", tmp_path / "out")


def test_neither_torch_nor_huggingface_hub_is_needed() -> None:
    script = (
        "import sys, model_store.convert, model_store.choose, model_store.__main__\n"
        "sys.exit(', '.join({'torch', 'huggingface_hub'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
