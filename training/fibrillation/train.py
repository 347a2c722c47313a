"""Train the model of ventricular fibrillation, score it by cross-validation, write it and its card.

    OMP_NUM_THREADS=1 python -m training.fibrillation --data FOLDER [--seed 0]

FOLDER holds the packed data sets cudb, svdb, mitbih_ds1, cinc2015 and cinc2017. Each of FOLDS parts
of the recordings is held out once. The threshold that a held-out recording is scored with was
chosen on the others. The trees that ship are fitted to all recordings of the first four; nothing is
fitted to the fifth. The same seed gives the same trees.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.fibrillation import rule
from heads.fibrillation.model import DESCRIPTION, TREES, Description, FibrillationModel
from heads.fibrillation.signal_input import WINDOW_SAMPLES
from training.fibrillation.card import CARD, CARD_FILE, Made, card
from training.fibrillation.examples import Examined, Examples, examine, examples_of
from training.fibrillation.fit import calibrate, fit, scores_of
from training.fibrillation.recordings import Recording, read_devices, read_recordings
from training.fibrillation.scores import Outcome, best_threshold, is_monitored, outcomes

FOLDS: Final = 10
NAME: Final = "fibrillation"
LICENCE: Final = "MIT; trained on data under ODC-BY 1.0"
TIMED_ROWS: Final = 2048

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CrossValidated:
    """What each recording gets from models that were not fitted to it.

    probabilities  (seconds,) of each recording's patient
    thresholds     of each recording, chosen on the other folds
    slope, offset  the calibration of all out-of-fold scores
    """

    probabilities: list[Array]
    thresholds: list[float]
    slope: float
    offset: float


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    began = time.process_time()
    examined = examine(read_recordings(options.data))
    recordings = [each.recording for each in examined]
    examples = examples_of(examined)
    _print(f"{len(examined)} recordings, {len(examples.truth)} windows are fitted to")
    validated = cross_validate(examined, examples, options.seed)
    everyone = np.ones(len(recordings), np.bool_)
    threshold = _threshold(recordings, validated.probabilities, everyone)
    forest, start = fit(examples, options.seed + FOLDS)
    with options.trees.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, start=start, **forest.to_arrays())
    content = options.trees.read_bytes()
    description = Description(
        name=NAME,
        sha256=hashlib.sha256(content).hexdigest(),
        licence=LICENCE,
        card=CARD,
        slope=round(validated.slope, 6),
        offset=round(validated.offset, 6),
        threshold=threshold,
    )
    options.description.write_text(json.dumps(description.to_json(), indent=2) + "\n")
    model = FibrillationModel(forest, start, description)
    made = Made(
        fitted_to=int(examples.truth.size),
        fibrillating=int(examples.truth.sum()),
        folds=FOLDS,
        seed=options.seed,
        cpu_s=time.process_time() - began,
        bytes=len(content),
        trees=forest.roots.size,
        row_us=row_us(model, recordings),
    )
    found = outcomes(recordings, validated.probabilities, validated.thresholds)
    text = card(description, made, found, elsewhere(model, examine(read_devices(options.data))))
    options.card.write_text(text, encoding="utf-8")
    _print(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.fibrillation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trees", type=Path, default=TREES)
    parser.add_argument("--description", type=Path, default=DESCRIPTION)
    parser.add_argument("--card", type=Path, default=CARD_FILE)
    return parser


def _folds_of(recordings: Sequence[Recording], seed: int) -> NDArray[np.intp]:
    """Return (recordings,) the fold of each; every source is spread over all folds."""
    rng = np.random.default_rng(seed)
    sources = np.array([each.source for each in recordings])
    fold = np.zeros(len(recordings), np.intp)
    for source in np.unique(sources):
        members = np.flatnonzero(sources == source)
        fold[rng.permutation(members)] = np.arange(members.size) % FOLDS
    return fold


def cross_validate(examined: Sequence[Examined], examples: Examples, seed: int) -> CrossValidated:
    recordings = [each.recording for each in examined]
    fold = _folds_of(recordings, seed)
    scores: list[Array] = [np.zeros(0)] * len(examined)
    row_scores = np.zeros(len(examples.truth))
    for number in range(FOLDS):
        held = np.flatnonzero(fold == number)
        forest, start = fit(examples.without(held), seed + number)
        for index in held.tolist():
            scores[index] = scores_of(forest, start, examined[index].numbers)
        rows = np.isin(examples.recording, held)
        numbers = examples.numbers[rows]
        row_scores[rows] = scores_of(forest, start, numbers[np.newaxis])[0]
        _print(f"fold {number + 1} of {FOLDS}")
    slope, offset = calibrate(row_scores, examples)
    probabilities = [patient(slope * each + offset) for each in scores]
    by_fold = [_threshold(recordings, probabilities, fold != each) for each in range(FOLDS)]
    thresholds = [by_fold[each] for each in fold.tolist()]
    return CrossValidated(probabilities, thresholds, slope, offset)


def _threshold(
    recordings: Sequence[Recording], probabilities: Sequence[Array], chosen: NDArray[np.bool_]
) -> float:
    """Return the best threshold for the chosen ones of the recordings that are long."""
    pairs = [
        (recording, probability)
        for recording, probability, flag in zip(recordings, probabilities, chosen, strict=True)
        if flag and is_monitored(recording)
    ]
    return best_threshold([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def patient(log_odds: Array) -> Array:
    """Return (seconds,) the patient's probability, of log odds (leads, seconds)."""
    return rule.patient_probability(1.0 / (1.0 + np.exp(-log_odds.T)))


def elsewhere(model: FibrillationModel, examined: Sequence[Examined]) -> list[Outcome]:
    """Return what the model that ships does in recordings that it was not fitted to."""
    description = model.description
    probabilities = [
        patient(
            description.slope * scores_of(model.forest, model.start, each.numbers)
            + description.offset
        )
        for each in examined
    ]
    limits = [description.threshold] * len(examined)
    return outcomes([each.recording for each in examined], probabilities, limits)


def row_us(model: FibrillationModel, recordings: Sequence[Recording]) -> float:
    """Return the CPU time of a row in microseconds, the least of some tries."""
    leads = [each.leads[0, :WINDOW_SAMPLES] for each in recordings]
    windows = np.resize(np.array(leads), (TIMED_ROWS, WINDOW_SAMPLES))
    times = []
    for _ in range(5):
        began = time.process_time()
        model.probabilities(windows)
        times.append(time.process_time() - began)
    return 1e6 * min(times) / TIMED_ROWS


def _print(line: str) -> None:
    print(line, flush=True)
