"""Train the one-lead model, score it by cross-validation, write its trees, card and figures.

    OMP_NUM_THREADS=1 python -m training.onelead --data CINC2017 [--seed 0]

CINC2017 is the packed PhysioNet/CinC Challenge 2017 with its load.py. Each fold is held out once.
The trees that ship are fitted to all recordings; their calibration and their thresholds are those
of the out-of-fold scores. The same seed gives the same trees. It takes about a minute of one core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from heads.one_lead.model import (
    DESCRIPTION,
    NAMES,
    TREES,
    Description,
    OneLeadModel,
    RhythmLabel,
    tree_scores,
)
from signals.r_peaks import find_r_peaks
from training.datasets.packed import loader_of
from training.onelead.card import CARD, CARD_FILE, DESCRIPTIONS, Made, accuracy_section, card
from training.onelead.data import FS_HZ, Examples, read_examples
from training.onelead.fit import fit
from training.onelead.scores import Calibration, calibrate, challenge_score, out_of_fold
from training.page import ACCURACY_PAGE, write_between

FOLDS: Final = 5
TIMED: Final = 200  # recordings; most of them last 30 s
NAME: Final = "one-lead"
LICENCE: Final = "MIT; trained on data under ODC-BY 1.0"
BEGIN: Final = "<!-- one lead: written by python -m training.onelead -->\n"
END: Final = "<!-- end of one lead -->\n"


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    began = time.process_time()
    examples = read_examples(options.data, options.limit)
    _print(f"{len(examples)} recordings")
    fold = _folds_of(examples, options.seed)
    scores = cross_validate(examples, fold, options.seed)
    forest, start = fit(examples.features, examples.truth, options.seed + FOLDS)
    with options.trees.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, start=start, **forest.to_arrays())
    content = options.trees.read_bytes()
    calibration = calibrate(scores, examples.truth)
    description = _description(hashlib.sha256(content).hexdigest(), calibration)
    options.description.write_text(json.dumps(description.to_json(), indent=2) + "\n")
    made = Made(
        recordings=len(examples),
        counts=tuple(np.bincount(examples.truth, minlength=len(NAMES)).tolist()),
        folds=FOLDS,
        seed=options.seed,
        cpu_s=time.process_time() - began,
        bytes=len(content),
        trees=forest.roots.size,
        read_ms=read_ms(options.data, OneLeadModel(forest, start, description)),
    )
    section = accuracy_section(out_of_fold(scores, examples.truth, fold), examples.truth, made)
    options.card.write_text(card(description, section, made), encoding="utf-8")
    write_between(options.page, BEGIN, END, section)
    _print(section)
    _print(f"{options.trees}: {len(content)} bytes, {description.version}; {options.card}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.onelead",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="the packed data set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="at most this many recordings, for a trial run")
    parser.add_argument("--trees", type=Path, default=TREES)
    parser.add_argument("--description", type=Path, default=DESCRIPTION)
    parser.add_argument("--card", type=Path, default=CARD_FILE)
    parser.add_argument("--page", type=Path, default=ACCURACY_PAGE)
    return parser


def _folds_of(examples: Examples, seed: int) -> NDArray[np.intp]:
    """Return (recordings,) the fold of each; as far as known each is of another patient."""
    fold = np.zeros(len(examples), np.intp)
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for number, (_, held) in enumerate(splitter.split(examples.truth, examples.truth)):
        fold[held] = number
    return fold


def cross_validate(examples: Examples, fold: NDArray[np.intp], seed: int) -> NDArray[np.float64]:
    """Return scores (recordings, classes) by trees that were not fitted to the recording."""
    scores = np.zeros((len(examples), len(NAMES)))
    for number in range(FOLDS):
        held = np.flatnonzero(fold == number)
        others = fold != number
        forest, start = fit(examples.features[others], examples.truth[others], seed + number)
        scores[held] = [tree_scores(forest, start, examples.features[row]) for row in held]
        score = challenge_score(scores[held].argmax(axis=1), examples.truth[held])
        _print(f"fold {number + 1} of {FOLDS}: challenge score {score:.4f} without calibration")
    return scores


def read_ms(folder: Path, model: OneLeadModel) -> float:
    """Return the CPU time in ms that a recording takes: the median of the first TIMED.

    The R peaks are not counted, because the measurements need them too.
    """
    times = []
    for _, signal in islice(loader_of(folder).records(), TIMED):
        r_peaks_s = find_r_peaks(signal, FS_HZ)
        began = time.process_time()
        model.read(signal, FS_HZ, r_peaks_s)
        times.append(1000 * (time.process_time() - began))
    return float(np.median(times))


def _description(sha256: str, calibration: Calibration) -> Description:
    thresholds = calibration.thresholds.round(4).tolist()
    labels = tuple(
        RhythmLabel(name, threshold, DESCRIPTIONS[name])
        for name, threshold in zip(NAMES, thresholds, strict=True)
    )
    return Description(
        name=NAME,
        sha256=sha256,
        licence=LICENCE,
        card=CARD,
        labels=labels,
        slope=round(calibration.slope, 6),
        offsets=tuple(calibration.offsets.round(6).tolist()),
    )


def _print(line: str) -> None:
    print(line, flush=True)
