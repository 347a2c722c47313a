"""CPU time of two checkouts of this repository on the same recordings, in turn in one run.

    python -m benchmarks.measure.trees --before TREE --data LUDB [--ptbxl FOLDER] [--records 40]
        [--rounds 9] [--include measurements,quality] [--include-before measurements,quality]

Each tree runs in a process of its own, on one thread, with freed memory kept, as a signal worker
does; both calls are `analysis.prepare.prepare` itself, without an encoder. In every round, both
trees measure a recording one after the other, so that whatever slows the machine slows both. A
recording's figure is the ratio of its median CPU times over the rounds; printed are the median and
the range of these ratios, and each tree's median time.

The recordings are LUDB's and, if given, PTB-XL's in a folder of WFDB files: 12 leads at 500 Hz.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from analysis.deployment import Deployment
from analysis.options import AnalyzeOptions
from analysis.prepare import prepare
from encoder.devices import SIGNAL_KEPT_BYTES, keep_freed_memory
from signals.leads import LEADS
from signals.record import EcgRecord

TREE: Final = Path(__file__).parents[2]
FS_HZ: Final = 500.0
MAX_SECONDS: Final = 60.0
WITHOUT_FINDINGS: Final = "clinical_analysis,measurements,pacemaker,quality"
DEFAULT: Final = f"{WITHOUT_FINDINGS},findings"
MEASURE: Final = "--measure"  # this module as the process of one tree


def main(arguments: list[str] | None = None) -> None:
    """Compare the trees and print the ratio; or, with MEASURE, be the process of one tree."""
    options = _parser().parse_args(arguments)
    if options.measure is not None:
        _measure_on_demand(options.measure, frozenset(options.include.split(",")))
        return
    recordings = _recordings(options)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recordings.npy"
        np.save(path, recordings)
        before = _Tree(options.before, path, options.include_before)
        after = _Tree(TREE, path, options.include)
        times_ms = np.array(
            [
                [_one_round(before, after, index, turn) for index in range(len(recordings))]
                for turn in range(options.rounds + 1)
            ]
        )
        before.stop()
        after.stop()
    # The first round reads weights and maps pages.
    print(report(times_ms[1:]))


def report(times_ms: NDArray[np.float64]) -> str:
    """Return the figures of (rounds, recordings, before and after) CPU times."""
    medians = np.median(times_ms, axis=0)
    ratios = medians[:, 1] / medians[:, 0]
    rounds = np.median(times_ms[:, :, 1], axis=1) / np.median(times_ms[:, :, 0], axis=1)
    before_ms, after_ms = np.median(medians, axis=0)
    return (
        f"{len(ratios)} recordings, {len(rounds)} rounds: {before_ms:.2f} ms before, "
        f"{after_ms:.2f} ms after; ratio of each recording: median {np.median(ratios):.3f}, "
        f"10 % to 90 % {np.percentile(ratios, 10):.3f} to {np.percentile(ratios, 90):.3f}; "
        f"of each round: {rounds.min():.3f} to {rounds.max():.3f}"
    )


def _one_round(before: _Tree, after: _Tree, index: int, turn: int) -> tuple[float, float]:
    """Return the CPU times of both trees on a recording; the first to measure alternates."""
    if turn % 2:
        after_ms = after.measure(index)
        return before.measure(index), after_ms
    return before.measure(index), after.measure(index)


class _Tree:
    """A process that measures with the modules of one tree."""

    def __init__(self, tree: Path, recordings: Path, include: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(tree.resolve()), "OMP_NUM_THREADS": "1"}
        # By its path: a tree from before this module measures too.
        command = [sys.executable, "-P", __file__, MEASURE, str(recordings), "--include", include]
        self._process = subprocess.Popen(
            command, cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def measure(self, index: int) -> float:
        """Return the CPU time in ms of this tree on one recording."""
        assert self._process.stdin is not None and self._process.stdout is not None, (
            "both are pipes"
        )
        print(index, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def stop(self) -> None:
        self._process.communicate()


def _measure_on_demand(path: Path, include: frozenset[str]) -> None:
    """Print the CPU time of each recording whose number is read, until there are no more."""
    records = [EcgRecord(signal, FS_HZ, LEADS) for signal in np.load(path)]
    options = AnalyzeOptions(include=include)
    no_encoder = Deployment("none", "none", "not needed here", {})
    keep_freed_memory(SIGNAL_KEPT_BYTES)
    with threadpool_limits(1):
        for line in sys.stdin:
            record = records[int(line)]
            began = time.process_time()
            prepare(record, options, no_encoder, max_seconds=MAX_SECONDS)
            print((time.process_time() - began) * 1000.0, flush=True)


def _recordings(options: argparse.Namespace) -> NDArray[np.float32]:
    """Return (recordings, 12, samples) in mV."""
    import wfdb

    from training.datasets.ludb import read_ludb

    signals = [ludb.signal for ludb in read_ludb(options.data)[: options.records]]
    if options.ptbxl is not None:
        for header in sorted(options.ptbxl.glob("*.hea"))[: options.records]:
            signals.append(wfdb.rdrecord(str(header.with_suffix(""))).p_signal.T)
    return np.stack(signals).astype(np.float32)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", type=Path, help="a checkout of the commit to compare with")
    parser.add_argument("--data", type=Path, help="LUDB: a folder with ludb.csv and data/")
    parser.add_argument("--ptbxl", type=Path, help="a folder of WFDB files at 500 Hz")
    parser.add_argument("--records", type=int, default=40, help="of each data set")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--include", default=DEFAULT, help="parts, by commas")
    parser.add_argument("--include-before", default=WITHOUT_FINDINGS, help="of the other tree")
    parser.add_argument(MEASURE, type=Path, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
