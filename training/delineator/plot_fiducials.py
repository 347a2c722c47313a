"""Plot the recordings with the largest errors: measured boundaries in red, annotations in blue.

    python -m training.delineator.plot_fiducials --data LUDB --out FOLDER
        [--fold-weights FOLDER] [--count 20] [--records 109 52]

With the weights that `python -m training.delineator --keep FOLDER` wrote, each recording is
measured by the network that was not trained on it (with the same number of folds); else by the one
that ships, which was. Each picture has the representative beat in twelve leads with each lead's own
annotations, and a rhythm strip with the class of every beat.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import BEAT_HZ, BEFORE_S
from intervals.calibration import shipped_calibration
from intervals.delineator import shipped_network
from intervals.fiducials import NAMES
from intervals.measurements import Measurements
from intervals.unet import Network, build_network
from signals.conditioned import RATE_HZ
from signals.leads import LEADS
from training.datasets.ludb import Reference, reference
from training.delineator.beats import TIMES, BeatSource, condition_unpaced, join_marks
from training.delineator.report import fold_numbers
from training.delineator.scores import MEASURES, measure_source
from training.delineator.train import read_sources

# About the median error in ms: each interval's error in these units, so that the three count alike.
USUAL_ERROR_MS: Final = {"pr_ms": 2.9, "qrs_ms": 5.3, "qt_ms": 4.5}
MEASURED_COLOUR, ANNOTATED_COLOUR = "tab:red", "tab:blue"
STRIP_LEADS: Final = ("II", "V1", "V5")
STRIP_SPACING: Final = 1.6  # between the leads of the strip, each scaled to a height of 1
CLASS_LETTERS: Final = {"normal": "N", "ectopic": "E", "noisy": "?", "paced": "P"}


def main(arguments: list[str] | None = None) -> None:
    """Plot the recordings that the command line chooses."""
    options = _parser().parse_args(arguments)
    sources = read_sources(options.data)
    networks = _networks(len(sources), options)
    measured = []
    for source, network in zip(sources, networks, strict=True):
        measured.append(measure_source(source, network, shipped_calibration(len(LEADS))))
    references = [reference(source.record) for source in sources]

    options.out.mkdir(parents=True, exist_ok=True)
    chosen = _chosen(sources, measured, references, options)
    for rank, index in enumerate(chosen, start=1):
        path = options.out / f"{rank:02d}_record_{sources[index].record.name}.png"
        plot(sources[index], measured[index], references[index], path)
        print(f"{path}: {_describe_errors(measured[index], references[index])}")


def _relative_error(measurements: Measurements, reference: Reference) -> float:
    """Return the largest error of an interval over its usual error.

    Infinite where an interval is missing, or given without a reference.
    """
    largest = 0.0
    for name, usual_ms in USUAL_ERROR_MS.items():
        measured_ms = getattr(measurements, name)
        reference_ms = getattr(reference, name)
        if np.isfinite(reference_ms) != (measured_ms is not None):
            return float("inf")
        if measured_ms is not None:
            largest = max(largest, abs(measured_ms - reference_ms) / usual_ms)
    return largest


def _describe_errors(measurements: Measurements, reference: Reference) -> str:
    """Return each measure with its reference, as a title."""
    described = []
    for name, field in MEASURES.items():
        measured = getattr(measurements, field)
        expected = getattr(reference, name)
        measured_text = "none" if measured is None else f"{measured:.0f}"
        reference_text = f"{expected:.0f}" if np.isfinite(expected) else "none"
        described.append(f"{name} {measured_text} (reference {reference_text})")
    return ", ".join(described)


def plot(source: BeatSource, measured: Measurements, reference: Reference, path: Path) -> None:
    """Write one PNG: twelve leads of the representative beat above, the rhythm strip below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(20, 15), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(5, 4, height_ratios=[1, 1, 1, 0.6, 0.6])
    figure.suptitle(
        f"LUDB {source.record.name}: {_describe_errors(measured, reference)}\n"
        f"P present {measured.p_present or 0:.2f}; {'; '.join(measured.warnings)}"
    )
    for lead in range(len(LEADS)):
        panel = figure.add_subplot(grid[lead % 3, lead // 3])
        _plot_beat(panel, source, measured, lead)
    _plot_strip(figure.add_subplot(grid[3:, :]), source, measured)
    figure.savefig(path, dpi=75)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="LUDB: a folder with ludb.csv and data/"
    )
    parser.add_argument("--out", type=Path, required=True, help="a folder for the pictures")
    parser.add_argument(
        "--fold-weights", type=Path, help="fold0.npz, fold1.npz, ... as the training keeps them"
    )
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--count", type=int, default=20, help="how many pictures")
    parser.add_argument("--records", nargs="*", help="these recordings, not those measured worst")
    return parser


def _networks(records: int, options: argparse.Namespace) -> list[Network]:
    """Return the network that measures each record, by the folds of `training.delineator`."""
    if options.fold_weights is None:
        return [shipped_network()] * records
    networks = []
    for number in range(options.folds):
        with np.load(options.fold_weights / f"fold{number}.npz", allow_pickle=False) as file:
            weights = {name: file[name] for name in file.files}
        networks.append(build_network(weights))
    return [networks[number] for number in fold_numbers(records, options.folds).tolist()]


def _chosen(
    sources: list[BeatSource],
    measured: list[Measurements],
    references: list[Reference],
    options: argparse.Namespace,
) -> list[int]:
    """Return the indices of the recordings to plot, by falling error."""
    pairs = zip(measured, references, strict=True)
    errors = [_relative_error(measurements, expected) for measurements, expected in pairs]
    by_error: list[int] = np.argsort(-np.array(errors), kind="stable").tolist()
    if not options.records:
        return by_error[: options.count]
    return [index for index in by_error if sources[index].record.name in options.records]


def _plot_beat(axes: Any, source: BeatSource, measured: Measurements, lead: int) -> None:
    """Plot one lead of the representative beat with measured and annotated boundaries."""
    beat = measured.representative
    if beat is None:
        return
    wave = beat.data[lead]
    at_ms = (np.arange(wave.size) / BEAT_HZ - BEFORE_S) * 1000.0
    axes.plot(at_ms, wave, color="black", linewidth=1)
    low, high = axes.get_ylim()
    for name in NAMES:
        time_s = beat.fiducials[name]
        if time_s is not None:
            axes.axvline((time_s - BEFORE_S) * 1000.0, color=MEASURED_COLOUR, linewidth=1)

    marks = source.marks[source.normal] if source.normal.any() else source.marks
    lead_marks, global_times, _ = join_marks(marks)
    for time_ms in _finite_ms(global_times):
        axes.axvline(time_ms, color=ANNOTATED_COLOUR, linewidth=1, linestyle="--")
    lead_ms = _finite_ms(lead_marks[list(TIMES), lead])
    axes.plot(lead_ms, np.full(lead_ms.size, low), "^", color=ANNOTATED_COLOUR, markersize=6)
    axes.set_ylim(low, high)
    axes.set_title(LEADS[lead], loc="left", fontsize=10)
    axes.grid(alpha=0.3)


def _plot_strip(axes: Any, source: BeatSource, measured: Measurements) -> None:
    """Plot three leads of the whole recording with the class and boundaries of each beat."""
    ready = condition_unpaced(source.record).ready
    at_s = np.arange(ready.signal.shape[1]) / RATE_HZ
    for row, lead in enumerate(STRIP_LEADS):
        wave = ready.signal[LEADS.index(lead)]
        height = max(float(np.abs(wave).max()), 1e-12)
        axes.plot(at_s, wave / height - STRIP_SPACING * row, color="black", linewidth=0.8)
        axes.text(0.0, 0.5 - STRIP_SPACING * row, lead)
    for beat in measured.fiducials:
        axes.text(beat.r, 1.1, CLASS_LETTERS[beat.beat_class], ha="center")
        for name in NAMES:
            time_s = getattr(beat, name)
            if time_s is not None:
                axes.axvline(time_s, color=MEASURED_COLOUR, linewidth=0.6, alpha=0.7)
    for peak_s in source.record.peaks:
        axes.plot(peak_s, -4.1, "^", color=ANNOTATED_COLOUR)
    axes.set_xlim(0.0, float(at_s[-1]))
    axes.set_yticks([])


def _finite_ms(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return samples of the beat in ms from its centre, NaN left out."""
    finite = samples[np.isfinite(samples)]
    return np.asarray((finite / BEAT_HZ - BEFORE_S) * 1000.0, np.float64)


if __name__ == "__main__":
    main()
