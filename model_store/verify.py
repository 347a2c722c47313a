"""Is a bundle what it should be, and does it answer as the original does? Files, stored outputs, fairseq-signals, published answers."""

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
from signals.leads import LEADS, parse_lead_names, twelve_leads
from signals.logistic import sigmoid
from signals.record import EcgRecord
from signals.segments import make_segments

Array = NDArray[np.floating]

PUBLISHED_ANSWERS = Path(__file__).with_name("published_answers.csv")
WHERE_SAMPLES_LIE = (
    "",
    "org",
    "code_15_org",
    "code_15/org",
    "data/code_15/org",
)  # below the folder that is named

# Largest allowed |difference|: atol + rtol * |reference|, float32 on both sides
SEGMENTS = (1e-6, 1e-6)
OUTPUTS = (1e-4, 1e-5)
PROBABILITIES = (1e-4, 0.0)


@dataclass(frozen=True)
class Check:
    """One comparison and its outcome."""

    subject: str
    passed: bool
    found: str

    def line(self) -> str:
        return f"{'ok  ' if self.passed else 'FAIL'}  {self.subject}: {self.found}"


@dataclass(frozen=True)
class References:
    """What to compare with, beside the bundle's own checksums.

    golden            folder of *.npz: the original code's outputs (signal, fs, lead_names, segments, logits, embedding, ...)
    samples           folder of the ECG-FM repository's CODE-15% records
    reference_python  an interpreter with fairseq-signals, asked about `checkpoint`, the file that the bundle was made from
    """

    golden: Path | None = None
    samples: Path | None = None
    reference_python: Path | None = None
    checkpoint: Path | None = None


def verify(folders: Sequence[Path], against: References) -> list[Check]:
    """Every check of the bundle in every folder. Raises ModelStoreError where a comparison that was asked for cannot be made."""
    if (against.reference_python is None) != (against.checkpoint is None):
        raise ModelStoreError("--reference-python and --checkpoint go together")
    checks: list[Check] = []
    published = 0
    for folder in folders:
        try:
            bundle = load_bundle(folder)
        except (BadBundle, ChecksumMismatch) as error:
            checks.append(Check(folder.name, False, error.detail))
            continue
        subject = _Subject(bundle)
        checks.append(Check(bundle.name, True, f"files whole, sha256 {bundle.sha256}"))
        if against.golden is not None:
            checks += _golden(subject, against.golden)
        if against.samples is not None and bundle.kind == "classifier":
            checks += _published(subject, against.samples)
            published += 1
        if against.reference_python is not None and against.checkpoint is not None:
            checks += _reference(subject, against.reference_python, against.checkpoint)
    if against.samples is not None and not published:
        raise ModelStoreError(
            "--ecgfm-samples: the published answers are the clinical model's, and no sound classifier is among the bundles"
        )
    return checks


