"""Score the embedded model on recordings of other hospitals and devices.

    OMP_NUM_THREADS=1 python -m benchmarks.hospitals --data FOLDER [--model BUNDLE]

FOLDER holds the packed data sets hospitals, cpsc2018 and brugada, each with a load.py. The network
runs as the server runs it: the same preprocessing, the windows of a long recording joined by the
same rules, the bundle's own thresholds. The table is written between its marks in docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from analysis.labels import join_labels
from benchmarks.hospitals.statements import (
    BRUGADA_FINDINGS,
    FINDINGS,
    Finding,
    Statements,
    brugada_statements,
    cpsc2018_statements,
    hospital_statements,
)
from encoder.runner import EncoderRunner
from encoder.weights import load_encoder_file
from heads.auroc import RankedRecords, auroc, patient_resamples
from model_store.bundle import Bundle, load_bundle
from model_store.choose import EMBEDDED_FOLDER
from signals.leads import LEADS, twelve_leads
from signals.record import EcgRecord
from signals.segments import make_segments
from training.datasets.packed import loader_of
from training.embedded.scores import RESAMPLES, Figure
from training.page import ACCURACY_PAGE, write_between

HOSPITALS_HZ: Final = 500.0
BRUGADA_HZ: Final = 100.0
# With fewer positives, the interval of an AUROC spans most of what is possible.
MIN_POSITIVES: Final = 5
BEGIN: Final = "<!-- hospitals: written by python -m benchmarks.hospitals -->\n"
END: Final = "<!-- end of hospitals -->\n"

Set = Literal["hospitals", "brugada"]
SETS: Final[dict[Set, tuple[Finding, ...]]] = {"hospitals": FINDINGS, "brugada": BRUGADA_FINDINGS}


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording: (12, samples) mV, and what its source says of it."""

    signal: NDArray[np.float32]
    fs_hz: float
    statements: Statements


@dataclass(frozen=True)
class Score:
    """One finding's figures.

    hits, rejected  of the positives and the negatives, those that the threshold judges rightly
    """

    finding: Finding
    positives: int
    negatives: int
    auroc: Figure
    hits: int
    rejected: int


def main(arguments: list[str] | None = None) -> None:
    """Run the model on all recordings, print the table and write it to the page."""
    options = _parser().parse_args(arguments)
    bundle = load_bundle(options.model)
    scores: dict[Set, list[Score]] = {}
    counts: dict[Set, int] = {}
    for name, recordings in _sets(options.data).items():
        probabilities = answers(bundle, recordings)
        scores[name] = score(bundle, recordings, probabilities, SETS[name])
        counts[name] = len(recordings)
    text = section(bundle, counts, scores)
    print(text)
    write_between(options.page, BEGIN, END, text)


def answers(bundle: Bundle, recordings: Sequence[Recording]) -> NDArray[np.float64]:
    """Return the probability of each of the bundle's labels, (recordings, labels)."""
    runner = EncoderRunner(load_encoder_file(bundle.config, bundle.weights_path))
    rows = []
    for recording in recordings:
        leads = twelve_leads(EcgRecord(recording.signal, recording.fs_hz, LEADS))
        segments = make_segments(leads, recording.fs_hz, bundle.preprocessing)
        logits = runner.run(segments.data).logits
        assert logits is not None, "the embedded model has labels. This is a bug."
        joined = join_labels(logits, bundle.labels, aggregate=None, thresholds={})
        rows.append([label.probability for label in joined])
    return np.array(rows)


def score(
    bundle: Bundle,
    recordings: Sequence[Recording],
    probabilities: NDArray[np.float64],
    findings: Iterable[Finding],
) -> list[Score]:
    """Return the figures of each finding with MIN_POSITIVES positives and as many negatives."""
    column = {label.name: number for number, label in enumerate(bundle.labels)}
    patient = _patients(recordings)
    scores = []
    for finding in findings:
        truth = np.array([finding.truth(recording.statements) for recording in recordings])
        if min((truth == 1).sum(), (truth == 0).sum()) >= MIN_POSITIVES:
            number = column[finding.label]
            threshold = bundle.labels[number].threshold
            scores.append(_score(finding, truth, probabilities[:, number], threshold, patient))
    return scores


