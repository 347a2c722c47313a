"""Where tests find recordings: what the repository carries, and the larger shared collection beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CARRIED: Path = Path(__file__).parent / "data_files" / "golden_synthetic"
"""Synthetic recordings with golden arrays, and the tiny checkpoints they were computed with; always there."""

SHARED: Path = Path(
    os.environ.get("ECG_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data"
)
"""Real recordings (PTB-XL, LUDB, MIT-BIH, CinC 2011, ...): a folder beside the checkout, or ECG_SHARED_DATA."""

requires_shared = pytest.mark.skipif(
    not SHARED.is_dir(),
    reason=f"REAL RECORDINGS NOT FOUND: {SHARED} is no folder; set ECG_SHARED_DATA, or this is not tested at all",
)
