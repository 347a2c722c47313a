"""Count the blocks between atria and ventricles that the rules name, in whole data sets.

    OMP_NUM_THREADS=1 python -m benchmarks.rhythm.blocks --ptbxl FOLDER --ludb FOLDER
        [--packed FOLDER ...]

PTB-XL is read at 100 Hz and without paced recordings; packed data sets have a load.py, twelve leads
and 500 Hz. No encoder takes part. The table is written between its marks in docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.rhythm.ptbxl import HIGHER_BLOCK, PACED, SECOND_DEGREE, THIRD_DEGREE
from intervals.atrial.blocks import KINDS
from intervals.measure import measure_conditioned
from signals.conditioned import condition
from signals.r_peaks import r_peaks_of
from training.datasets.ludb import read_ludb
from training.datasets.packed import loader_of
from training.datasets.ptbxl import MICROVOLTS_PER_MV, RATE_HZ, read_signals, read_table
from training.page import ACCURACY_PAGE, write_between

PACKED_HZ: Final = 500.0
BEGIN: Final = "<!-- rhythm blocks: written by python -m benchmarks.rhythm.blocks -->\n"
END: Final = "<!-- end of rhythm blocks -->\n"
HEADINGS: Final = {
    "complete": "third degree",
    "dissociated": "dissociated tachycardia",
    "fixed": "2:1, 3:1, ...",
    "type_1": "type I",
    "type_2": "type II",
}


def main(arguments: list[str] | None = None) -> None:
    """Measure the recordings, print the table and write it to the page."""
    options = _parser().parse_args(arguments)
    rows = [*_ptbxl_rows(options.ptbxl), _row("LUDB", _kinds(_ludb(options.ludb)))]
    rows += [_row(folder.name, _kinds(_packed(folder))) for folder in options.packed]
    text = section(rows)
    print(text)
    write_between(options.page, BEGIN, END, text)


def section(rows: list[str]) -> str:
    """Return the section of docs/accuracy.md."""
    table = "\n".join(rows)
    headings = " | ".join(HEADINGS[kind] for kind in KINDS)
    return f"""### Blocks by the rules alone

Written by

    python -m benchmarks.rhythm.blocks --ptbxl PTBXL --ludb LUDB --packed HOSPITALS CPSC2018 BRUGADA

| recordings | | {headings} |
|---|---|{"---|" * len(KINDS)}
{table}

By eye, six of the seven that were named in PTB-XL without such a statement when the rules were
made show the block, and so does LUDB's one, whose diagnosis it is. Of those with 2AVB, six beat
faster than 100 per minute and one is flutter: no block is named there. Of those with 3AVB, two
are fibrillation.
"""


def _ptbxl_rows(folder: Path) -> Iterator[str]:
    table = read_table(folder)
    signals = read_signals(table)
    usable = ~table.with_any_statement(frozenset({PACED}))
    has_second = table.with_any_statement(SECOND_DEGREE)
    has_third = table.with_any_statement(THIRD_DEGREE)
    has_none = ~table.with_any_statement(HIGHER_BLOCK)
    groups = {"2AVB": has_second, "3AVB": has_third, "neither": has_none}
    for name, is_member in groups.items():
        of_group = np.flatnonzero(usable & is_member).tolist()
        recordings = ((signals[index] / MICROVOLTS_PER_MV, RATE_HZ) for index in of_group)
        yield _row(f"PTB-XL, {name}", _kinds(recordings))


def _ludb(folder: Path) -> Iterator[tuple[NDArray[np.floating], float]]:
    for record in read_ludb(folder):
        yield record.signal, record.fs


def _packed(folder: Path) -> Iterator[tuple[NDArray[np.floating], float]]:
    for row, signal in loader_of(folder).records():
        yield signal, float(row.get("fs") or PACKED_HZ)


def _kinds(recordings: Iterable[tuple[NDArray[np.floating], float]]) -> list[str]:
    """Return the kind of block of each recording, (12, samples) mV; "" without one."""
    kinds: list[str] = []
    for signal, fs in recordings:
        ready = condition(np.asarray(signal, np.float64), fs)
        block = measure_conditioned(ready, r_peaks_of(ready)).av_conduction
        kinds.append("" if block is None else block.kind)
    return kinds


def _row(name: str, kinds: list[str]) -> str:
    counts = Counter(kinds)
    cells = " | ".join(str(counts[kind]) for kind in KINDS)
    return f"| {name} | {len(kinds)} | {cells} |"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--ptbxl", type=Path, required=True, help="PTB-XL as downloaded, or packed with a load.py"
    )
    parser.add_argument("--ludb", type=Path, required=True, help="LUDB as downloaded")
    parser.add_argument("--packed", type=Path, nargs="*", default=[], help="folders with a load.py")
    parser.add_argument(
        "--page", type=Path, default=ACCURACY_PAGE, help="the document whose section is written"
    )
    return parser


if __name__ == "__main__":
    main()
