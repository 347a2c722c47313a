"""Score the shipped one-lead model on single leads of other sources, which it was not trained on.

    OMP_NUM_THREADS=1 python -m training.onelead.outside --hospitals FOLDER --cpsc FOLDER
                                                         --mitbih FOLDER

The first two folders are packed data sets with a load.py (500 Hz, twelve leads); each lead counts
alone, and sets of leads together. The third has crops of the MIT-BIH Arrhythmia Database as WFDB
files, read in windows of 30 s. The tables are written between their marks in docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import wfdb
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from heads.one_lead.model import (
    FIBRILLATION,
    NAMES,
    NORMAL,
    SHORTEST_S,
    WINDOW_S,
    shipped_description,
    shipped_model,
)
from signals.leads import LEADS
from signals.r_peaks import find_r_peaks
from training.datasets.packed import loader_of
from training.onelead.scores import RESAMPLES, estimate
from training.page import ACCURACY_PAGE, write_between

FS_HZ: Final = 500.0
BEGIN: Final = "<!-- one lead elsewhere: written by python -m training.onelead.outside -->\n"
END: Final = "<!-- end of one lead elsewhere -->\n"
FIBRILLATION_WORDS: Final = frozenset({"atrial fibrillation", "AF"})
FLUTTER_WORDS: Final = frozenset({"atrial flutter"})
NORMAL_WORDS: Final = frozenset({"sinus rhythm", "normal ECG", "Normal"})
SETS: Final = (
    *((lead,) for lead in LEADS),
    ("II", "V1"),
    ("V1", "V2", "V5"),
    ("V2", "V3", "V4", "V5", "V6"),
)
# MIT-BIH: rhythm annotations of fibrillation, and of rhythms that are neither it nor flutter.
FIBRILLATION_MARK: Final = "(AFIB"
FLUTTER_MARK: Final = "(AFL"

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class _Read:
    """One recording's probabilities of the classes by the leads read, and what it has."""

    by_leads: dict[tuple[str, ...], NDArray[np.float64]]
    has_fibrillation: bool
    is_normal: bool


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    hospitals = [
        *_read_all(options.hospitals, "labels", "; "),
        *_read_all(options.cpsc, "label", "+"),
    ]
    text = section(hospitals, list(_windows_of_crops(options.mitbih)))
    print(text)
    write_between(options.page, BEGIN, END, text)


def section(
    recordings: Sequence[_Read], windows: Sequence[tuple[str, bool, NDArray[np.float64]]]
) -> str:
    """Return the section of docs/accuracy.md."""
    rows = "\n".join(_row(leads, recordings) for leads in SETS)
    fibrillating = sum(each.has_fibrillation for each in recordings)
    normal = sum(each.is_normal for each in recordings)
    crops = "\n".join(_crop_row(windows))
    return f"""## One lead of other sources

The shipped model, `{shipped_description().version}`, on recordings that it was not trained on and
nothing was chosen on: {len(recordings)} of the PhysioNet/CinC Challenges 2020 and 2021 (500 Hz,
from {SHORTEST_S:g} s on, without flutter), each lead alone, and sets of leads. {fibrillating} have
fibrillation, {normal} nothing but a normal sinus rhythm. In brackets the 95 % interval over
{RESAMPLES} resamplings of the recordings. Written by

    OMP_NUM_THREADS=1 python -m training.onelead.outside \\
        --hospitals HOSPITALS --cpsc CPSC2018 --mitbih MITBIH

| leads | fibrillation: AUROC | positive: sensitivity | specificity | normal: sensitivity |
|---|---|---|---|---|
{rows}

MIT-BIH (crops of seven patients, {WINDOW_S:g} s windows of each of two leads, and of both; windows
that are partly in fibrillation, and those with flutter, are left out):

| leads | windows in fibrillation, positive | other windows, not positive |
|---|---|---|
{crops}
"""


def _row(leads: tuple[str, ...], recordings: Sequence[_Read]) -> str:
    read = [each for each in recordings if leads in each.by_leads]
    probability = np.array([each.by_leads[leads] for each in read])
    truth = np.array([each.has_fibrillation for each in read])
    normal = np.array([each.is_normal for each in read])
    fibrillation = probability[:, NAMES.index(FIBRILLATION)]
    thresholds = {label.name: label.threshold for label in shipped_description().labels}
    positive = fibrillation >= thresholds[FIBRILLATION]
    called_normal = probability[:, NAMES.index(NORMAL)] >= thresholds[NORMAL]
    area = estimate(lambda rows: _auroc(truth[rows], fibrillation[rows]), len(read))
    return (
        f"| {', '.join(leads)} | {area} | {_share_of(positive[truth])} | "
        f"{_share_of(~positive[~truth])} | {_share_of(called_normal[normal])} |"
    )


