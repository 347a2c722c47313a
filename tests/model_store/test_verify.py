"""A bundle with the original's outputs passes every comparison; any other fails."""

from __future__ import annotations

import csv
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from encoder.runner import EncoderRunner
from encoder.weights import load_encoder_file
from errors import ModelStoreError
from model_store import verify as module
from model_store.bundle import Bundle
from model_store.convert import convert
from model_store.labels import ecg_fm_labels
from model_store.reference import synthetic_segments
from model_store.verify import Check, References, verify
from signals.leads import LEADS
from signals.record import EcgRecord
from tests.data import CARRIED, SHARED, requires_shared

FINETUNED, PRETRAINED = CARRIED / "tiny_finetuned_new.pt", CARRIED / "tiny_pretrained_new.pt"
SAMPLES = SHARED / "ecgfm_real"


@pytest.fixture
def clinical(tmp_path: Path) -> Bundle:
    return convert(FINETUNED, tmp_path / "clinical").bundle


@pytest.fixture
def other(tmp_path: Path) -> Bundle:
    """The same network with one weight matrix a little off."""
    checkpoint = torch.load(FINETUNED, weights_only=True)
    checkpoint["model"]["encoder.encoder.layers.1.fc1.weight"] *= 1.01
    torch.save(checkpoint, tmp_path / "other.pt")
    return convert(tmp_path / "other.pt", tmp_path / "other").bundle


def failed(checks: list[Check]) -> list[str]:
    return [check.subject for check in checks if not check.passed]


@pytest.mark.parametrize("checkpoint", [FINETUNED, PRETRAINED])
def test_the_stored_outputs_are_reproduced(tmp_path: Path, checkpoint: Path) -> None:
    bundle = convert(checkpoint, tmp_path / "tiny").bundle
    checks = verify([bundle.folder], References(golden=CARRIED))
    assert failed(checks) == [] and len(checks) == 1 + 4 * (3 if bundle.labels else 2)


@requires_shared
def test_the_stored_outputs_on_real_recordings_are_reproduced(clinical: Bundle) -> None:
    assert failed(verify([clinical.folder], References(golden=SHARED / "golden"))) == []


def test_other_weights_do_not_pass_for_the_original(other: Bundle) -> None:
    names = failed(verify([other.folder], References(golden=CARRIED)))
    assert len([name for name in names if name.endswith("logits")]) == 4
    assert not [name for name in names if name.endswith("segments")]


def test_a_damaged_bundle_fails_and_does_not_hide_the_next(clinical: Bundle, other: Bundle) -> None:
    clinical.weights_path.write_bytes(b"half")
    damaged, whole = verify([clinical.folder, other.folder], References())
    assert (
        not damaged.passed
        and "model.safetensors" in damaged.result
        and damaged.line().startswith("FAIL")
    )
    assert whole.passed and other.sha256 in whole.line()


def test_a_folder_without_stored_outputs_compares_nothing(clinical: Bundle, tmp_path: Path) -> None:
    with pytest.raises(ModelStoreError, match="--golden"):
        verify([clinical.folder], References(golden=tmp_path))


def test_not_a_number_never_passes() -> None:
    check = module._compare(
        "x", np.array([np.nan], np.float32), np.zeros(1, np.float32), module._Tolerance(1.0, 0.0)
    )
    assert not check.passed


@requires_shared
def test_random_weights_are_not_the_published_ones(clinical: Bundle) -> None:
    checks = verify([clinical.folder], References(samples=SAMPLES))
    assert len(checks) == 11 and len(failed(checks)) == 10


