"""The learned delineator: where P, QRS and T begin and end on a representative beat.

A U-Net over time with weights shared over leads, trained by `training/delineator.py` on LUDB. Plain numpy: a signal worker
pays neither PyTorch's start-up nor its threads. `tests/intervals` holds it to the torch network.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float32]

WEIGHTS_FILE: Final = Path(__file__).with_name("delineator.npz")
CARD_FILE: Final = Path(__file__).with_name("delineator.json")
CENTRE: Final = 124  # the sample of the beat's centre: 496 ms at 250 Hz
CENTRE_REACH: Final = 40  # 160 ms: the peak that scales the input is the QRS's, not a neighbour's or an artefact's
OWN_FLOOR: Final = 0.02  # of the spatial peak: a lead lower than that is not blown up to full height
CLIP: Final = 3.0
LOG_FLOOR: Final = 1e-3
CLASSES: Final = 4
_SPREAD_FLOOR: Final = 1e-6


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
def shipped_weights() -> dict[str, Array]:
    """The arrays beside this file, as float32."""
    with np.load(WEIGHTS_FILE, allow_pickle=False) as file:
        return {name: file[name].astype(np.float32) for name in file.files}


@cache
def card() -> dict[str, Any]:
    """How it was trained, what it reached out of fold, its bias and its calibration."""
    found: dict[str, Any] = json.loads(CARD_FILE.read_text(encoding="utf-8"))
    return found


def delineate(beat: NDArray[np.floating], weights: dict[str, Array] | None = None) -> Delineation:
    """(leads, 288) at 250 Hz in any unit -> what the network says. Leads without a signal don't count."""
    features, alive = network_input(beat)
    classes, leads, overall, present = forward(shipped_weights() if weights is None else weights, features, alive)
    return Delineation(_softmax(classes, 0), _softmax(leads, -1), _softmax(overall, -1), float(1 / (1 + np.exp(-present))), alive)


def network_input(beat: NDArray[np.floating]) -> tuple[Array, NDArray[np.bool_]]:
    """(leads, 288) -> (4, leads, 288) and which leads are alive (leads,); the same for any gain.

    Channels: lead over the spatial peak, lead over its own peak, spatial velocity over its peak, its logarithm.
    """
    level = np.asarray(beat, np.float32)
    level = level - np.median(level, axis=1, keepdims=True)
    near = slice(CENTRE - CENTRE_REACH, CENTRE + CENTRE_REACH)
    own = np.abs(level[:, near]).max(axis=1)
    alive = own > 0
    count = max(1, int(alive.sum()))
    peak = max(float(np.sqrt((level[:, near] ** 2).sum(axis=0) / count).max()), 1e-12)
    velocity = np.sqrt((np.gradient(level, axis=1) ** 2).sum(axis=0))
    velocity /= max(float(velocity[near].max()), 1e-12)
    features = np.empty((4, *level.shape), np.float32)
    features[0] = level / peak
    features[1] = level / np.maximum(own, OWN_FLOOR * peak)[:, None]
    features[2] = velocity
    features[3] = np.log(velocity + LOG_FLOOR) / -np.log(LOG_FLOOR) + 0.5
    return np.clip(features, -CLIP, CLIP, out=features), alive


def forward(weights: dict[str, Array], x: Array, alive: NDArray[np.bool_]) -> tuple[Array, Array, Array, float]:
    """The network: (4, leads, 288) -> class, lead-time and global-time logits, and that of P."""
    share = (alive / max(1, int(alive.sum()))).astype(np.float32)
    kept = []
    for level in range(4):
        x = _two(weights, f"down.{level}", _halve(x) if level else x)
        kept.append(x)
    mean = np.einsum("clt,l->ct", x, share)
    present = weights["p_head.weight"][0] @ np.concatenate([mean.mean(axis=1), mean.max(axis=1)]) + weights["p_head.bias"][0]
    x = _convolve(weights, "joined", np.concatenate([x, np.broadcast_to(mean[:, None], x.shape)]))
    for level in range(3):
        x = _two(weights, f"up.{level}", np.concatenate([x.repeat(2, axis=2), kept[2 - level]]))
    lead = np.tensordot(weights["lead_head.weight"], x, 1) + weights["lead_head.bias"][:, None, None]
    mean = np.einsum("clt,l->ct", x, share)
    spread = np.einsum("clt,l->ct", (x - mean[:, None]) ** 2, share)
    hidden = _convolve(weights, "global_hidden", np.concatenate([mean, np.sqrt(spread + _SPREAD_FLOOR)])[:, None])[:, 0]
    overall = weights["global_head.weight"] @ hidden + weights["global_head.bias"][:, None]
    return lead[:CLASSES], lead[CLASSES:], overall, float(present)


def _two(weights: dict[str, Array], name: str, x: Array) -> Array:
    return _convolve(weights, f"{name}.1", _convolve(weights, f"{name}.0", x))


def _convolve(weights: dict[str, Array], name: str, x: Array) -> Array:
    """(inputs, leads, n) -> ReLU of (outputs, leads, n), zero beyond the ends."""
    kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    inputs, leads, samples = x.shape
    taps = kernel.shape[2]
    padded = np.zeros((inputs, leads, samples + taps - 1), np.float32)
    padded[:, :, taps // 2 : taps // 2 + samples] = x
    windows = sliding_window_view(padded, samples, axis=2)  # (inputs, leads, taps, n)
    columns = windows.transpose(0, 2, 1, 3).reshape(inputs * taps, leads * samples)
    out: Array = kernel.reshape(len(kernel), -1) @ columns
    out += bias[:, None]
    return np.maximum(out, 0, out=out).reshape(-1, leads, samples)


def _halve(x: Array) -> Array:
    return np.maximum(x[:, :, ::2], x[:, :, 1::2])


def _softmax(logits: Array, axis: int) -> Array:
    shifted = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=axis, keepdims=True), np.float32)
