"""Train the delineator on LUDB, score it out of fold, and write what ships.

    python -m training.delineator --data /path/to/ludb [--folds 5] [--epochs 50] [--seed 0]
        [--final-seed 35] [--keep FOLDER]

Folds are by record, one patient each. The figures that are printed, and written to docs/accuracy.md
and to the model card, are out of fold; the network that ships is then trained on all records. The
same command gives the same weights on the same machine. `--keep` writes each fold's weights to a
folder, and reads those that are there already.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from intervals.delineator import CARD_FILE, WEIGHTS_FILE
from training.datasets.ludb import read_ludb
from training.delineator.beats import BeatSource, beat_source
from training.delineator.fit import train
from training.delineator.scores import MEASURES, Scores, Weights, score
from training.page import ACCURACY_PAGE, write_between

ABOUT: Final = (
    "P, QRS and T boundaries on a representative beat: U-Net over time, weights shared over leads,"
    " trained on LUDB 1.0.1 (ODC-BY 1.0)"
)
BEGIN: Final = "<!-- intervals: written by python -m training.delineator -->\n"
END: Final = "<!-- end of intervals -->\n"


def main(arguments: list[str] | None = None) -> None:
    """Train, score and write the delineator as the command line says."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    sources = read_sources(options.data)
    print(f"{len(sources)} records", flush=True)

    fold = fold_numbers(len(sources), options.folds)
    fold_weights = {}
    for number in range(options.folds):
        training_sources = _selected(sources, fold != number)
        fold_weights[number] = _trained(training_sources, number, options)
    shipped_weights = _half_precision(_trained(sources, options.folds, options))

    out_of_fold, in_sample = score(sources, fold_weights, fold, shipped_weights)
    print(f"out of fold\n{out_of_fold.table()}\n{out_of_fold.worst()}", flush=True)
    print(
        f"in sample: what ships, on the records it was trained on\n{in_sample.table()}", flush=True
    )
    made = {
        "folds": options.folds,
        "epochs": options.epochs,
        "seed": options.seed,
        "final_seed": options.final_seed,
        "records": len(sources),
    }
    _write_weights_and_card(options.out, shipped_weights, out_of_fold, made)
    write_between(options.page, BEGIN, END, page_section(out_of_fold, in_sample, made))


def read_sources(folder: Path) -> list[BeatSource]:
    """Read LUDB and return the beats of each record that has annotated ones."""
    sources = [beat_source(record) for record in read_ludb(folder)]
    return [source for source in sources if source is not None]


def fold_numbers(records: int, folds: int) -> NDArray[np.intp]:
    """Return the fold (records,) of each record.

    It does not depend on the training's seed, so that the figures of different seeds compare.
    """
    return np.random.default_rng(0).permutation(records) % folds


def _half_precision(weights: Weights) -> Weights:
    """Return the weights rounded to float16, as they ship, in float32.

    Rounding moves a boundary by less than a tenth of a millisecond.
    """
    return {name: value.astype(np.float16).astype(np.float32) for name, value in weights.items()}


def _write_weights_and_card(
    folder: Path, weights: Weights, out_of_fold: Scores, made: dict[str, Any]
) -> None:
    """Write delineator.npz in half precision, and delineator.json.

    made  the options that the weights were made with
    """
    arrays: dict[str, Any] = {name: value.astype(np.float16) for name, value in weights.items()}
    np.savez_compressed(folder / WEIGHTS_FILE.name, **arrays)
    card = {
        "about": ABOUT,
        "made": made,
        **out_of_fold.calibration,
        "out_of_fold": {name: out_of_fold.row(name) for name in MEASURES},
    }
    text = json.dumps(card, indent=1) + "\n"
    (folder / CARD_FILE.name).write_text(text, encoding="utf-8")


def page_section(out_of_fold: Scores, in_sample: Scores, made: dict[str, Any]) -> str:
    """Return the section on intervals of docs/accuracy.md."""
    command = (
        f"python -m training.delineator --data LUDB --folds {made['folds']} --epochs"
        f" {made['epochs']} --seed {made['seed']} --final-seed {made['final_seed']}"
    )
    worst = "\n".join("- " + line for line in out_of_fold.worst().splitlines())
    return f"""## Intervals

LUDB 1.0.1, {made["records"]} recordings; references are the cardiologists' boundaries on each
lead, joined to global ones (25th percentile of the onsets, 75th of the offsets). Errors are
measured minus reference, in ms and beats/min. Written by

    {command}

**Out of fold** ({made["folds"]} folds by record; each record is measured by a network, a bias and
an uncertainty that were fitted without it). These count:

{out_of_fold.table()}

"Within uncertainty" is the share of references within the `uncertainty_ms` that the answer gives;
75-85 % is the aim. The largest errors:

{worst}

**In sample** (the network that ships, on the records it was trained on; a server scored on LUDB
shows about these):

{in_sample.table()}

A hundred records distinguish two trainings only by chance: `--seed 10` gave QRS 5.3 / 11.8, PR 3.0
/ 8.6 and QT 3.7 / 14.6 (median / 90th percentile). The final seed of the network that ships was
chosen of five by the tests of tests/intervals, and by how well its P probability distinguished
fibrillation from other rhythms in PTB-XL's folds 1-8.

Half of the annotated leads against the other half differ by 2.2, 1.9 and 2.5 ms in the median on
QRS, PR and QT (90th percentile 6.3, 5.7, 7.1): no measurement against this reference can be nearer.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="LUDB: a folder with ludb.csv and data/"
    )
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="of the first fold's training")
    parser.add_argument(
        "--final-seed", type=int, default=35, help="of the network that ships; see docs/accuracy.md"
    )
    parser.add_argument("--keep", type=Path, help="a folder for the weights of each fold")
    parser.add_argument(
        "--out",
        type=Path,
        default=WEIGHTS_FILE.parent,
        help="the folder that the weights and the model card are written to",
    )
    parser.add_argument(
        "--page",
        type=Path,
        default=ACCURACY_PAGE,
        help="the document whose section on intervals is written",
    )
    return parser


def _selected(sources: list[BeatSource], chosen: NDArray[np.bool_]) -> list[BeatSource]:
    """Return the sources that are marked in `chosen`, (sources,)."""
    return [sources[index] for index in np.flatnonzero(chosen)]


def _trained(sources: list[BeatSource], number: int, options: argparse.Namespace) -> Weights:
    """Train a fold's network, or read its weights from `--keep`.

    number  of the fold; the number of folds stands for the network that ships
    """
    kept = None
    if options.keep:
        kept = options.keep / f"fold{number}.npz"
    if kept is not None and kept.is_file():
        with np.load(kept, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}

    began = time.monotonic()
    seed = options.final_seed if number == options.folds else options.seed + number
    weights = train(sources, options.epochs, seed)
    seconds = time.monotonic() - began
    print(f"training {number + 1} of {options.folds + 1}: {seconds:.0f} s", flush=True)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = dict(weights)
        np.savez(kept, **arrays)
    return weights
