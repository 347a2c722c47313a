"""Verify bundles: their files, and their outputs against those of the original model.

References are stored outputs of the original code, fairseq-signals itself, or published answers.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import scipy.io
from numpy.typing import NDArray

from encoder.output import EncodedBatch
from encoder.runner import EncoderRunner
from encoder.weights import load_encoder_file
from errors import BadBundle, ChecksumMismatch, ModelStoreError
from model_store.bundle import Bundle, load_bundle
from model_store.reference import reference_answers, synthetic_segments
from model_store.weights_file import sha256_of
from signals.lead_lists import parse_lead_names
from signals.leads import LEADS, twelve_leads
from signals.logistic import sigmoid
from signals.record import EcgRecord
from signals.segments import make_segments

Array = NDArray[np.floating]

PUBLISHED_ANSWERS = Path(__file__).with_name("published_answers.csv")
# Where the ECG-FM repository's samples may be, relative to the folder that the user names.
SAMPLE_FOLDERS = ("", "org", "code_15_org", "code_15/org", "data/code_15/org")


@dataclass(frozen=True)
class _Tolerance:
    """Largest allowed |difference|: absolute + relative * |reference|, float32 on both sides."""

    absolute: float
    relative: float


_SEGMENTS = _Tolerance(1e-6, 1e-6)
_OUTPUTS = _Tolerance(1e-4, 1e-5)
_PROBABILITIES = _Tolerance(1e-4, 0.0)


@dataclass(frozen=True)
class Check:
    """One comparison: what was compared, whether it passed, and the result in words."""

    subject: str
    passed: bool
    result: str

    def line(self) -> str:
        """Return the check as one line of a report."""
        return f"{'ok  ' if self.passed else 'FAIL'}  {self.subject}: {self.result}"


@dataclass(frozen=True)
class References:
    """What to compare with, in addition to the bundle's own checksums.

    golden            folder of *.npz with the original code's inputs and outputs (signal, fs,
                      lead_names, segments, logits, embedding, pretrained_embedding)
    samples           folder of the ECG-FM repository's CODE-15% records
    reference_python  an interpreter with fairseq-signals, which runs `checkpoint`
    checkpoint        the file that the bundle was made from
    """

    golden: Path | None = None
    samples: Path | None = None
    reference_python: Path | None = None
    checkpoint: Path | None = None


def verify(folders: Sequence[Path], references: References) -> list[Check]:
    """Return every check of every folder's bundle.

    Raises ModelStoreError if a requested comparison cannot be made.
    """
    if (references.reference_python is None) != (references.checkpoint is None):
        raise ModelStoreError("--reference-python and --checkpoint must be given together")
    checks: list[Check] = []
    sound: list[Bundle] = []
    for folder in folders:
        try:
            bundle = load_bundle(folder)
        except (BadBundle, ChecksumMismatch) as error:
            checks.append(Check(folder.name, False, error.detail))
            continue
        sound.append(bundle)
        checks += _check_bundle(bundle, references)
    has_classifier = any(bundle.kind == "classifier" for bundle in sound)
    if references.samples is not None and not has_classifier:
        raise ModelStoreError(
            "--ecgfm-samples: the published answers are the clinical model's, and none of the "
            "bundles is a sound classifier"
        )
    return checks


def _check_bundle(bundle: Bundle, references: References) -> list[Check]:
    subject = _Subject(bundle)
    checks = [Check(bundle.name, True, f"files complete, sha256 {bundle.sha256}")]
    if references.golden is not None:
        checks += _compare_golden(subject, references.golden)
    if references.samples is not None and bundle.kind == "classifier":
        checks += _compare_published(subject, references.samples)
    if references.reference_python is not None and references.checkpoint is not None:
        checks += _compare_fairseq(subject, references.reference_python, references.checkpoint)
    return checks


class _Subject:
    """A bundle with its encoder in float32 on the CPU, which is loaded when first used."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    @cached_property
    def runner(self) -> EncoderRunner:
        return EncoderRunner(load_encoder_file(self.bundle.config, self.bundle.weights_path))

    def run(self, segments: NDArray[np.float32]) -> EncodedBatch:
        return self.runner.run(segments)

    def segments(self, record: EcgRecord) -> NDArray[np.float32]:
        return make_segments(twelve_leads(record), record.fs, self.bundle.preprocessing).data


