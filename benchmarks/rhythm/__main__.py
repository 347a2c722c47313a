"""Score the rhythm rules against PTB-XL's statements at 100 Hz: atrial fibrillation and flutter.

    OMP_NUM_THREADS=1 python -m benchmarks.rhythm --ptbxl /path/to/ptbxl [--folds 9]
        [--records 1000] [--seed 0]

The sample, drawn by a seed, holds the recordings of the folds with fibrillation or flutter, up to
half of the records, and fills up with others. Pacing spikes cannot be seen at 100 Hz: recordings
with a pacemaker are left out. The table is written between its marks in docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from intervals.measure import measure_conditioned
from intervals.rhythm import name_rhythm
from signals.conditioned import condition
from signals.r_peaks import r_peaks_of
from signals.spikes import Pacing
from training.datasets.packed import loader_of
from training.page import ACCURACY_PAGE, write_between

FS_HZ: Final = 100.0
FIBRILLATION, FLUTTER = "Atrial fibrillation", "Atrial flutter"
NO_PACING: Final = Pacing(0, 0, 0)
BEGIN: Final = "<!-- rhythm: written by python -m benchmarks.rhythm -->\n"
END: Final = "<!-- end of rhythm -->\n"

Mask = NDArray[np.bool_]


def main(arguments: list[str] | None = None) -> None:
    """Measure the sample, print the table and write it to the page."""
    options = _parser().parse_args(arguments)
    signals, table = loader_of(options.ptbxl).load()
    sample = draw_sample(table, options.folds, options.records, options.seed)
    words = np.array([rhythm_word(signals[index]) for index in sample.tolist()])
    has_fibrillation = table["y_atrial_fibrillation"].to_numpy()[sample] == 1
    has_flutter = table["y_atrial_flutter"].to_numpy()[sample] == 1
    text = section(words, has_fibrillation, has_flutter, options)
    print(text)
    write_between(options.page, BEGIN, END, text)


def draw_sample(table: Any, folds: list[int], records: int, seed: int) -> NDArray[np.intp]:
    """Return the rows of the recordings to measure, in order."""
    rng = np.random.default_rng(seed)
    in_folds = np.isin(table["strat_fold"].to_numpy(), folds)
    unpaced = table["y_electronic_pacemaker"].to_numpy() != 1
    has_fibrillation = table["y_atrial_fibrillation"].to_numpy() == 1
    has_flutter = table["y_atrial_flutter"].to_numpy() == 1
    usable = in_folds & unpaced
    positive = has_fibrillation | has_flutter

    positives = rng.permutation(np.flatnonzero(usable & positive))[: records // 2]
    negatives = rng.permutation(np.flatnonzero(usable & ~positive))[: records - positives.size]
    return np.sort(np.concatenate([positives, negatives]))


def rhythm_word(signal: NDArray[np.floating]) -> str:
    """Return the rhythm of (12, samples) at 100 Hz by the rules."""
    ready = condition(np.asarray(signal, np.float64), FS_HZ)
    measurements = measure_conditioned(ready, r_peaks_of(ready))
    return name_rhythm(measurements, NO_PACING).name


def section(
    words: NDArray[np.str_], fibrillation: Mask, flutter: Mask, options: argparse.Namespace
) -> str:
    """Return the section of docs/accuracy.md.

    words                  (records,) rhythms by the rules
    fibrillation, flutter  (records,) by the statements
    """
    positive = fibrillation | flutter
    named_flutter = words == FLUTTER
    named_either = (words == FIBRILLATION) | named_flutter
    lines = [
        _line("fibrillation or flutter, named either", named_either, positive, ~positive),
        _line("fibrillation, named either", named_either, fibrillation, ~positive),
        _line("flutter, named flutter", named_flutter, flutter, ~positive),
    ]
    rows = "\n".join(lines)
    folds = " ".join(str(fold) for fold in options.folds)
    command = (
        f"python -m benchmarks.rhythm --ptbxl PTBXL --folds {folds} --records {options.records}"
        f" --seed {options.seed}"
    )
    return f"""## Rhythm by rules

PTB-XL at 100 Hz, folds {folds}: {words.size} recordings without a pacemaker, those with
fibrillation or flutter more frequent than in the database. The limits were chosen on folds 1-8.
Written by

    {command}

| | sensitivity | specificity |
|---|---|---|
{rows}
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--ptbxl", type=Path, required=True, help="the packed PTB-XL: a folder with load.py"
    )
    parser.add_argument("--folds", type=int, nargs="+", default=[9])
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--page", type=Path, default=ACCURACY_PAGE, help="the document whose section is written"
    )
    return parser


def _line(name: str, named: Mask, positive: Mask, negative: Mask) -> str:
    """Return one line of the table; the masks are (records,)."""
    hits, positives = named[positive].sum(), positive.sum()
    correct, negatives = (~named[negative]).sum(), negative.sum()
    sensitivity = f"{named[positive].mean():.3f} ({hits} of {positives})"
    specificity = f"{1 - named[negative].mean():.3f} ({correct} of {negatives})"
    return f"| {name} | {sensitivity} | {specificity} |"


if __name__ == "__main__":
    main()
