"""A recording's way to its report: watched, joined, measured; by one process or by several."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from analysis.holter.report import HolterReport, Recording, report_of
from analysis.holter.rhythm import CLASSES, Rhythm
from analysis.holter.strips import STRIP_S, Moment, Strip
from analysis.holter.waves import MARGIN_S, SEGMENT_S, Waves, measure_segment
from formats.hints import Hints
from formats.stretches.opening import open_long
from formats.stretches.recording import LongRecording
from station.holter.joining import join
from station.holter.passing import Found, watch_pieces
from station.holter.pieces import Piece, cut

Job = TypeVar("Job")
Result = TypeVar("Result")

# Of a strip in the report; a higher rate is not seen on paper.
MAX_STRIP_HZ: Final = 250.0


@dataclass(frozen=True)
class Source:
    """A file, and what replaces what it says. Each process opens it for itself."""

    path: Path
    hints: Hints

    def open(self) -> LongRecording:
        """Raises EcgError, OSError."""
        return open_long(self.path, self.hints)


def import_recording(source: Source, processes: int) -> HolterReport:
    """Return the report of a recording. Raises EcgError, OSError."""
    recording = source.open()
    pieces = cut(recording.duration_s)
    with _each_in(min(processes, len(pieces))) as run:
        shares = _shares(pieces, processes)
        found = run(_watch, [(source, share) for share in shares])
        rhythm = join([each for share in found for each in share], recording.duration_s)
        segments = _segments(rhythm)
        parts = run(_measure, [(source, share) for share in _shares(segments, processes)])
    waves = [each for part in parts for each in part]
    report = report_of(_recording(recording), rhythm, waves)
    strips = tuple(_strip(recording, rhythm, moment) for moment in report.moments())
    return replace(report, strips=strips)


@dataclass(frozen=True, eq=False)
class _Segment:
    """Beats of five minutes; see `measure_segment`."""

    start_s: float
    beat_s: Any
    is_normal: Any


def _segments(rhythm: Rhythm) -> list[_Segment]:
    starts = np.arange(0, rhythm.duration_s, float(SEGMENT_S))
    edges = np.searchsorted(rhythm.beat_s, [*starts, np.inf])
    normal = rhythm.is_("N")
    return [
        _Segment(start_s, rhythm.beat_s[first:stop], normal[first:stop])
        for start_s, first, stop in zip(starts.tolist(), edges[:-1], edges[1:], strict=True)
    ]


def waves_of(recording: LongRecording, rhythm: Rhythm) -> list[Waves]:
    """Return the waves of every segment, measured by this process."""
    return [_measured(recording, segment) for segment in _segments(rhythm)]


def _watch(job: tuple[Source, Sequence[Piece]]) -> list[Found]:
    source, pieces = job
    return watch_pieces(source.open(), pieces)


def _measure(job: tuple[Source, Sequence[_Segment]]) -> list[Waves]:
    source, segments = job
    recording = source.open()
    return [_measured(recording, segment) for segment in segments]


def _measured(recording: LongRecording, segment: _Segment) -> Waves:
    fs = recording.fs
    first = max(round((segment.start_s - MARGIN_S) * fs), 0)
    signal = recording.read(first, round((segment.start_s + SEGMENT_S + MARGIN_S) * fs))
    return measure_segment(
        signal, fs, first / fs, segment.start_s, segment.beat_s, segment.is_normal
    )


def _shares(items: Sequence[Job], count: int) -> list[Sequence[Job]]:
    """Return at most `count` parts, in order and about equally long."""
    edges = np.linspace(0, len(items), min(count, len(items)) + 1).round().astype(int)
    return [items[first:stop] for first, stop in pairwise(edges.tolist())]


Run = Callable[[Callable[[Any], Result], Sequence[Any]], list[Result]]


@contextmanager
def _each_in(processes: int) -> Iterator[Run[Any]]:
    """Yield what runs each job in a process of its own, or all in this one if there is one."""
    if processes == 1:
        yield lambda work, jobs: [work(job) for job in jobs]
        return
    # Not forked: this process may have threads.
    context = multiprocessing.get_context("spawn")
    pool: Executor
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield lambda work, jobs: list(pool.map(work, jobs))


def _strip(recording: LongRecording, rhythm: Rhythm, moment: Moment) -> Strip:
    start_s = moment.strip_start_s(recording.duration_s)
    first = round(start_s * recording.fs)
    signal = recording.read(first, round((start_s + STRIP_S) * recording.fs))
    step = max(1, int(recording.fs // MAX_STRIP_HZ))
    is_in = (rhythm.beat_s >= start_s) & (rhythm.beat_s < start_s + STRIP_S)
    labels = [
        (float(at_s), CLASSES[label])
        for at_s, label in zip(rhythm.beat_s[is_in], rhythm.label[is_in], strict=True)
    ]
    # The mean of the samples that are left out, so that less is folded into lower frequencies.
    whole = signal[:, : signal.shape[1] // step * step]
    mean = whole.reshape(len(signal), -1, step).mean(axis=2)
    return Strip(moment, start_s, recording.fs / step, mean, tuple(labels))


def _recording(recording: LongRecording) -> Recording:
    return Recording(
        recording.duration_s,
        recording.fs,
        recording.lead_names,
        recording.start,
        recording.patient.age_years,
        recording.patient.sex,
        recording.low_cut_hz,
        recording.warnings,
    )
