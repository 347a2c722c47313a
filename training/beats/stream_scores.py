"""Tables of the beats of streams: marked and found, missed and false."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from heads.beats.classes import CLASSES
from training.beats.class_scores import Labels, Tables
from training.beats.recordings import Recording
from training.beats.streams import NOT_MARKED, UNSCORED, Found, missed_of

MISSED: Final = len(CLASSES)  # the column of marked beats that were not found
FALSE: Final = len(CLASSES)  # the row of beats where none is marked


def stream_tables(
    found: Found, truth: Labels, label: Labels, recordings: Sequence[Recording]
) -> Tables:
    """Return (streams, CLASSES + 1, CLASSES + 1) counts by true class and by class found.

    truth       (beats,) of `truth_of`
    label       (beats,) class found
    recordings  of each stream
    """
    tables = np.zeros((len(recordings), FALSE + 1, MISSED + 1))
    scored = truth != UNSCORED
    rows = np.where(truth == NOT_MARKED, FALSE, truth)[scored]
    np.add.at(tables, (found.row[scored], rows, label[scored]), 1)
    for stream, recording in enumerate(recordings):
        np.add.at(tables[stream, :, MISSED], missed_of(found, stream, recording), 1)
    return tables


def share_found(tables: Tables) -> float:
    """Return the sensitivity of the detector: beats found of those marked."""
    marked = tables.sum(axis=0)[:FALSE]
    return float(marked[:, :MISSED].sum() / marked.sum()) if marked.sum() else float("nan")


def share_true(tables: Tables) -> float:
    """Return the positive predictive value of the detector: true ones of the beats found."""
    found = tables.sum(axis=0)[:, :MISSED]
    return float(found[:FALSE].sum() / found.sum()) if found.sum() else float("nan")