def _compare_golden(subject: _Subject, folder: Path) -> list[Check]:
    """Compare segments and outputs for every recording in the folder."""
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise ModelStoreError(f"--golden: no *.npz in {folder}")
    checks: list[Check] = []
    for path in files:
        with np.load(path, allow_pickle=False) as golden:
            lead_names = parse_lead_names(golden["lead_names"].tolist())
            record = EcgRecord(golden["signal"], float(golden["fs"]), lead_names)
            segments = subject.segments(record)
            output = subject.run(segments)
            comparisons = [("segments", segments, golden["segments"], _SEGMENTS)]
            if output.logits is None:
                expected = golden["pretrained_embedding"]
                comparisons.append(("embedding", output.pooled, expected, _OUTPUTS))
            else:
                comparisons.append(("embedding", output.pooled, golden["embedding"], _OUTPUTS))
                comparisons.append(("logits", output.logits, golden["logits"], _OUTPUTS))
        for what, actual, expected, tolerance in comparisons:
            name = f"{subject.bundle.name} {path.stem} {what}"
            checks.append(_compare(name, actual, expected, tolerance))
    return checks


def _compare_published(subject: _Subject, folder: Path) -> list[Check]:
    """Compare the probabilities of each sample record's segments with the published ones."""
    published_names, answers = _published_answers()
    names = [label.name for label in subject.bundle.labels]
    if sorted(names) != sorted(published_names):
        raise ModelStoreError(
            f"--ecgfm-samples: the labels of {subject.bundle.name} are not those of the published "
            "clinical model"
        )
    columns = [published_names.index(name) for name in names]
    checks: list[Check] = []
    for record, published in answers.items():
        logits = subject.run(subject.segments(_sample(folder, record))).logits
        assert logits is not None, "a classifier's bundle has labels, and labels have logits"
        name = f"{subject.bundle.name} {record}"
        expected = published[:, columns]
        checks.append(_compare(name, sigmoid(logits), expected, _PROBABILITIES))
    return checks


def _published_answers() -> tuple[list[str], dict[str, NDArray[np.float64]]]:
    """Return the names of the labels, and record -> probabilities (segments, labels)."""
    with PUBLISHED_ANSWERS.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(line for line in file if not line.startswith("#"))
    answers: dict[str, list[list[float]]] = {}
    for record, _segment, *probabilities in rows:
        answers.setdefault(record, []).append([float(value) for value in probabilities])
    return header[2:], {record: np.array(values) for record, values in answers.items()}


def _sample(folder: Path, record: str) -> EcgRecord:
    """Read one of the ECG-FM repository's CODE-15% records: 400 Hz, standard lead order."""
    for subfolder in SAMPLE_FOLDERS:
        path = folder / subfolder / f"{record}.mat"
        if path.is_file():
            values = scipy.io.loadmat(path)
            signal = np.asarray(values["feats"], np.float32)
            return EcgRecord(signal, float(values["org_sample_rate"].item()), LEADS)
    raise ModelStoreError(
        f"--ecgfm-samples: no {record}.mat in {folder}; name the ECG-FM repository's "
        "data/code_15/org"
    )


def _compare_fairseq(subject: _Subject, python: Path, checkpoint: Path) -> list[Check]:
    """Compare the outputs of fairseq-signals and of the bundle for synthetic segments."""
    if sha256_of(checkpoint) not in subject.bundle.source.files.values():
        raise ModelStoreError(
            f"{subject.bundle.name} was not made from {checkpoint.name}; name the bundle that was"
        )
    segments = synthetic_segments()
    expected = reference_answers(python, checkpoint, segments)
    output = subject.run(segments)
    name = f"{subject.bundle.name} against fairseq-signals"
    checks = [_compare(f"{name} embedding", output.pooled, expected["embedding"], _OUTPUTS)]
    if output.logits is not None:
        checks.append(_compare(f"{name} logits", output.logits, expected["logits"], _OUTPUTS))
    return checks


def _compare(subject: str, actual: Array, expected: Array, tolerance: _Tolerance) -> Check:
    if actual.shape != expected.shape:
        return Check(subject, False, f"shape {actual.shape}; the reference has {expected.shape}")
    reference = expected.astype(np.float64)
    difference = np.abs(actual.astype(np.float64) - reference)
    allowed = tolerance.absolute + tolerance.relative * np.abs(reference)
    # Not `difference > allowed`: NaN must count as a difference.
    failures = int(np.count_nonzero(~(difference <= allowed)))
    result = f"largest difference {difference.max():.1e}"
    if failures:
        result += f", {failures} of {difference.size} values beyond {tolerance.absolute:g}"
    return Check(subject, not failures, result)
