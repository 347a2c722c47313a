"""Recognise tables of single heartbeats, which are parts of recordings and cannot be analysed.

Kaggle's heartbeat data (kaggle.com/datasets/shayanfazeli/heartbeat, of MIT-BIH and PTB) has a beat
in each line: 187 samples at 125 Hz between 0 and 1, padded with zeros, and the class, 0 to 4.
E-Monitor (github.com/JudyXiaodanZhu/Insight-Project) writes the number of a record before them, and
sends a line as {"original_frame": base64, "original_dtype": "<f4", "original_shape": [189]}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from errors import BadShape
from formats.fields import Loc, dotted

BEAT_SAMPLES: Final = 187
LAST_CLASS: Final = 4
WIDTHS: Final = (BEAT_SAMPLES + 1, BEAT_SAMPLES + 2)  # without and with the number of a record
MAX_JUDGED_ROWS: Final = 100
_MESSAGE_FIELDS: Final = frozenset({"original_frame", "original_dtype", "original_shape"})
_ADVICE: Final = (
    f"the layout of single heartbeats: {BEAT_SAMPLES} samples at 125 Hz and a class (Kaggle's "
    "heartbeat data, E-Monitor). Single heartbeats are not analysed; send the recording that they "
    "were cut from, or send them to the station"
)


def check_no_heartbeats(values: NDArray[Any], loc: Loc) -> None:
    """Raise BadShape for rows of heartbeats, (rows, columns) or one row."""
    rows = values[np.newaxis, :] if values.ndim == 1 else values
    if rows.ndim != 2 or rows.shape[1] not in WIDTHS or not len(rows):
        return
    # In float64, as int16 has no fractions and float16 overflows.
    judged = rows[:MAX_JUDGED_ROWS].astype(np.float64)
    numbers, beats, classes = np.split(judged, [-BEAT_SAMPLES - 1, -1], axis=1)
    is_beats = bool(((beats >= 0) & (beats <= 1)).all() and (beats.max(axis=1) > 0).all())
    if is_beats and _are_whole(classes, LAST_CLASS) and _are_whole(numbers, np.inf):
        raise BadShape(f"{dotted(loc)}: rows of {rows.shape[1]} values, {_ADVICE}", loc=loc)


def check_no_heartbeat_message(mapping: Mapping[Any, Any], loc: Loc) -> None:
    """Raise BadShape for a message of E-Monitor."""
    if mapping.keys() >= _MESSAGE_FIELDS:
        raise BadShape(f"{dotted((*loc, 'original_frame'))}: {_ADVICE}", loc=loc)


def _are_whole(values: NDArray[np.float64], largest: float) -> bool:
    return bool(((values >= 0) & (values <= largest) & (values == np.floor(values))).all())