class _Subject:
    """A bundle with its encoder, loaded when first asked, in float32 on the CPU."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle

    @cached_property
    def runner(self) -> EncoderRunner:
        return EncoderRunner(load_encoder_file(self.bundle.config, self.bundle.weights_path))

    def run(self, segments: NDArray[np.float32]) -> EncodedBatch:
        return self.runner.run(segments)

    def segments(self, record: EcgRecord) -> NDArray[np.float32]:
        return make_segments(twelve_leads(record), record.fs, self.bundle.preprocessing).data


def _golden(subject: _Subject, folder: Path) -> list[Check]:
    """The whole way, signal to output, for every recording in the folder."""
    files = sorted(folder.glob("*.npz"))
    if not files:
        raise ModelStoreError(f"--golden: no *.npz in {folder}")
    checks = []
    for path in files:
        with np.load(path, allow_pickle=False) as golden:
            segments = subject.segments(
                EcgRecord(
                    golden["signal"],
                    float(golden["fs"]),
                    parse_lead_names(golden["lead_names"].tolist()),
                )
            )
            output = subject.run(segments)
            name = f"{subject.bundle.name} {path.stem}"
            checks.append(_compare(f"{name} segments", segments, golden["segments"], SEGMENTS))
            if output.logits is None:
                checks.append(
                    _compare(
                        f"{name} embedding", output.pooled, golden["pretrained_embedding"], OUTPUTS
                    )
                )
            else:
                checks.append(
                    _compare(f"{name} embedding", output.pooled, golden["embedding"], OUTPUTS)
                )
                checks.append(_compare(f"{name} logits", output.logits, golden["logits"], OUTPUTS))
    return checks


def _published(subject: _Subject, folder: Path) -> list[Check]:
    """Probabilities of each sample record's segments against the published weights' own, in the order of their labels."""
    names, answers = _published_answers()
    own = [label.name for label in subject.bundle.labels]
    if sorted(own) != sorted(names):
        raise ModelStoreError(
            f"--ecgfm-samples: {subject.bundle.name} has other labels than the published clinical model"
        )
    order = [names.index(name) for name in own]
    checks = []
    for record, expected in answers.items():
        logits = subject.run(subject.segments(_sample(folder, record))).logits
        assert logits is not None, "a classifier's bundle has labels, and labels have logits"
        checks.append(
            _compare(
                f"{subject.bundle.name} {record}",
                sigmoid(logits),
                expected[:, order],
                PROBABILITIES,
            )
        )
    return checks


def _published_answers() -> tuple[list[str], dict[str, NDArray[np.float64]]]:
    """The labels, and record -> (segments, labels)."""
    with PUBLISHED_ANSWERS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(line for line in file if not line.startswith("#")))
    answers: dict[str, list[list[float]]] = {}
    for record, _, *figures in rows[1:]:
        answers.setdefault(record, []).append([float(figure) for figure in figures])
    return rows[0][2:], {record: np.array(figures) for record, figures in answers.items()}


def _sample(folder: Path, record: str) -> EcgRecord:
    """One of the ECG-FM repository's CODE-15% records, as downloaded: 400 Hz, standard lead order."""
    for place in WHERE_SAMPLES_LIE:
        path = folder / place / f"{record}.mat"
        if path.is_file():
            values = scipy.io.loadmat(path)
            return EcgRecord(
                np.asarray(values["feats"], np.float32),
                float(values["org_sample_rate"].item()),
                LEADS,
            )
    raise ModelStoreError(
        f"--ecgfm-samples: no {record}.mat in {folder}; name the ECG-FM repository's data/code_15/org"
    )


def _reference(subject: _Subject, python: Path, checkpoint: Path) -> list[Check]:
    """The same segments through fairseq-signals and through the bundle."""
    if sha256_of(checkpoint) not in subject.bundle.source.files.values():
        raise ModelStoreError(
            f"{subject.bundle.name} was not made from {checkpoint.name}; name the one bundle that was"
        )
    segments = synthetic_segments()
    expected, output = reference_answers(python, checkpoint, segments), subject.run(segments)
    name = f"{subject.bundle.name} against fairseq-signals"
    checks = [_compare(f"{name} embedding", output.pooled, expected["embedding"], OUTPUTS)]
    if output.logits is not None:
        checks.append(_compare(f"{name} logits", output.logits, expected["logits"], OUTPUTS))
    return checks


def _compare(subject: str, found: Array, expected: Array, tolerance: tuple[float, float]) -> Check:
    if found.shape != expected.shape:
        return Check(subject, False, f"shape {found.shape}, the reference has {expected.shape}")
    wanted = expected.astype(np.float64)
    difference = np.abs(found.astype(np.float64) - wanted)
    beyond = int(np.count_nonzero(~(difference <= tolerance[0] + tolerance[1] * np.abs(wanted))))
    worst = f"largest difference {difference.max():.1e}"
    return Check(
        subject,
        not beyond,
        f"{worst}, {beyond} of {difference.size} values beyond {tolerance[0]:g}"
        if beyond
        else worst,
    )
