"""Train the delineator on LUDB and the QT Database, score it out of fold, and write what ships.

    python -m training.delineator --data /path/to/ludb --qtdb /path/to/qtdb [--folds 5]
        [--epochs 120] [--seed 0] [--final-seed 35] [--keep FOLDER]

Folds are by record, one patient each. The figures that are printed, and written to docs/accuracy.md
and to the model card, are out of fold; the network that ships is then trained on all records. The
same command gives the same weights on the same machine. `--keep` writes each fold's weights to a
folder, and reads those that are there already.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from intervals.delineator import CARD_FILE, WEIGHTS_FILE
from training.datasets.annotated import AnnotatedRecord
from training.datasets.ludb import read_ludb
from training.datasets.qtdb import read_qtdb
from training.delineator.beats import BeatSource, beat_source
from training.delineator.calibrate import Weights, card_of
from training.delineator.fit import train
from training.delineator.report import Collection, Report, page_section, report_of
from training.delineator.scores import MEASURES
from training.page import ACCURACY_PAGE, write_between

ABOUT: Final = (
    "P, QRS and T boundaries on a representative beat: U-Net over time, weights shared over leads,"
    " trained on LUDB 1.0.1 and QTDB 1.0.0 (both ODC-BY 1.0), their beats stretched"
)
BEGIN: Final = "<!-- intervals: written by python -m training.delineator -->\n"
END: Final = "<!-- end of intervals -->\n"


def main(arguments: list[str] | None = None) -> None:
    """Train, score and write the delineator as the command line says."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    ludb = Collection.of(read_sources(options.data), options.folds)
    qtdb = Collection.of(_sources_of(read_qtdb(options.qtdb)), options.folds)
    print(f"{len(ludb.sources)} recordings of LUDB, {len(qtdb.sources)} of QTDB", flush=True)

    fold_weights = {}
    for number in range(options.folds):
        fold_weights[number] = _trained(
            [*ludb.outside(number), *qtdb.outside(number)], number, options
        )
    every_source = [*ludb.sources, *qtdb.sources]
    shipped_weights = _half_precision(_trained(every_source, options.folds, options))

    report = report_of(ludb, qtdb, fold_weights, shipped_weights)
    print(report.text(), flush=True)
    made = {
        "folds": options.folds,
        "epochs": options.epochs,
        "seed": options.seed,
        "final_seed": options.final_seed,
        "records": len(every_source),
    }
    _write_weights_and_card(options.out, shipped_weights, report, made)
    write_between(options.page, BEGIN, END, page_section(report, made))


def read_sources(folder: Path) -> list[BeatSource]:
    """Read LUDB and return the beats of each record that has annotated ones."""
    return _sources_of(read_ludb(folder))


def _sources_of(records: Sequence[AnnotatedRecord]) -> list[BeatSource]:
    """Return the beats of each record that has annotated ones."""
    sources = [beat_source(record) for record in records]
    return [source for source in sources if source is not None]


def _half_precision(weights: Weights) -> Weights:
    """Return the weights rounded to float16, as they ship, in float32.

    Rounding moves a boundary by less than a tenth of a millisecond.
    """
    return {name: value.astype(np.float16).astype(np.float32) for name, value in weights.items()}


def _write_weights_and_card(
    folder: Path, weights: Weights, report: Report, made: dict[str, Any]
) -> None:
    """Write delineator.npz in half precision, and delineator.json.

    made  the options that the weights were made with
    """
    arrays: dict[str, Any] = {name: value.astype(np.float16) for name, value in weights.items()}
    np.savez_compressed(folder / WEIGHTS_FILE.name, **arrays)
    card = {
        "about": ABOUT,
        "made": made,
        **card_of(report.calibration),
        "up_to_two_leads": card_of(report.two_leads_calibration),
        "out_of_fold": {name: report.ludb.row(name) for name in MEASURES},
    }
    text = json.dumps(card, indent=1) + "\n"
    (folder / CARD_FILE.name).write_text(text, encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="LUDB: a folder with ludb.csv and data/"
    )
    parser.add_argument(
        "--qtdb", type=Path, required=True, help="the QT Database: a folder with beats.csv"
    )
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=120)
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