def _auroc(truth: Flags, score: NDArray[np.float64]) -> float:
    """Return the area under the ROC curve; NaN if all are of one kind."""
    return float(roc_auc_score(truth, score)) if 0 < truth.mean() < 1 else float("nan")


def _crop_row(windows: Sequence[tuple[str, bool, NDArray[np.float64]]]) -> Iterator[str]:
    threshold = shipped_description().labels[NAMES.index(FIBRILLATION)].threshold
    for leads in dict.fromkeys(leads for leads, _, _ in windows):
        truth = np.array([is_true for name, is_true, _ in windows if name == leads])
        rows = [each[NAMES.index(FIBRILLATION)] for name, _, each in windows if name == leads]
        positive = np.array(rows) >= threshold
        yield f"| {leads} | {_share_of(positive[truth])} | {_share_of(~positive[~truth])} |"


def _share_of(flags: Flags) -> str:
    """Return "hits of all", with the share and its interval."""
    share = estimate(lambda rows: float(flags[rows].mean()), flags.size)
    return f"{np.count_nonzero(flags)} of {flags.size}, {share}"


def _read_all(folder: Path, column: str, separator: str) -> Iterator[_Read]:
    model = shipped_model()
    for row, signal in loader_of(folder).records():
        words = frozenset(row[column].split(separator))
        if words & FLUTTER_WORDS or signal.shape[1] < SHORTEST_S * FS_HZ:
            continue
        by_leads = {}
        for leads in SETS:
            chosen = np.asarray(signal[[LEADS.index(lead) for lead in leads]], np.float32)
            windows = model.read(chosen, FS_HZ, find_r_peaks(chosen, FS_HZ))
            if windows:
                means = np.mean([window.probabilities for window in windows], axis=0)
                by_leads[leads] = np.asarray(means, np.float64)
        is_normal = bool(words & NORMAL_WORDS) and words <= NORMAL_WORDS
        yield _Read(by_leads, bool(words & FIBRILLATION_WORDS), is_normal)


def _windows_of_crops(folder: Path) -> Iterator[tuple[str, bool, NDArray[np.float64]]]:
    """Yield which leads are read, whether the window shows fibrillation, and its probabilities."""
    model = shipped_model()
    for header in sorted((folder / "wfdb").glob("*.hea")):
        record = wfdb.rdrecord(str(header.with_suffix("")))
        marks = _fibrillation(header.with_suffix(""), record.sig_len)
        length = round(WINDOW_S * record.fs)
        for start in range(0, record.sig_len - length + 1, length):
            share = marks[start : start + length]
            if np.isnan(share).any() or 0 < share.mean() < 1:
                continue
            signal = record.p_signal[start : start + length].T.astype(np.float32)
            for title, rows in (("first", [0]), ("second", [1]), ("both", [0, 1])):
                part = signal[rows]
                windows = model.read(part, record.fs, find_r_peaks(part, record.fs))
                if windows:
                    yield title, bool(share.all()), np.array(windows[0].probabilities)


def _fibrillation(path: Path, samples: int) -> NDArray[np.float64]:
    """Return (samples,) 1 in fibrillation, 0 in other rhythms, NaN in flutter and unknown ones."""
    annotation: Any = wfdb.rdann(str(path), "atr")
    marks = np.full(samples, np.nan)
    for sample, note in zip(annotation.sample, annotation.aux_note, strict=True):
        text = note.rstrip("\x00")
        if text.startswith("("):
            value = np.nan if text == FLUTTER_MARK else float(text == FIBRILLATION_MARK)
            marks[sample:] = value
    return marks


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.onelead.outside",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in ("--hospitals", "--cpsc"):
        parser.add_argument(name, type=Path, required=True, help="a folder with load.py")
    parser.add_argument("--mitbih", type=Path, required=True, help="a folder with wfdb/")
    parser.add_argument("--page", type=Path, default=ACCURACY_PAGE)
    return parser


if __name__ == "__main__":
    main()
