"""Train the pacemaker head, score it out of fold, and write the head that ships.

    python -m training.pacemaker --ptbxl FOLDER --ludb FOLDER [--seed 0] [--keep FILE]

The morphology of the beats is learned from PTB-XL 1.0.3 (as downloaded, or packed) at 100 Hz, folds
1-9. PTB-XL's own folds keep patients apart; scores are out of fold. Fold 10 takes no part. The
spikes are judged on LUDB 1.0.1 and on the 500 Hz recordings that come with a packed PTB-XL.

The same command gives the same head on the same machine. `--keep` stores the measured rows in a
file and reads them from there the next time. The printed figures go to docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from heads.pacemaker import FILE, PACEMAKER_LABEL, PacemakerHead
from training.datasets.ptbxl import read_table
from training.pacemaker.fit import (
    SPECIFICITY,
    calibrated,
    fit,
    prior_log_odds,
    spike_limits,
    threshold_at,
)
from training.pacemaker.out_of_fold import OutOfFold, fit_out_of_fold, sigmoid
from training.pacemaker.report import BEGIN, END, page_section
from training.pacemaker.rows import SpikeRecording, measured, ptbxl_rows, spike_recordings
from training.page import ACCURACY_PAGE, write_between

TRAINING_FOLDS: Final = 9  # the tenth is PTB-XL's test set


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    table = read_table(options.ptbxl)
    paced = table.ecg_fm_label(PACEMAKER_LABEL)
    rows = ptbxl_rows(table, options.keep)
    recordings = spike_recordings(table, paced, options.ludb)
    in_folds = table.fold <= TRAINING_FOLDS
    chosen = in_folds & measured(rows)
    print(
        f"{len(table)} recordings, {int(chosen.sum())} to learn from, "
        f"{int(paced[chosen].sum())} of them paced",
        flush=True,
    )
    out_of_fold = fit_out_of_fold(rows, paced, table.fold, chosen, recordings, options.seed)
    head = fit_shipped(rows, paced, chosen, out_of_fold, recordings, options.seed)
    text = page_section(in_folds, paced, table.fold, out_of_fold, head, recordings)
    print(text)
    np.savez_compressed(options.out, allow_pickle=False, **head.to_arrays())
    print(f"{options.out}: {options.out.stat().st_size / 1000:.0f} kB")
    write_between(options.page, BEGIN, END, text)


def _parser() -> argparse.ArgumentParser:
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
    return parser


def fit_shipped(
    rows: NDArray[np.float32],
    paced: NDArray[np.bool_],
    chosen: NDArray[np.bool_],
    out_of_fold: OutOfFold,
    recordings: list[SpikeRecording],
    seed: int,
) -> PacemakerHead:
    """Return the head that ships.

    Its trees are fitted to all chosen recordings; its calibration and threshold come from the
    out-of-fold log odds.
    """
    trees = fit(rows[chosen], paced[chosen], seed)
    probability = sigmoid(out_of_fold.log_odds[chosen])
    return PacemakerHead(
        beats=calibrated(trees, out_of_fold.uncalibrated[chosen], paced[chosen]),
        prior_log_odds=prior_log_odds(paced[chosen]),
        spike_limits=spike_limits(recordings),
        threshold=threshold_at(SPECIFICITY, probability, paced[chosen]),
    )
