"""Train the models of beats, score them on patients that they were not fitted to, write their card.

    OMP_NUM_THREADS=1 python -m training.beats --data FOLDER [--part single | streams] [--seed 0]

FOLDER holds the packed data sets mitbih_ds1, svdb and cinc2017. The models that ship are fitted to
all of their recordings. The same seed gives the same models.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from heads.beats import single
from heads.beats.classes import WEIGHTS as CLASSES_FILE
from heads.beats.detector import WEIGHTS as DETECTOR_FILE
from training.beats import train_streams
from training.beats.card import (
    CARD_FILE,
    MARKS,
    SingleMade,
    StreamsMade,
    single_section,
    streams_section,
)
from training.beats.detector import judge_all_by
from training.beats.folds import folds_of
from training.beats.recordings import Recording, read_recordings
from training.beats.rhythms import usual_beats
from training.beats.single import (
    beat_us,
    cut_single_beats,
    fit_single,
    folds_at_random,
    folds_by_patient,
    tables_by_lead,
    validate_single,
)
from training.beats.train_streams import (
    cross_validate,
    false_beats_a_minute,
    find_beats,
    fit_all,
    fit_detectors,
    layouts,
    validate_mixed,
)
from training.page import write_between


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    recordings = list(read_recordings(options.data))
    for part in options.part or PARTS:
        text = PARTS[part](recordings, options.data, options.out, options.seed)
        write_between(options.card, *MARKS[part], text)
        print(text, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.beats",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--part", action="append", choices=PARTS, help="repeatable; default: all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=single.WEIGHTS.parent, help="for the models")
    parser.add_argument("--card", type=Path, default=CARD_FILE)
    return parser


def _train_single(recordings: Sequence[Recording], data: Path, out: Path, seed: int) -> str:
    """Write the model of single beats. Returns its section of the card."""
    began = time.process_time()
    beats = cut_single_beats(recordings)
    apart, mixed = (
        tables_by_lead(beats, validate_single(beats, folds(beats.patient, seed), seed))
        for folds in (folds_by_patient, folds_at_random)
    )
    model = fit_single(beats, np.arange(beats.label.size), seed)
    sha256 = _write(out / single.WEIGHTS.name, model.to_arrays())
    made = SingleMade(
        sha256=sha256,
        beats=beats.label.size,
        patients=len(recordings),
        seed=seed,
        cpu_s=time.process_time() - began,
        beat_us=beat_us(model, beats),
    )
    return single_section(made, apart, mixed)


def _train_streams(recordings: Sequence[Recording], data: Path, out: Path, seed: int) -> str:
    """Write the detector and the classes of streams. Returns their section of the card."""
    began = time.process_time()
    both, alone = layouts(recordings)
    fold = folds_of(len(recordings), train_streams.FOLDS, seed)
    *detectors, detector = fit_detectors((both, alone), fold, seed)
    two, one = (find_beats(each, detectors, fold) for each in (both, alone))
    usual = usual_beats(data, judge_all_by(detector), len(recordings))
    apart = cross_validate(two, one, usual, fold, seed)
    mixed = validate_mixed(two, usual, apart.weights, seed)
    model = fit_all(two, one, usual, apart.weights, seed)
    made = StreamsMade(
        detector_sha256=_write(out / DETECTOR_FILE.name, detector.to_arrays()),
        classes_sha256=_write(out / CLASSES_FILE.name, model.to_arrays()),
        beats=two.found.row.size,
        usual_beats=usual.label.size,
        seed=seed,
        cpu_s=time.process_time() - began,
        false_a_minute=[false_beats_a_minute(detector, leads, seed + 1) for leads in (1, 2)],
    )
    names = [each.name for each in recordings]
    return streams_section(made, names, apart, mixed)


def _write(path: Path, arrays: dict[str, Any]) -> str:
    """Write arrays. Returns the file's SHA-256."""
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return hashlib.sha256(path.read_bytes()).hexdigest()


PARTS: Final[dict[str, Callable[[Sequence[Recording], Path, Path, int], str]]] = {
    "single": _train_single,
    "streams": _train_streams,
}
