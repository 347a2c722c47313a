"""The report of half hours against their annotations, and in pieces against a single pass.

python -m benchmarks.station.holter_accuracy --data FOLDER

FOLDER has records of MIT-BIH with their annotations (`.hea`, `.dat`, `.atr`). The first table has
beats and episodes of all records together, by the annotations and by the report; beats of 207 in
ventricular flutter, which have no annotation, are left out. The second one compares pieces of five
minutes, which give six times as many seams as those of a Holter, with a single pass.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import wfdb
from numpy.typing import NDArray

from analysis.holter.ectopy import ventricular
from analysis.holter.fibrillation import fibrillation_of
from analysis.holter.rates import rates_of
from analysis.holter.rhythm import CLASSES, Episode, Rhythm
from analysis.holter.variability import variability_of
from benchmarks.machine import machine
from formats.hints import Hints
from formats.stretches.opening import open_long
from formats.stretches.recording import LongRecording
from station.holter.joining import join
from station.holter.passing import watch_pieces
from station.holter.pieces import cut
from station.holter.work import waves_of

# ANSI/AAMI EC57's classes of the annotations' symbols.
CLASS_OF: Final = {
    **dict.fromkeys("NLRej", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VE", "V"),
    "F": "F",
    **dict.fromkeys("/fQ", "Q"),
}
Pair = tuple[float, float]
NEAR_S: Final = 0.15
PIECE_S: Final = 300
FIBRILLATION: Final = "(AFIB"
FLUTTER: Final = "(VFL"
WHOLE_S: Final = 100_000


def rhythm_by_hand(path: Path, duration_s: float) -> tuple[Rhythm, list[tuple[float, float]]]:
    """Return the annotated rhythm, and the times of ventricular flutter."""
    notes = wfdb.rdann(str(path.with_suffix("")), "atr")
    fs = float(notes.fs)
    beats = [
        (sample / fs, CLASSES.index(CLASS_OF[symbol]))
        for sample, symbol in zip(notes.sample, notes.symbol, strict=True)
        if symbol in CLASS_OF
    ]
    changes = [
        (sample / fs, text.strip("\0"))
        for sample, symbol, text in zip(notes.sample, notes.symbol, notes.aux_note, strict=True)
        if symbol == "+"
    ]
    ends = [*(at_s for at_s, _ in changes[1:]), duration_s]
    spans = [(name, start, end) for (start, name), end in zip(changes, ends, strict=True)]
    episodes = [
        Episode("atrial_fibrillation", start, end)
        for name, start, end in spans
        if name == FIBRILLATION
    ]
    beat_s = np.array([at_s for at_s, _ in beats])
    intervals = np.diff(beat_s, prepend=np.nan)
    flutter = [(start, end) for name, start, end in spans if name == FLUTTER]
    for start, end in flutter:
        intervals[(beat_s > start) & (beat_s < end + 2)] = np.nan
    label = np.array([label for _, label in beats], np.int8)
    pauses = [
        Episode("pause", at_s - interval_s, at_s)
        for at_s, interval_s in zip(beat_s.tolist(), intervals.tolist(), strict=True)
        if interval_s >= 3
    ]
    known = np.ones(int(np.ceil(duration_s / 5)))
    rhythm = Rhythm(duration_s, beat_s, label, intervals, (*episodes, *pauses), known)
    return rhythm, flutter


def watched(recording: LongRecording, piece_s: int) -> Rhythm:
    pieces = cut(recording.duration_s, piece_s)
    return join(watch_pieces(recording, pieces), recording.duration_s)


def counts_of(rhythm: Rhythm, flutter: Sequence[tuple[float, float]]) -> Counter[str]:
    """Return what the report counts, without the times of flutter."""
    is_in = np.ones(rhythm.beat_s.size, np.bool_)
    for start, end in flutter:
        is_in &= (rhythm.beat_s < start) | (rhythm.beat_s > end)
    found = Counter({"beats": int(is_in.sum())})
    for place, label in enumerate(CLASSES):
        found[f"class {label}"] = int((rhythm.label[is_in] == place).sum())
    ectopy = ventricular(rhythm)
    found["ventricular couplets"] = len(ectopy.couplets)
    found["ventricular runs"] = len(ectopy.runs)
    found["beats of the runs"] = sum(run.beats for run in ectopy.runs)
    found["times of bigeminy"] = len(ectopy.bigeminy)
    found["pauses"] = len(rates_of(rhythm).pauses)
    fibrillation = fibrillation_of(rhythm, rhythm.duration_s)
    found["atrial fibrillation, s"] = round(fibrillation.total_s)
    return found


def differences(one: Rhythm, pieces: Rhythm) -> Counter[str]:
    """Return how the rhythm of pieces differs from that of one pass."""
    nearest = _distance(one.beat_s, pieces.beat_s)
    lost = nearest > NEAR_S
    added = _distance(pieces.beat_s, one.beat_s) > NEAR_S
    places = np.abs(pieces.beat_s[None, :] - one.beat_s[~lost][:, None]).argmin(axis=1)
    other = pieces.label[places] != one.label[~lost]
    fibrillation = [fibrillation_of(each, each.duration_s).total_s for each in (one, pieces)]
    return Counter(
        {
            "beats": int(one.beat_s.size),
            "lost": int(lost.sum()),
            "added": int(added.sum()),
            "another class": int(other.sum()),
            "atrial fibrillation by one pass, s": round(fibrillation[0]),
            "by pieces, s": round(fibrillation[1]),
        }
    )


def variability_pairs(annotated: Rhythm, found: Rhythm, recording: LongRecording) -> list[Pair]:
    """Return how SDNN and RMSSD differ in the segments that both can measure, as shares."""
    peak_s = np.concatenate([each.peak_s for each in waves_of(recording, found)])
    pairs = []
    by_hand = variability_of(annotated, annotated.beat_s).segments
    for one, other in zip(by_hand, variability_of(found, peak_s).segments, strict=True):
        if one.sdnn_ms and one.rmssd_ms and other.sdnn_ms and other.rmssd_ms:
            pairs.append((other.sdnn_ms / one.sdnn_ms - 1, other.rmssd_ms / one.rmssd_ms - 1))
    return pairs


def _distance(times_s: NDArray[np.float64], others_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (times,) the time to the nearest of the others."""
    after = np.searchsorted(others_s, times_s).clip(1, others_s.size - 1)
    nearest: NDArray[np.float64] = np.minimum(
        np.abs(others_s[after] - times_s), np.abs(others_s[after - 1] - times_s)
    )
    return nearest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    by_hand: Counter[str] = Counter()
    by_report: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    pairs: list[Pair] = []
    headers = sorted(options.data.glob("*.hea"))
    if not headers:
        parser.error(f"--data: {options.data} has no .hea files")
    for path in headers:
        recording = open_long(path, Hints())
        annotated, flutter = rhythm_by_hand(path, recording.duration_s)
        one = watched(recording, WHOLE_S)
        by_hand += counts_of(annotated, flutter)
        by_report += counts_of(one, flutter)
        pairs += variability_pairs(annotated, one, recording)
        changed += differences(one, watched(recording, PIECE_S))
    print(machine("numpy"))
    print(f"{len(headers)} records")
    print("| | annotated | reported |")
    print("|---|---|---|")
    for name, count in by_hand.items():
        print(f"| {name} | {count} | {by_report[name]} |")
    sizes = 100 * np.abs(np.array(pairs))
    for place, name in enumerate(("SDNN", "RMSSD")):
        middle, most = np.percentile(sizes[:, place], (50, 90))
        print(
            f"\n{name} of {len(pairs)} segments differs by {middle:.1f} % in half of them, by at "
            f"most {most:.1f} % in nine of ten"
        )
    print(f"\nPieces of {PIECE_S} s and one pass:")
    print(", ".join(f"{name} {changed[name]}" for name in (*changed, "lost", "added")))


if __name__ == "__main__":
    main()
