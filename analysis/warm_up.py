"""Load what the first recording would otherwise wait for."""

from __future__ import annotations

import numpy as np

from analysis.deployment import Deployment
from analysis.measuring import MEASURED_PARTS
from analysis.options import AnalyzeOptions
from analysis.prepare import prepare
from signals.leads import LEADS
from signals.record import EcgRecord

# A synthetic recording: P, QRS and T as height in mV, seconds from R, width in seconds; gains in
# the order of LEADS.
_WAVES = ((0.15, -0.16, 0.02), (1.0, 0.0, 0.012), (0.3, 0.22, 0.04))
_GAINS = (1.0, 1.2, 0.2, -1.1, 0.4, 0.7, -0.4, 0.5, 0.9, 1.2, 1.1, 0.9)
_BEAT_S = 0.8
_SECONDS = 4
# Not a rate that is measured at, so that resampling is loaded too.
_FS_HZ = 360.0


def warm_up() -> None:
    """Prepare a synthetic recording with every measured part.

    This loads scipy's filters and the trained models, which takes half a second or more.
    """
    since_r_s = np.arange(round(_SECONDS * _FS_HZ)) / _FS_HZ % _BEAT_S - _BEAT_S / 2
    signal = np.zeros_like(since_r_s)
    for height_mv, centre_s, width_s in _WAVES:
        signal += height_mv * np.exp(-0.5 * ((since_r_s - centre_s) / width_s) ** 2)
    record = EcgRecord(np.outer(_GAINS, signal).astype(np.float32), _FS_HZ, LEADS)
    options = AnalyzeOptions(include=MEASURED_PARTS | {"quality"})
    no_encoder = Deployment("none", "none", "none is asked for", {})
    prepare(record, options, no_encoder, max_seconds=record.duration_s)