def _score(
    finding: Finding,
    truth: NDArray[np.float64],
    probability: NDArray[np.float64],
    threshold: float,
    patient: NDArray[np.int64],
) -> Score:
    """Return the figures of one finding; records of unknown truth (NaN) are left out."""
    weights = np.concatenate(list(patient_resamples(patient, RESAMPLES, seed=0)))
    resampled = RankedRecords(truth, probability).auroc(weights)
    found = probability >= threshold
    return Score(
        finding=finding,
        positives=int((truth == 1).sum()),
        negatives=int((truth == 0).sum()),
        auroc=Figure.of_resamples(auroc(truth, probability), resampled),
        hits=int(found[truth == 1].sum()),
        rejected=int((~found[truth == 0]).sum()),
    )


def _patients(recordings: Sequence[Recording]) -> NDArray[np.int64]:
    """Return a number for each recording, the same one for identical signals.

    The sources name no patients. Brugada-HUCA has a few signals twice, under two names.
    """
    numbers: dict[bytes, int] = {}
    signals = [recording.signal.tobytes() for recording in recordings]
    return np.array([numbers.setdefault(signal, len(numbers)) for signal in signals])


def section(bundle: Bundle, counts: dict[Set, int], scores: dict[Set, list[Score]]) -> str:
    """Return the section of docs/accuracy.md."""
    return f"""## The embedded model at other hospitals

What `labels` and `superclass` are worth on recordings that had no part in training or in
calibration: `{bundle.name}`, sha256 `{bundle.sha256[:12]}`, with its own thresholds.
Labels are those of the sources, by one or two readers or by a machine that a reader checked, and
their conventions are not PTB-XL's. A recording counts for a finding only where its source names
such findings; one with a related statement counts as neither. AUROC with its 95 % interval
({RESAMPLES} bootstrap resamples of patients), sensitivity and specificity as counts. Findings with
fewer than {MIN_POSITIVES} positives are left out. Written by

    python -m benchmarks.hospitals --data DATA

{counts["hospitals"]} recordings at 500 Hz of the PhysioNet/CinC Challenges 2020 and 2021
(CPSC2018 and its extension, Georgia, Chapman-Shaoxing and Ningbo):

{_table(scores["hospitals"])}

{counts["brugada"]} recordings at 100 Hz of Brugada-HUCA (12 s). The model has no label of Brugada's
pattern, so what can be asked is whether it takes the pattern for a normal ECG. People with the
syndrome whose baseline is normal, and others whose baseline is not, count as neither.

{_table(scores["brugada"])}
"""


def _table(scores: Iterable[Score]) -> str:
    rows = [
        f"| {each.finding.label} | {each.finding.meaning} | {each.positives} | {each.auroc} "
        f"| {each.hits} of {each.positives} | {each.rejected} of {each.negatives} |"
        for each in scores
    ]
    head = "| label | in the source | positives | AUROC | sensitivity | specificity |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def _sets(data: Path) -> dict[Set, list[Recording]]:
    others = [*_hospitals(data / "hospitals"), *_cpsc2018(data / "cpsc2018")]
    return {"hospitals": others, "brugada": list(_brugada(data / "brugada"))}


def _hospitals(folder: Path) -> Iterator[Recording]:
    for row, signal in loader_of(folder).records():
        yield Recording(signal, HOSPITALS_HZ, hospital_statements(row["source"], row["labels"]))


def _cpsc2018(folder: Path) -> Iterator[Recording]:
    for row, signal in loader_of(folder).records():
        yield Recording(signal, HOSPITALS_HZ, cpsc2018_statements(row["label"]))


def _brugada(folder: Path) -> Iterator[Recording]:
    for row, signal in loader_of(folder).records():
        statements = brugada_statements(row["label"], row["basal_pattern"])
        yield Recording(signal, BRUGADA_HZ, statements)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="holds hospitals, cpsc2018 and brugada"
    )
    parser.add_argument(
        "--model", type=Path, default=EMBEDDED_FOLDER, help="folder of a bundle with the labels"
    )
    parser.add_argument(
        "--page", type=Path, default=ACCURACY_PAGE, help="the document whose section is written"
    )
    return parser
