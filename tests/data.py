"""Where tests find recordings: in the repository, and in a larger collection next to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CARRIED: Path = Path(__file__).parent / "data_files" / "golden_synthetic"
"""Synthetic recordings with golden arrays, and the tiny checkpoints that computed them."""

SHARED: Path = Path(
    os.environ.get("ECG_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data"
)
"""Real recordings (PTB-XL, LUDB, MIT-BIH, ...): next to the checkout, or in ECG_SHARED_DATA."""

requires_shared = pytest.mark.skipif(
    not SHARED.is_dir(),
    reason=f"REAL RECORDINGS NOT FOUND: {SHARED} is not a folder; set ECG_SHARED_DATA",
)
