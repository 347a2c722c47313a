"""Couplets, runs and alternating beats are counted from the classes in a row."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.holter.ectopy import supraventricular, ventricular
from analysis.holter.rhythm import CLASSES, Episode, Rhythm


def rhythm_of(labels: str, *episodes: Episode, interval_s: float = 0.5) -> Rhythm:
    """Return a rhythm of beats in even intervals; a space is a loss of signal."""
    beats: list[int] = []
    intervals: list[float] = []
    is_lost = True
    for label in labels:
        if label == " ":
            is_lost = True
            continue
        beats.append(CLASSES.index(label))
        intervals.append(np.nan if is_lost else interval_s)
        is_lost = False
    beat_s = 1.0 + interval_s * np.arange(len(beats))
    known = np.ones(int(np.ceil((beat_s[-1] + 1) / 5)))
    return Rhythm(
        float(beat_s[-1] + 1),
        beat_s,
        np.array(beats, np.int8),
        np.array(intervals),
        episodes,
        known,
    )


@pytest.mark.parametrize(
    ("labels", "isolated", "couplets", "runs"),
    [
        ("NNNVNNN", 1, 0, []),
        ("NVVN", 0, 1, []),
        ("NVVVN", 0, 0, [3]),
        ("VVVVVV", 0, 0, [6]),
        ("NV VN", 2, 0, []),
        ("NVVNVVVVNVN", 1, 1, [4]),
        ("NSSSN", 0, 0, []),
        ("NVFVN", 2, 0, []),
    ],
)
def test_rows_of_ventricular_beats(
    labels: str, isolated: int, couplets: int, runs: list[int]
) -> None:
    ectopy = ventricular(rhythm_of(labels))
    assert (ectopy.isolated, len(ectopy.couplets)) == (isolated, couplets)
    assert [run.beats for run in ectopy.runs] == runs
    assert ectopy.beats == labels.count("V")


def test_the_rate_of_a_run_is_that_of_its_intervals() -> None:
    (run,) = ventricular(rhythm_of("NNVVVVN", interval_s=0.4)).runs
    assert run.rate_per_min == pytest.approx(150)
    assert (run.start_s, run.end_s) == pytest.approx((1.8, 3.0))


def test_the_longest_and_the_fastest_run_may_differ() -> None:
    slow, fast = rhythm_of("NVVVVVN", interval_s=0.6), rhythm_of("NVVVN", interval_s=0.3)
    joined = Rhythm(
        20.0,
        np.concatenate([slow.beat_s, fast.beat_s + 10]),
        np.concatenate([slow.label, fast.label]),
        np.concatenate([slow.interval_s, fast.interval_s]),
        (),
        np.ones(4),
    )
    ectopy = ventricular(joined)
    assert ectopy.longest_run is not None and ectopy.longest_run.beats == 5
    assert ectopy.fastest_run is not None and ectopy.fastest_run.beats == 3


@pytest.mark.parametrize(
    ("labels", "bigeminy", "trigeminy"),
    [
        ("NVNVNVN", [3], []),
        ("NVNVN", [], []),
        ("NNVNNVNNVNN", [], [3]),
        ("NVNV NVNV", [], []),
        ("VNVNVNVNNNVNVNV", [4, 3], []),
        ("NVNVNVNNVNNVNNV", [3], [4]),
        ("VVVVVV", [], []),
        ("NVVVNVNVVN", [], []),
        ("NVVNVNVNVNVVN", [3], []),
    ],
)
def test_alternating_beats(labels: str, bigeminy: list[int], trigeminy: list[int]) -> None:
    ectopy = ventricular(rhythm_of(labels))
    assert [pattern.beats for pattern in ectopy.bigeminy] == bigeminy
    assert [pattern.beats for pattern in ectopy.trigeminy] == trigeminy


def test_in_fibrillation_no_beat_is_supraventricular_ectopic() -> None:
    labels = "NSN" * 10
    assert supraventricular(rhythm_of(labels)).beats == 10
    fibrillation = Episode("atrial_fibrillation", 0.0, 8.4)
    assert supraventricular(rhythm_of(labels, fibrillation)).beats == 5
