"""The rhythm rules against PTB-XL's statements at 100 Hz: atrial fibrillation and flutter, on a sample drawn by a seed.

    OMP_NUM_THREADS=1 python -m benchmarks.rhythm --ptbxl /path/to/ptbxl [--folds 9] [--records 1000] [--seed 0]

All recordings of the folds with fibrillation or flutter, up to half of the records, and as many others. Pacing spikes cannot be seen
at 100 Hz: recordings with a pacemaker are left out. Writes its table between the marks in docs/accuracy.md.
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
AF, FLUTTER = "Atrial fibrillation", "Atrial flutter"
NO_PACING: Final = Pacing(0, 0, 0)
BEGIN: Final = "<!-- rhythm: written by python -m benchmarks.rhythm -->\n"
END: Final = "<!-- end of rhythm -->\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--ptbxl", type=Path, required=True, help="the packed PTB-XL: a folder with load.py"
    )
    parser.add_argument("--folds", type=int, nargs="+", default=[9])
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path, default=ACCURACY_PAGE)
    options = parser.parse_args(arguments)
    signal, table = loader_of(options.ptbxl).load()
    chosen = drawn(table, options.folds, options.records, options.seed)
    words = np.array([word(signal[index]) for index in chosen.tolist()])
    fibrillation, flutter = (
        table[f"y_atrial_{name}"].to_numpy()[chosen] == 1 for name in ("fibrillation", "flutter")
    )
    text = section(words, fibrillation, flutter, options)
    print(text)
    write_between(options.page, BEGIN, END, text)


def drawn(table: Any, folds: list[int], records: int, seed: int) -> NDArray[np.intp]:
    """Rows of the recordings to judge."""
    rng = np.random.default_rng(seed)
    usable = np.isin(table["strat_fold"].to_numpy(), folds) & (
        table["y_electronic_pacemaker"].to_numpy() != 1
    )
    positive = (table["y_atrial_fibrillation"].to_numpy() == 1) | (
        table["y_atrial_flutter"].to_numpy() == 1
    )
    with_it = rng.permutation(np.flatnonzero(usable & positive))[: records // 2]
    without = rng.permutation(np.flatnonzero(usable & ~positive))[: records - with_it.size]
    return np.sort(np.concatenate([with_it, without]))


def word(signal: NDArray[np.floating]) -> str:
    """The rhythm of (12, samples) at 100 Hz."""
    ready = condition(np.asarray(signal, np.float64), FS_HZ)
    return name_rhythm(measure_conditioned(ready, r_peaks_of(ready)), NO_PACING).word


def section(
    words: NDArray[np.str_],
    fibrillation: NDArray[np.bool_],
    flutter: NDArray[np.bool_],
    options: argparse.Namespace,
) -> str:
    either = fibrillation | flutter
    said_af, said_flutter = words == AF, words == FLUTTER
    said = said_af | said_flutter
    rows = [
        ("fibrillation or flutter, said to be either", said, either, ~either),
        ("fibrillation, said to be either", said, fibrillation, ~either),
        ("flutter, said to be flutter", said_flutter, flutter, ~either),
    ]
    lines = "\n".join(
        f"| {name} | {found[there].mean():.3f} ({found[there].sum()} of {there.sum()}) | {1 - found[absent].mean():.3f} "
        f"({(~found[absent]).sum()} of {absent.sum()}) |"
        for name, found, there, absent in rows
    )
    folds = " ".join(str(fold) for fold in options.folds)
    return f"""## Rhythm by rules

PTB-XL at 100 Hz, folds {folds}: {words.size} recordings without a pacemaker, those with fibrillation or flutter more frequent than in
the database. The limits were chosen on folds 1-8. Written by

    python -m benchmarks.rhythm --ptbxl PTBXL --folds {folds} --records {options.records} --seed {options.seed}

| | sensitivity | specificity |
|---|---|---|
{lines}
"""


if __name__ == "__main__":
    main()
