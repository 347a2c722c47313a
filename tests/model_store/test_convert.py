"""A checkpoint becomes a bundle: the same numbers, a third of the bytes, complete or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from atomic_files import install_folder
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
    expected = import_fairseq(read_checkpoint(path)).tensors
    actual = load_file(conversion.bundle.weights_path)
    assert actual.keys() == expected.keys()
    for key in actual:
        np.testing.assert_array_equal(actual[key], expected[key])


def test_it_says_what_it_saved_and_leaves_the_optimizer_behind(tmp_path: Path) -> None:
    conversion = convert(FINETUNED, tmp_path / "tiny")
    assert conversion.bytes_before == FINETUNED.stat().st_size
    assert (
        conversion.bytes_after
        == conversion.bundle.weights_path.stat().st_size
        < 0.34 * conversion.bytes_before
    )
    assert conversion.summary() == f"tiny: 0.5 MB -> 0.1 MB (30%), {tmp_path / 'tiny'}"
    assert conversion.notes == ("17 rows trained with ECG-FM's pos_weights: ECG-FM's own labels",)


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
    sha256 = hashlib.sha256(PRETRAINED.read_bytes()).hexdigest()
    assert bundle.source.files == {"tiny_pretrained_new.pt": sha256}
    assert (bundle.licence, bundle.card) == ("unknown: a checkpoint of one's own", None)


def test_a_default_threshold_is_more_likely_than_not_after_the_prior_correction() -> None:
    for label in ecg_fm_labels():
        assert label.pos_weight is not None
        logit = np.log(label.threshold / (1 - label.threshold))
        assert logit - np.log(label.pos_weight) == pytest.approx(0, abs=1e-9)
    assert default_threshold(None) == 0.5


def test_rows_that_nobody_named_are_refused_with_the_way_out(tmp_path: Path) -> None:
    for rows in (16, 18):
        own = changed(FINETUNED, tmp_path / "own.pt", rows=rows)
        with pytest.raises(
            ModelStoreError, match=rf"^the classifier has {rows} rows, and the .* FILE$"
        ):
            convert(own, tmp_path / "own")
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
    assert conversion.bundle.labels == ecg_fm_labels()
    assert conversion.notes == (
        "17 rows: ECG-FM's own labels are assumed (the checkpoint states no pos_weight that would "
        "confirm it)",
    )


@pytest.mark.parametrize("deviation, same", [(0.9e-5, True), (1.1e-5, False)])
def test_training_weights_are_compared_to_the_printed_decimals(
    tmp_path: Path, deviation: float, same: bool
) -> None:
    weights = [label.pos_weight or 0.0 for label in ecg_fm_labels()]
    weights[-1] *= 1 + deviation
    own = changed(FINETUNED, tmp_path / "own.pt", pos_weight=weights)
    if same:
        assert convert(own, tmp_path / "own").bundle.labels == ecg_fm_labels()
        return
    with pytest.raises(ModelStoreError, match="--labels ecg-fm"):
        convert(own, tmp_path / "own")


@pytest.mark.parametrize("weight", [0.0, -1.0, float("inf"), float("nan"), "2"])
def test_a_training_weight_that_is_no_positive_number_is_refused(
    tmp_path: Path, weight: Any
) -> None:
    own = changed(FINETUNED, tmp_path / "own.pt", pos_weight=[2.0] * 16 + [weight])
    with pytest.raises(BadCheckpoint) as refused:
        convert(own, tmp_path / "own")
    assert refused.value.detail == "cfg.criterion.pos_weight must hold positive numbers only"


def test_as_many_training_weights_as_rows_are_needed(tmp_path: Path) -> None:
    own = changed(FINETUNED, tmp_path / "own.pt", rows=3, pos_weight=[2.0, 3.0])
    names = tmp_path / "labels.json"
    names.write_text('["a", "b", "c"]')
    with pytest.raises(ModelStoreError) as refused:
        convert(own, tmp_path / "own", labels=read_labels(names))
    assert refused.value.detail == (
        "the checkpoint was trained with 2 pos_weights, but its classifier has 3 rows"
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
    ("text", "reason"),
    [
        ("", "is not a JSON list of names or of label objects"),
        ("1", "is not a JSON list of names or of label objects"),
        ("[1]", "is not a JSON list of names or of label objects"),
        ('[{"joining": "max"}]', "is not a JSON list of names or of label objects"),
        ('[{"name": "a", "x": 1}]', "is not a JSON list of names or of label objects"),
        ('[{"name": "a", "joining": "median"}]', "is not a JSON list of names or of label objects"),
        ("{}", "needs one name or more, all different"),
        ("[]", "needs one name or more, all different"),
        ('["a", "a"]', "needs one name or more, all different"),
        (
            '[{"name": "a", "pos_weight": -1}]',
            "a: pos_weight is -1.0; a positive number is required",
        ),
        ('[{"name": "a", "pos_weight": 0}]', "a: pos_weight is 0.0; a positive number is required"),
        ('[{"name": "a", "threshold": 1.01}]', "a: threshold is 1.01; 0 to 1 is allowed"),
        ('[{"name": "a", "threshold": -0.01}]', "a: threshold is -0.01; 0 to 1 is allowed"),
    ],
)
def test_an_unsuitable_file_of_labels_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(ModelStoreError) as refused:
        read_labels(path)
    assert refused.value.detail.replace(": ", " ", 1).startswith("labels labels.json")
    assert reason in refused.value.detail


def test_thresholds_of_0_and_1_and_small_weights_are_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_text(
        '[{"name": "a", "threshold": 0}, {"name": "b", "threshold": 1},'
        ' {"name": "c", "pos_weight": 0.25, "description": "C"}]'
    )
    a, b, c = read_labels(path)
    assert (a.threshold, b.threshold, c.threshold) == (0.0, 1.0, 0.2)  # 0.25 / 1.25
    assert (c.pos_weight, c.joining, c.description) == (0.25, "mean", "C")


def test_a_missing_file_of_labels_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError) as refused:
        read_labels(tmp_path / "none.json")
    assert refused.value.detail == (
        f"labels: {tmp_path / 'none.json'} cannot be read (No such file or directory)"
    )


def test_labels_must_fit_the_rows(tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError, match="labels: 3 given, but the classifier has 17 rows"):
        convert(FINETUNED, tmp_path / "tiny", labels=ecg_fm_labels()[:3])
    with pytest.raises(
        ModelStoreError, match=r"^labels: the checkpoint has no classifier whose rows"
    ):
        convert(PRETRAINED, tmp_path / "tiny", labels=ecg_fm_labels())


def test_a_checkpoint_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint) as refused:
        convert(PRETRAINED, tmp_path / "tiny", kind="classifier")
    assert refused.value.detail == (
        "tiny_pretrained_new.pt makes a bundle of kind features; classifier is required"
    )
    assert convert(PRETRAINED, tmp_path / "tiny", kind="features").bundle.kind == "features"


def test_what_the_checkpoint_does_not_state_is_noted(tmp_path: Path) -> None:
    checkpoint = torch.load(PRETRAINED, weights_only=True)
    del checkpoint["cfg"]["model"]["layer_norm_first"]
    torch.save(checkpoint, tmp_path / "own.pt")
    assert convert(tmp_path / "own.pt", tmp_path / "own").notes == (
        "no classifier: a bundle for embeddings",
        "not stated in the checkpoint, assumed as in ECG-FM: layer_norm_first = False",
    )


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
    with pytest.raises(ModelStoreError) as refused:
        convert(FINETUNED, folder)
    assert refused.value.detail == (
        f"{folder} holds other files (thesis.tex); name a new folder for the bundle"
    )
    assert (folder / "thesis.tex").exists()
    with pytest.raises(
        ModelStoreError, match=r"thesis\.tex is a file; name a folder for the bundle$"
    ):
        convert(FINETUNED, folder / "thesis.tex")


def test_another_bundle_is_replaced_and_the_same_one_kept(tmp_path: Path) -> None:
    folder = convert(FINETUNED, tmp_path / "tiny").bundle.folder
    first = folder.stat().st_ino
    convert(FINETUNED, folder)
    assert folder.stat().st_ino == first
    assert convert(PRETRAINED, folder).bundle.kind == "features"
    assert folder.stat().st_ino != first
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


@pytest.mark.parametrize(
    ("interruptions", "error"),
    [(2, FileExistsError), (2, FileNotFoundError), (3, FileExistsError)],
)
def test_a_bundle_is_installed_within_three_attempts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    interruptions: int,
    error: type[OSError],
) -> None:
    """Other processes install or remove a bundle at the moment of the rename."""
    failures = [error] * interruptions

    def install(temporary: Path, folder: Path) -> None:
        if failures:
            raise failures.pop()
        install_folder(temporary, folder)

    monkeypatch.setattr("model_store.convert.install_folder", install)
    if interruptions < 3:
        assert load_bundle(convert(FINETUNED, tmp_path / "tiny").bundle.folder)
        return
    with pytest.raises(ModelStoreError, match=r"tiny is being written by another process$"):
        convert(FINETUNED, tmp_path / "tiny")


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ModelStoreError, match=r"file/tiny cannot be written \("):
        convert(FINETUNED, tmp_path / "file" / "tiny")


def test_a_missing_checkpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"nothing\.pt: cannot be read \(No such file or dir"):
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
