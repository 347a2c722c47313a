"""The model of signal quality: whether annotators of PhysioNet/CinC 2011 would accept a recording.

    python -m training.quality --data FOLDER [--seeds 10] [--score-only]

FOLDER is set-a of the challenge (https://physionet.org/content/challenge-2011/1.0.0/, ODC-BY 1.0) as PhysioNet has it, or
the packed copy with its load.py. Nested cross-validation on all labelled recordings first: identical recordings stay in one
fold, and the calibration is made within each training part. Then what ships is trained on all, with its calibration from
inner folds of all, and written beside `signal_quality/model.py`; the figures go to docs/accuracy.md.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signal_quality.model import FILE, ReadableModel
from signal_quality.windows import measure_windows, to_usual_height
from signals.record import EcgRecord
from signals.units import qrs_heights
from training.datasets.challenge2011 import labelled_records
from training.quality import report as quality_report
from training.quality.fit import calibrate, fit, folds, score


@dataclass(frozen=True, eq=False)
class Labelled:
    """rows (recordings, features), acceptable, group (identical recordings share one), flat: every lead constant.

    guessed  rows measured as if the units were unknown
    """

    rows: NDArray[np.float64]
    guessed: NDArray[np.float64]
    acceptable: NDArray[np.bool_]
    group: NDArray[np.intp]
    flat: NDArray[np.bool_]
    usual_height_mv: float
    cpu_ms: float


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="set-a of PhysioNet/CinC 2011, or the packed copy of it",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        default=10,
        help="repetitions of the cross-validation, each with other folds",
    )
    parser.add_argument(
        "--first-seed",
        type=int,
        default=30,
        help="the kind of model was settled while looking at 20 to 24",
    )
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--limit", type=int, help="so many recordings only, to try it")
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--report", type=Path, default=quality_report.PAGE)
    parser.add_argument("--score-only", action="store_true", help="print figures, write nothing")
    options = parser.parse_args(arguments)
    data = measure_all(labelled_records(options.data), options.limit)
    print(
        f"{len(data.rows)} labelled recordings, {data.acceptable.mean():.1%} acceptable, {data.flat.sum()} wholly flat"
    )
    outer = [
        nested(data, seed, options.folds)
        for seed in range(options.first_seed, options.first_seed + options.seeds)
    ]
    figures = quality_report.figures(data, outer)
    print(figures)
    if options.score_only:
        return
    model = trained(
        data.rows, data.acceptable, data.group, seed=0, usual_height_mv=data.usual_height_mv
    )
    np.savez_compressed(options.out, allow_pickle=False, **model.to_arrays())
    text = [
        quality_report.HEAD,
        figures,
        quality_report.in_sample(data, model),
        quality_report.ANCHORS,
    ]
    quality_report.write(options.report, quality_report.TITLE, "\n\n".join(text))
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")


def measure_all(records: Iterator[tuple[EcgRecord, bool]], limit: int | None = None) -> Labelled:
    """Features of every labelled recording."""
    some = list(islice(records, limit))
    heights = [
        float(np.median(found))
        for record, _ in some
        if (found := qrs_heights(record.signal, record.fs)).size
    ]
    usual = float(np.median(heights))
    rows, guessed, spent = [], [], []
    for record, _ in some:
        start = time.process_time()
        rows.append(measure_windows(record.signal, record.fs, record.lead_names)[0].of_record)
        spent.append(time.process_time() - start)
        scaled = to_usual_height(record.signal, record.fs, usual)
        guessed.append(measure_windows(scaled, record.fs, record.lead_names)[0].of_record)
    hashes = [hashlib.sha256(record.signal.tobytes()).hexdigest() for record, _ in some]
    return Labelled(
        np.array(rows),
        np.array(guessed),
        np.array([label for _, label in some]),
        np.unique(hashes, return_inverse=True)[1],
        np.array([bool((np.ptp(record.signal, axis=1) == 0).all()) for record, _ in some]),
        usual,
        1000 * float(np.median(spent)),
    )


def nested(data: Labelled, seed: int, count: int) -> quality_report.OutOfFold:
    """Out-of-fold probabilities and verdicts of one division into outer folds, by the arrays that would be shipped."""
    found = quality_report.OutOfFold.empty(len(data.rows))
    for number, (seen, unseen) in enumerate(folds(data.acceptable, data.group, count, seed)):
        model = trained(
            data.rows[seen], data.acceptable[seen], data.group[seen], seed, data.usual_height_mv
        )
        found.fold[unseen] = number
        found.probability[unseen] = model.probability(data.rows[unseen])
        found.guessed[unseen] = model.probability(data.guessed[unseen])
        found.readable[unseen] = found.probability[unseen] >= model.threshold
    overall = score(data.acceptable, found.probability, found.readable)
    print(
        f"seed {seed}: accuracy {overall.accuracy:.4f}, AUROC {overall.auroc:.4f}", file=sys.stderr
    )
    return found


def trained(
    rows: NDArray[np.float64],
    acceptable: NDArray[np.bool_],
    group: NDArray[np.intp],
    seed: int,
    usual_height_mv: float,
) -> ReadableModel:
    """The calibration by inner folds, then the process on everything given."""
    return fit(rows, acceptable, usual_height_mv, calibrate(rows, acceptable, group, seed))