@requires_shared
def test_weights_that_give_the_published_answers_pass(
    clinical: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The published weights are not available here: these weights' own answers replace theirs.

    They are written with the labels in another order.
    """
    names, published = module._published_answers()
    subject = module._Subject(clinical)
    with (tmp_path / "answers.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["record", "segment", *reversed(names)])
        for record, expected in published.items():
            logits = subject.run(subject.segments(module._sample(SAMPLES, record))).logits
            assert logits is not None and logits.shape == expected.shape
            for number, row in enumerate(1 / (1 + np.exp(-logits.astype(np.float64)))):
                writer.writerow([record, number, *(f"{value:.7g}" for value in row[::-1])])
    monkeypatch.setattr(module, "PUBLISHED_ANSWERS", tmp_path / "answers.csv")
    assert failed(verify([clinical.folder], References(samples=SAMPLES))) == []


@requires_shared
def test_the_published_answers_are_carried_as_they_were_found() -> None:
    names, answers = module._published_answers()
    assert (
        names == [label.name for label in ecg_fm_labels()] and sum(map(len, answers.values())) == 14
    )
    joining = {"mean": np.mean, "max": np.max}
    with (SAMPLES / "real_probs_records.csv").open() as file:
        for row in csv.DictReader(file):
            for column, label in enumerate(ecg_fm_labels()):
                joined = joining[label.joining](answers[row["record"]][:, column])
                assert joined == pytest.approx(float(row[label.name]), abs=1e-6)


def test_samples_that_are_not_there_and_bundles_without_labels_compare_nothing(
    clinical: Bundle, tmp_path: Path
) -> None:
    with pytest.raises(ModelStoreError, match="data/code_15/org"):
        verify([clinical.folder], References(samples=tmp_path))
    features = convert(PRETRAINED, tmp_path / "features").bundle
    with pytest.raises(ModelStoreError, match="none of the bundles is a sound classifier"):
        verify([features.folder], References(samples=SAMPLES))


def interpreter(path: Path, answers: dict[str, np.ndarray] | None, *, ending: str = "") -> Path:
    """Write a program that takes the reference script's arguments and writes these answers."""
    if answers is not None:
        np.savez(path.with_suffix(".npz"), allow_pickle=False, **answers)
    path.write_text(
        f"#!{sys.executable}\nimport shutil, sys\nimport numpy as np\n"
        "script, checkpoint, asked, answered = sys.argv[1:]\n"
        "assert script.endswith('reference_script.py') and np.load(asked).shape == (4, 12, 2500)\n"
        f"{ending}\nshutil.copy({str(path.with_suffix('.npz'))!r}, answered)\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def reference(bundle: Bundle) -> dict[str, np.ndarray]:
    output = EncoderRunner(load_encoder_file(bundle.config, bundle.weights_path)).run(
        synthetic_segments()
    )
    assert output.logits is not None
    return {"embedding": output.pooled, "logits": output.logits}


def test_fairseq_signals_answers_decide(clinical: Bundle, other: Bundle, tmp_path: Path) -> None:
    agreeing = interpreter(tmp_path / "agreeing", reference(clinical))
    checks = verify([clinical.folder], References(reference_python=agreeing, checkpoint=FINETUNED))
    assert failed(checks) == [] and len(checks) == 3
    differing = interpreter(tmp_path / "differing", reference(other))
    assert (
        len(
            failed(
                verify(
                    [clinical.folder], References(reference_python=differing, checkpoint=FINETUNED)
                )
            )
        )
        == 2
    )


def test_what_keeps_fairseq_signals_from_answering_is_said(
    clinical: Bundle, tmp_path: Path
) -> None:
    def said(python: Path, message: str, checkpoint: Path | None = FINETUNED) -> None:
        with pytest.raises(ModelStoreError, match=message):
            verify([clinical.folder], References(reference_python=python, checkpoint=checkpoint))

    said(
        Path(sys.executable), r"fairseq-signals is not installed there .*requirements-fairseq\.txt"
    )
    said(tmp_path / "nothing", "cannot be run")
    said(
        interpreter(tmp_path / "failing", None, ending="sys.exit('no such model')"),
        "failed: no such model",
    )
    said(interpreter(tmp_path / "silent", None, ending="sys.exit(0)"), "wrote no answers")
    said(Path(sys.executable), "must be given together", checkpoint=None)
    said(Path(sys.executable), "was not made from", checkpoint=PRETRAINED)


def test_the_script_asks_the_original_as_its_own_notebook_does(
    clinical: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script with a fairseq_signals that has the functions it calls and uses our encoder."""
    package = tmp_path / "fairseq_signals"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "models.py").write_text(
        "from pathlib import Path\nimport torch\n"
        "from encoder.weights import load_encoder_file\n"
        "from model_store.bundle import load_bundle\n"
        f"bundle = load_bundle(Path({str(clinical.folder)!r}))\n"
        "class Model(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.proj = load_encoder_file(bundle.config, bundle.weights_path)\n"
        "    def forward(self, source, padding_mask=None):\n"
        "        assert not self.training\n"
        "        output = self.proj(source)\n"
        "        return {'out': output.logits, 'encoder_out': output.tokens}\n"
        "def build_model_from_checkpoint(checkpoint_path):\n    return Model()\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2]}")
    checks = verify(
        [clinical.folder], References(reference_python=Path(sys.executable), checkpoint=FINETUNED)
    )
    assert failed(checks) == [] and len(checks) == 3


def test_the_synthetic_segments_are_standardised_and_always_the_same() -> None:
    segments = synthetic_segments()
    np.testing.assert_allclose(segments.mean(axis=-1), 0, atol=1e-5)
    np.testing.assert_allclose(segments.std(axis=-1), 1, atol=1e-5)
    np.testing.assert_array_equal(segments, synthetic_segments())


def test_a_sample_is_read_with_its_own_rate(tmp_path: Path) -> None:
    import scipy.io

    signal = np.random.default_rng(0).normal(size=(12, 3000)).astype(np.float32)
    (tmp_path / "org").mkdir()
    scipy.io.savemat(tmp_path / "org" / "code_15_1.mat", {"feats": signal, "org_sample_rate": 400})
    record = module._sample(tmp_path, "code_15_1")
    assert isinstance(record, EcgRecord) and (record.fs, record.lead_names) == (400.0, LEADS)
    np.testing.assert_array_equal(record.signal, signal)
