"""The learned delineator: where P, QRS and T begin and end on a representative beat.

A U-Net (`unet`), trained on LUDB by `training/delineator/train.py`. It runs in plain numpy, so that
a signal worker pays for neither PyTorch's start-up nor its threads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from intervals.beat_grid import CENTRE_SAMPLE
from intervals.unet import Array, Network, build_network, forward
from signals.order import median

WEIGHTS_FILE: Final = Path(__file__).with_name("delineator.npz")
CARD_FILE: Final = Path(__file__).with_name("delineator.json")

# Samples on either side of the centre (160 ms): the peak that scales the input is that of this
# beat's QRS complex, not that of a neighbour or an artefact.
CENTRE_REACH: Final = 40
OWN_FLOOR: Final = 0.02  # of the spatial peak: the least that a lead is divided by
CLIP: Final = 3.0
LOG_FLOOR: Final = 1e-3


@dataclass(frozen=True, eq=False)
class Delineation:
    """The network's output for one beat; times are on the beat's 360 samples.

    classes  (4, leads, 360) probabilities of background, P, QRS and T
    leads    (5, leads, 360) probability over time of each lead's P onset, P offset, QRS onset,
             QRS offset and T offset
    overall  (5, 360) the same for all leads together
    p_present  probability that the beat has a P wave
    has_signal  (leads,) bool
    """

    classes: Array
    leads: Array
    overall: Array
    p_present: float
    has_signal: NDArray[np.bool_]


@cache
def shipped_network() -> Network:
    """Return the network of the weights that ship with this package."""
    with np.load(WEIGHTS_FILE, allow_pickle=False) as file:
        weights = {name: file[name].astype(np.float32) for name in file.files}
    return build_network(weights)


@cache
def model_card() -> dict[str, Any]:
    """Return the shipped network's training, its errors out of fold, its bias and calibration."""
    card: dict[str, Any] = json.loads(CARD_FILE.read_text(encoding="utf-8"))
    return card


def delineate(beat: NDArray[np.floating], network: Network | None = None) -> Delineation:
    """Run the network on a beat, (leads, 360) at 250 Hz in any unit.

    Leads without a signal do not count. `network` defaults to the shipped one.
    """
    if network is None:
        network = shipped_network()
    features, has_signal = network_input(beat)
    classes, leads, overall, p_logit = forward(network, features, has_signal)
    # p_present keeps its own form: signals.logistic.sigmoid differs from it in the last bits.
    return Delineation(
        classes=_softmax(classes, 0),
        leads=_softmax(leads, -1),
        overall=_softmax(overall, -1),
        p_present=float(1 / (1 + np.exp(-p_logit))),
        has_signal=has_signal,
    )


def network_input(beat: NDArray[np.floating]) -> tuple[Array, NDArray[np.bool_]]:
    """(leads, 360) -> features (4, leads, 360), and which leads have a signal, (leads,) bool.

    The channels are the lead over the spatial peak, the lead over its own peak, the spatial
    velocity over its peak, and the velocity's logarithm. They do not depend on the gain.
    """
    level = np.asarray(beat, np.float32)
    level = level - median(level)[:, None]
    near_centre = slice(CENTRE_SAMPLE - CENTRE_REACH, CENTRE_SAMPLE + CENTRE_REACH)
    own_peak = np.abs(level[:, near_centre]).max(axis=1)
    has_signal = own_peak > 0
    spatial_peak = _spatial_peak(level[:, near_centre], int(has_signal.sum()))
    # A lead that is much lower than the others is not amplified to full height.
    own_scale = np.maximum(own_peak, OWN_FLOOR * spatial_peak)

    velocity = _spatial_velocity(level)
    velocity /= max(float(velocity[near_centre].max()), 1e-12)
    log_velocity = np.log(velocity + LOG_FLOOR)

    features = np.empty((4, *level.shape), np.float32)
    features[0] = level / spatial_peak
    features[1] = level / own_scale[:, None]
    features[2] = velocity
    features[3] = log_velocity / -np.log(LOG_FLOOR) + 0.5
    np.clip(features, -CLIP, CLIP, out=features)
    return features, has_signal


def _spatial_peak(level: Array, signal_count: int) -> float:
    """(leads, samples) -> the largest root mean square over the leads with a signal."""
    square_sum = (level**2).sum(axis=0)
    mean_square = square_sum / max(1, signal_count)
    return max(float(np.sqrt(mean_square).max()), 1e-12)


def _spatial_velocity(level: Array) -> Array:
    """(leads, samples) -> (samples,) root of the sum of squared slopes over leads."""
    slope = np.empty_like(level)
    # Central differences, one-sided at the ends.
    slope[:, 1:-1] = (level[:, 2:] - level[:, :-2]) / 2
    slope[:, 0] = level[:, 1] - level[:, 0]
    slope[:, -1] = level[:, -1] - level[:, -2]
    np.square(slope, out=slope)
    square_sum = slope.sum(axis=0)
    return np.asarray(np.sqrt(square_sum))


def _softmax(logits: Array, axis: int) -> Array:
    shifted = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=axis, keepdims=True), np.float32)
