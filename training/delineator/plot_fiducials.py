"""Pictures of the recordings that are measured worst: what was found (red) and what the cardiologists drew (blue).

    python -m training.plot_fiducials --data LUDB --out FOLDER [--fold-weights FOLDER] [--count 20] [--records 109 52]

With the weights that `python -m training.delineator --keep FOLDER` left, each recording is measured by the network that
never saw it (of the same number of folds); else by what ships, which was trained on it. Each picture has the
representative beat in twelve leads, with each lead's own annotations, and a rhythm strip with the class of every beat.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import BEAT_HZ, BEFORE_S
from intervals.delineator import model_card, shipped_network
from intervals.fiducials import NAMES
from intervals.measurements import Measurements
from intervals.unet import Network, build_network
from signals.conditioned import RATE_HZ
from signals.leads import LEADS
from training.datasets.ludb import Reference, read_ludb, reference
from training.delineator.beats import BeatSource, beat_source, targets, unpaced
from training.delineator.scores import MEASURES, measured

SCORED: Final = {
    "pr_ms": 2.9,
    "qrs_ms": 5.3,
    "qt_ms": 4.5,
}  # ms: about the median error, so that the three count alike
FOUND, DRAWN = "tab:red", "tab:blue"
STRIP_LEADS: Final = ("II", "V1", "V5")
CLASS_LETTERS: Final = {"normal": "N", "ectopic": "E", "noisy": "?", "paced": "P"}


def main(arguments: list[str] | None = None) -> None:
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
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--records", nargs="*", help="these recordings, not the worst ones")
    options = parser.parse_args(arguments)
    sources = [source for source in map(beat_source, read_ludb(options.data)) if source is not None]
    networks = _networks(len(sources), options)
    found = [
        measured(source, each, model_card()) for source, each in zip(sources, networks, strict=True)
    ]
    truth = [reference(source.record) for source in sources]
    options.out.mkdir(parents=True, exist_ok=True)
    rank = np.argsort(
        [-badness(one, other) for one, other in zip(found, truth, strict=True)], kind="stable"
    )
    chosen = (
        [int(i) for i in rank if sources[i].record.name in options.records]
        if options.records
        else rank[: options.count].tolist()
    )
    for place, index in enumerate(chosen, start=1):
        path = options.out / f"{place:02d}_record_{sources[index].record.name}.png"
        plot(sources[index], found[index], truth[index], path)
        print(f"{path}: {difference(found[index], truth[index])}")


def _networks(records: int, options: argparse.Namespace) -> list[Network]:
    """Of each record, as `training.delineator` divides them into folds."""
    if options.fold_weights is None:
        return [shipped_network()] * records
    fold = np.random.default_rng(0).permutation(records) % options.folds
    kept = []
    for number in range(options.folds):
        with np.load(options.fold_weights / f"fold{number}.npz", allow_pickle=False) as file:
            kept.append(build_network({name: file[name] for name in file.files}))
    return [kept[number] for number in fold.tolist()]


def badness(found: Measurements, truth: Reference) -> float:
    """The largest error of an interval in units of the usual one; an interval that is missing, or should be, is worst."""
    worst = 0.0
    for name, usual_ms in SCORED.items():
        value, meant = getattr(found, name), getattr(truth, name)
        if np.isfinite(meant) != (value is not None):
            return float("inf")
        if value is not None:
            worst = max(worst, abs(value - meant) / usual_ms)
    return worst


def difference(found: Measurements, truth: Reference) -> str:
    said = []
    for name, field in MEASURES.items():
        value, meant = getattr(found, field), getattr(truth, name)
        shown = "none" if value is None else f"{value:.0f}"
        said.append(
            f"{name} {shown} (reference {'none' if not np.isfinite(meant) else f'{meant:.0f}'})"
        )
    return ", ".join(said)


def plot(source: BeatSource, found: Measurements, truth: Reference, path: Path) -> None:
    """One PNG: twelve leads of the representative beat above, the rhythm strip below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(20, 15), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(5, 4, height_ratios=[1, 1, 1, 0.6, 0.6])
    figure.suptitle(
        f"LUDB {source.record.name}: {difference(found, truth)}\nP present {found.p_present or 0:.2f}; {'; '.join(found.warnings)}"
    )
    for lead in range(len(LEADS)):
        _beat_panel(figure.add_subplot(grid[lead % 3, lead // 3]), source, found, lead)
    _strip(figure.add_subplot(grid[3:, :]), source, found)
    figure.savefig(path, dpi=75)


def _beat_panel(axes: Any, source: BeatSource, found: Measurements, lead: int) -> None:
    if found.representative is None:
        return
    at_ms = (np.arange(found.representative.data.shape[1]) / BEAT_HZ - BEFORE_S) * 1000.0
    axes.plot(at_ms, found.representative.data[lead], color="black", linewidth=1)
    low, high = axes.get_ylim()
    for name in NAMES:
        place = found.representative.fiducials[name]
        if place is not None:
            axes.axvline((place - BEFORE_S) * 1000.0, color=FOUND, linewidth=1)
    drawn = source.marks[source.normal] if source.normal.any() else source.marks
    own, overall, _ = targets(drawn)
    for time in _ms(overall):
        axes.axvline(time, color=DRAWN, linewidth=1, linestyle="--")
    own_ms = _ms(own[[0, 1, 2, 3, 5], lead])
    axes.plot(own_ms, np.full(own_ms.size, low), "^", color=DRAWN, markersize=6)
    axes.set_ylim(low, high)
    axes.set_title(LEADS[lead], loc="left", fontsize=10)
    axes.grid(alpha=0.3)


def _strip(axes: Any, source: BeatSource, found: Measurements) -> None:
    ready, _ = unpaced(source.record)
    at_s = np.arange(ready.signal.shape[1]) / RATE_HZ
    for row, lead in enumerate(STRIP_LEADS):
        wave = ready.signal[LEADS.index(lead)]
        axes.plot(
            at_s,
            wave / max(float(np.abs(wave).max()), 1e-12) - 1.6 * row,
            color="black",
            linewidth=0.8,
        )
        axes.text(0.0, 0.5 - 1.6 * row, lead)
    for beat in found.fiducials:
        axes.text(beat.r, 1.1, CLASS_LETTERS[beat.beat_class], ha="center")
        for name in NAMES:
            place = getattr(beat, name)
            if place is not None:
                axes.axvline(place, color=FOUND, linewidth=0.6, alpha=0.7)
    for peak in source.record.peaks:
        axes.plot(peak, -4.1, "^", color=DRAWN)
    axes.set_xlim(0.0, float(at_s[-1]))
    axes.set_yticks([])


def _ms(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Samples of the beat -> ms from its centre; what is NaN is left out."""
    there = samples[np.isfinite(samples)]
    return np.asarray((there / BEAT_HZ - BEFORE_S) * 1000.0, np.float64)


if __name__ == "__main__":
    main()
