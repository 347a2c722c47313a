"""A report of a long recording with something of every kind, made from arrays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from analysis.holter.report import HolterReport, Recording, report_of
from analysis.holter.rhythm import CLASSES, Episode, Rhythm
from analysis.holter.strips import STRIP_S, Strip
from analysis.holter.waves import SEGMENT_S, Waves

FS_HZ = 125.0


def rhythm_of(hours: float) -> Rhythm:
    """Return beats at 75 /min with runs, couplets, bigeminy, a pause, and fibrillation."""
    labels = ["N"] * round(hours * 4500)
    for place, text in ((100, "VVVVV"), (200, "NVNVNVNVN"), (300, "VV"), (400, "SSSS")):
        labels[place : place + len(text)] = list(text)
    intervals = np.full(len(labels), 0.8)
    intervals[101:105] = 0.4
    intervals[500] = 3.6
    intervals[0] = np.nan
    beat_s = 0.5 + np.cumsum(np.nan_to_num(intervals))
    pause_s = float(beat_s[500])
    episodes = (
        Episode("pause", pause_s - 3.6, pause_s),
        Episode("atrial_fibrillation", 1000.0, 1400.0),
        Episode("poor_signal", 2000.0, 2100.0),
    )
    duration_s = float(beat_s[-1] + 1)
    known = np.ones(int(np.ceil(duration_s / 5)))
    known[300:310] = 0
    label = np.array([CLASSES.index(each) for each in labels], np.int8)
    return Rhythm(duration_s, beat_s, label, intervals, episodes, known)


def holter_report(
    leads: tuple[str, ...] = ("II", "V1", "V5"),
    start: str | None = "2026-05-03T22:15:40",
    hours: float = 2.0,
) -> HolterReport:
    """Return the report, with strips of a wave."""
    rhythm = rhythm_of(hours)
    waves = []
    for start_s in np.arange(0, rhythm.duration_s, float(SEGMENT_S)).tolist():
        is_in = (rhythm.beat_s >= start_s) & (rhythm.beat_s < start_s + SEGMENT_S)
        st_mv = np.linspace(-0.1, 0.1, len(leads)) + 0.02 * np.sin(start_s)
        waves.append(Waves(start_s, rhythm.beat_s[is_in], st_mv, 200, None))
    recording = Recording(rhythm.duration_s, FS_HZ, leads, start, 68.0, "female")
    report = report_of(recording, rhythm, waves)
    times = np.arange(round(STRIP_S * FS_HZ)) / FS_HZ
    signal = np.stack([np.sin(5 * times + row) for row in range(len(leads))]).astype(np.float32)
    signal[:, 500:560] = np.nan
    strips = []
    for moment in report.moments():
        start_s = moment.strip_start_s(rhythm.duration_s)
        strips.append(Strip(moment, start_s, FS_HZ, signal, ((moment.start_s, "V"),)))
    return replace(report, strips=tuple(strips))
