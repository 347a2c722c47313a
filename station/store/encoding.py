"""How samples and kinds of records are stored, and sent: the same bytes."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

INT16: Final = 0
FLOAT32: Final = 1
DTYPES: Final[dict[int, np.dtype[Any]]] = {INT16: np.dtype("<i2"), FLOAT32: np.dtype("<f4")}
# Of int16; a gap of float32 is NaN.
INT16_GAP: Final = -32768

STRETCH: Final = 0
BEAT: Final = 1

# No record is longer. So none that began earlier reaches into a stretch of time.
MAX_RECORD_S: Final = 60
