"""Train the pacemaker head, score it out of fold, write what ships.

    python -m training.pacemaker --ptbxl FOLDER --ludb FOLDER [--seed 0] [--keep FILE]

PTB-XL 1.0.3 as downloaded or packed, folds 1-9, at 100 Hz: the form of the beats, out of fold by PTB-XL's own folds, which keep
patients apart. LUDB 1.0.1, and the recordings of 500 Hz that come with a packed PTB-XL: the spikes. Fold 10 takes no part.
Seeded: the same command gives the same head on the same machine. `--keep` leaves the measured rows in a file, and takes those
that lie there already. The figures printed go to docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.pacemaker import FILE, PACEMAKER_LABEL, PacemakerHead
from training.datasets.ptbxl import read_table
from training.pacemaker import report as pacemaker_report
from training.pacemaker.fit import (
    SPECIFICITY,
    calibrated,
    fit,
    prior_log_odds,
    spike_limits,
    threshold_at,
)
from training.pacemaker.rows import Spiked, ptbxl_rows, spiked_recordings, usable
from training.page import ACCURACY_PAGE, write_between

TRAINING_FOLDS: Final = 9  # the tenth is PTB-XL's test set


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What each recording was given by trees and a calibration that had not seen its fold; NaN where it is not judged.

    raw  log odds before calibration; `log_odds` after it
    heads  fold -> the head that had not seen it
    """

    raw: NDArray[np.float64]
    log_odds: NDArray[np.float64]
    heads: dict[int, PacemakerHead]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ptbxl", type=Path, required=True, help="PTB-XL, downloaded or packed")
    parser.add_argument(
        "--ludb", type=Path, required=True, help="LUDB: a folder with ludb.csv and data/"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a file for the measured rows")
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument(
        "--page",
        type=Path,
        default=ACCURACY_PAGE,
        help="the document whose section on pacing is written",
    )
    options = parser.parse_args(arguments)
    table = read_table(options.ptbxl)
    paced = table.ecg_fm_label(PACEMAKER_LABEL)
    rows = ptbxl_rows(table, options.keep)
    spiked = spiked_recordings(table, paced, options.ludb)
    chosen = (table.fold <= TRAINING_FOLDS) & usable(rows)
    print(
        f"{len(table)} recordings, {int(chosen.sum())} to learn from, {int(paced[chosen].sum())} of them paced",
        flush=True,
    )
    unseen = out_of_fold(rows, paced, table.fold, chosen, spiked, options.seed)
    head = shipping(rows[chosen], paced[chosen], unseen, chosen, spiked, options.seed)
    text = pacemaker_report.section(
        table.fold <= TRAINING_FOLDS, paced, table.fold, unseen, head, spiked
    )
    print(text)
    np.savez_compressed(options.out, allow_pickle=False, **head.to_arrays())
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")
    write_between(options.page, pacemaker_report.BEGIN, pacemaker_report.END, text)


def out_of_fold(
    rows: NDArray[np.float32],
    paced: NDArray[np.bool_],
    fold: NDArray[np.int64],
    chosen: NDArray[np.bool_],
    spiked: list[Spiked],
    seed: int,
) -> OutOfFold:
    """Trees of the other folds, each fold's calibration and threshold from the others' unseen recordings."""
    raw, log_odds = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    models, heads = {}, {}
    numbers = np.unique(fold[chosen]).tolist()
    for number in numbers:
        models[number] = fit(
            rows[chosen & (fold != number)], paced[chosen & (fold != number)], seed
        )
        own = chosen & (fold == number)
        raw[own] = models[number].uncalibrated_log_odds(rows[own])
        print(f"fold {number} of {len(numbers)}", flush=True)
    for number in numbers:
        own, others = chosen & (fold == number), chosen & (fold != number)
        model = calibrated(models[number], raw[others], paced[others])
        log_odds[own] = model.log_odds(rows[own])
        threshold = threshold_at(
            SPECIFICITY,
            _sigmoid(model.calibration[0] * raw[others] + model.calibration[1]),
            paced[others],
        )
        heads[number] = PacemakerHead(
            model, prior_log_odds(paced[others]), spike_limits(spiked), threshold
        )
    return OutOfFold(raw, log_odds, heads)


def shipping(
    rows: NDArray[np.float32],
    paced: NDArray[np.bool_],
    unseen: OutOfFold,
    chosen: NDArray[np.bool_],
    spiked: list[Spiked],
    seed: int,
) -> PacemakerHead:
    """Trees of all folds; calibration and threshold from what every recording was given unseen."""
    model = calibrated(fit(rows, paced, seed), unseen.raw[chosen], paced)
    threshold = threshold_at(SPECIFICITY, _sigmoid(unseen.log_odds[chosen]), paced)
    return PacemakerHead(model, prior_log_odds(paced), spike_limits(spiked), threshold)


def _sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-log_odds)), np.float64)
