"""Train the quality model: would annotators of PhysioNet/CinC 2011 accept a recording?

    python -m training.quality --data FOLDER [--seeds 10] [--score-only]

FOLDER is set-a of the challenge (https://physionet.org/content/challenge-2011/1.0.0/, ODC-BY 1.0)
as downloaded from PhysioNet, or the packed copy with its load.py. First, a nested cross-validation
on all labelled recordings: identical recordings are in one fold, and each calibration is made
within its training part. Then the shipped model is trained on all of them, with its calibration on
inner folds of all, and stored next to `signal_quality/model.py`. The figures go to
docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from signal_quality.model import FILE
from training.datasets.challenge2011 import labelled_records
from training.page import ACCURACY_PAGE
from training.quality import report
from training.quality.examples import measure_examples
from training.quality.out_of_fold import cross_validate, train_calibrated


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    examples = measure_examples(labelled_records(options.data), options.limit)
    print(
        f"{len(examples.rows)} labelled recordings, {examples.acceptable.mean():.1%} acceptable,"
        f" {examples.flat.sum()} entirely flat"
    )
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    results = [cross_validate(examples, seed, options.folds) for seed in seeds]
    print(report.cross_validation(examples, results))
    if options.score_only:
        return
    model = train_calibrated(
        examples.rows,
        examples.acceptable,
        examples.group,
        seed=0,
        usual_height_mv=examples.usual_height_mv,
    )
    np.savez_compressed(options.out, allow_pickle=False, **model.to_arrays())
    text = report.section(examples, results, model)
    report.write_section(options.report, report.TITLE, text)
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.quality", description=(__doc__ or "").split("\n\n")[0]
    )
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
        help="the first seed; the kind of model was chosen on seeds 20 to 24",
    )
    parser.add_argument("--folds", type=int, default=10, help="outer folds of each repetition")
    parser.add_argument("--limit", type=int, help="number of recordings to use, for a trial")
    parser.add_argument("--out", type=Path, default=FILE, help="where the model is stored")
    parser.add_argument(
        "--report", type=Path, default=ACCURACY_PAGE, help="the page that gets the figures"
    )
    parser.add_argument("--score-only", action="store_true", help="print figures, write nothing")
    return parser
