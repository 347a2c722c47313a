"""The learned delineator: where P, QRS and T begin and end on a representative beat.

A U-Net (`unet`) trained by `training/delineator/train.py` on LUDB. Plain numpy: a signal worker pays neither PyTorch's start-up nor its
threads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from intervals.unet import Array, Network, forward, network_of
from signals.order import median

WEIGHTS_FILE: Final = Path(__file__).with_name("delineator.npz")
CARD_FILE: Final = Path(__file__).with_name("delineator.json")
CENTRE: Final = 124  # the sample of the beat's centre: 496 ms at 250 Hz
CENTRE_REACH: Final = (
    40  # 160 ms: the peak that scales the input is the QRS's, not a neighbour's or an artefact's
)
OWN_FLOOR: Final = (
    0.02  # of the spatial peak: a lead lower than that is not blown up to full height
)
CLIP: Final = 3.0
LOG_FLOOR: Final = 1e-3


@dataclass(frozen=True, eq=False)
class Delineation:
    """What the network says of one beat; times on the beat's 288 samples.

    classes  (4, leads, 288) probabilities of nothing, P, QRS, T
    leads    (5, leads, 288) probability over time of each lead's P onset, P offset, QRS onset, QRS offset, T offset
    overall  (5, 288) the same for all leads together
    p_present  probability that the beat has a P wave
    alive    (leads,) bool
    """

    classes: Array
    leads: Array
    overall: Array
    p_present: float
    alive: NDArray[np.bool_]


@cache
def shipped() -> Network:
    """That of the weights beside this file."""
    with np.load(WEIGHTS_FILE, allow_pickle=False) as file:
        return network_of({name: file[name].astype(np.float32) for name in file.files})


@cache
def card() -> dict[str, Any]:
    """How it was trained, what it reached out of fold, its bias and its calibration."""
    found: dict[str, Any] = json.loads(CARD_FILE.read_text(encoding="utf-8"))
    return found


def delineate(beat: NDArray[np.floating], network: Network | None = None) -> Delineation:
    """(leads, 288) at 250 Hz in any unit -> what the network says, the shipped one or another. Leads without a signal don't count."""
    features, alive = network_input(beat)
    classes, leads, overall, present = forward(
        shipped() if network is None else network, features, alive
    )
    return Delineation(
        _softmax(classes, 0),
        _softmax(leads, -1),
        _softmax(overall, -1),
        float(1 / (1 + np.exp(-present))),
        alive,
    )


def network_input(beat: NDArray[np.floating]) -> tuple[Array, NDArray[np.bool_]]:
    """(leads, 288) -> (4, leads, 288) and which leads are alive (leads,); the same for any gain.

    Channels: lead over the spatial peak, lead over its own peak, spatial velocity over its peak, its logarithm.
    """
    level = np.asarray(beat, np.float32)
    level = level - median(level)[:, None]
    near = slice(CENTRE - CENTRE_REACH, CENTRE + CENTRE_REACH)
    own = np.abs(level[:, near]).max(axis=1)
    alive = own > 0
    living = max(1, int(alive.sum()))
    peak = max(float(np.sqrt((level[:, near] ** 2).sum(axis=0) / living).max()), 1e-12)
    slope = np.empty_like(level)
    slope[:, 1:-1] = (level[:, 2:] - level[:, :-2]) / 2
    slope[:, 0], slope[:, -1] = level[:, 1] - level[:, 0], level[:, -1] - level[:, -2]
    velocity = np.sqrt(np.square(slope, out=slope).sum(axis=0))
    velocity /= max(float(velocity[near].max()), 1e-12)
    features = np.empty((4, *level.shape), np.float32)
    features[0] = level / peak
    features[1] = level / np.maximum(own, OWN_FLOOR * peak)[:, None]
    features[2] = velocity
    features[3] = np.log(velocity + LOG_FLOOR) / -np.log(LOG_FLOOR) + 0.5
    return np.clip(features, -CLIP, CLIP, out=features), alive


def _softmax(logits: Array, axis: int) -> Array:
    shifted = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=axis, keepdims=True), np.float32)
