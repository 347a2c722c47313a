"""Normal beats of recordings whose rhythm is known: the Challenge 2017's, of one lead.

In atrial fibrillation early beats are normal ones; MIT-BIH has too few patients with it to learn
that from. The beats are not marked: those with the patient's usual shape are taken for normal.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from heads.beats.classes import CLASSES
from heads.beats.describe import NUMBERS
from signals.streams.watch_rate import WATCH_HZ
from training.beats.classes import Examples
from training.beats.recordings import at_watch_rate
from training.beats.streams import Judge, side_by_side, watch
from training.datasets.packed import loader_of

FIBRILLATION: Final = "A"
NORMAL: Final = "N"
# One of so many recordings: normal ones are many, and easy.
EACH: Final = {FIBRILLATION: 1, NORMAL: 4}
MIN_S: Final = 20
SETTLED_S: Final = 8  # until the usual beats are known
END_S: Final = 1
MIN_RESEMBLANCE: Final = 0.75
_RESEMBLANCE: Final = NUMBERS.index("usual_resemblance")


def usual_beats(data: Path, judge: Judge, first_patient: int) -> Examples:
    """Return normal beats; each recording is a patient, numbered from `first_patient` on.

    data  a folder with cinc2017
    Raises FileNotFoundError if it is missing.
    """
    signals = []
    seen = dict.fromkeys(EACH, 0)
    for row, signal in loader_of(data / "cinc2017").records():
        kind, fs = row["label"], float(row["fs"])
        if kind not in EACH or signal.shape[1] < MIN_S * fs:
            continue
        if seen[kind] % EACH[kind] == 0:
            signals.append(at_watch_rate(signal, fs))
        seen[kind] += 1
    _, beats = watch(side_by_side(signals), judge)
    ends = np.array([signal.shape[1] for signal in signals])[beats.row]
    is_settled = (beats.at > SETTLED_S * WATCH_HZ) & (beats.at < ends - END_S * WATCH_HZ)
    resembles = beats.numbers[:, _RESEMBLANCE] > MIN_RESEMBLANCE
    chosen = is_settled & resembles
    return Examples(
        numbers=beats.numbers[chosen],
        label=np.full(np.count_nonzero(chosen), CLASSES.index("N"), np.intp),
        patient=first_patient + beats.row[chosen],
        stands_for=np.ones(np.count_nonzero(chosen)),
    )
