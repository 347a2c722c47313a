"""The first recordings of PTB-XL, decoded once for all tests: decoding all takes a minute."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tests.data import SHARED
from training.datasets.ptbxl import MICROVOLTS_PER_MV, PtbXl, read_signals, read_table

RECORDINGS = 1500  # the first file of the packed copy holds a few more


@cache
def ptbxl_table() -> PtbXl:
    """Return the table of all recordings."""
    return read_table(SHARED / "ptbxl")


@cache
def first_of_ptbxl() -> NDArray[np.float32]:
    """Return (RECORDINGS, 12, 1000) mV at 100 Hz: the first rows of the table."""
    return (read_signals(ptbxl_table(), RECORDINGS) / MICROVOLTS_PER_MV).astype(np.float32)
