"""The learned delineator: where P, QRS and T begin and end on a representative beat.

A U-Net over time with weights shared over leads, trained by `training/delineator.py` on LUDB. Plain numpy: a signal worker
pays neither PyTorch's start-up nor its threads. `tests/intervals` holds it to the torch network.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from signals.order import median

Array = NDArray[np.float32]

WEIGHTS_FILE: Final = Path(__file__).with_name("delineator.npz")
CARD_FILE: Final = Path(__file__).with_name("delineator.json")
BEAT_SAMPLES: Final = 288
CENTRE: Final = 124  # the sample of the beat's centre: 496 ms at 250 Hz
CENTRE_REACH: Final = 40  # 160 ms: the peak that scales the input is the QRS's, not a neighbour's or an artefact's
OWN_FLOOR: Final = 0.02  # of the spatial peak: a lead lower than that is not blown up to full height
CLIP: Final = 3.0
LOG_FLOOR: Final = 1e-3
CLASSES: Final = 4
TAPS: Final = 7  # of every convolution over time
REACH: Final = TAPS // 2
_SPREAD_FLOOR: Final = 1e-6
# Multiplications up to which OpenBLAS reads the matrices where they lie, and does not copy them first (AVX-512 kernels, 100^3).
_SMALL_PRODUCT: Final = 1_000_000


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


@dataclass(frozen=True, eq=False)
class Network:
    """The weights as they are multiplied and added.

    kernels  (taps x inputs, outputs) by name
    biases   ((samples + 3) x outputs,) by name, as they are added to one lead
    zeros    of as many numbers, by how many: what the sums are held against
    heads    as they are stored
    """

    kernels: dict[str, Array]
    biases: dict[str, Array]
    zeros: dict[int, Array]
    heads: dict[str, Array]


@cache
def _shipped() -> Network:
    return network_of(shipped_weights())


@cache
def card() -> dict[str, Any]:
    """How it was trained, what it reached out of fold, its bias and its calibration."""
    found: dict[str, Any] = json.loads(CARD_FILE.read_text(encoding="utf-8"))
    return found


def delineate(beat: NDArray[np.floating], weights: dict[str, Array] | None = None) -> Delineation:
    """(leads, 288) at 250 Hz in any unit -> what the network says. Leads without a signal don't count."""
    features, alive = network_input(beat)
    classes, leads, overall, present = _forward(_shipped() if weights is None else network_of(weights), features, alive)
    return Delineation(_softmax(classes, 0), _softmax(leads, -1), _softmax(overall, -1), float(1 / (1 + np.exp(-present))), alive)


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


def forward(weights: dict[str, Array], x: Array, alive: NDArray[np.bool_]) -> tuple[Array, Array, Array, float]:
    """The network: (4, leads, 288) -> class, lead-time and global-time logits, and that of P."""
    return _forward(network_of(weights), x, alive)


def network_of(weights: dict[str, Array]) -> Network:
    """Weights as they are stored, laid out for the products that are computed of them."""
    kernels = {name.removesuffix(".weight"): kernel for name, kernel in weights.items() if kernel.ndim == 3}
    found = {name: _by_taps(kernel) for name, kernel in kernels.items()}
    for level in range(3):  # the first inputs come from the level below, at half the rate; the others are what was kept
        kernel = kernels[f"up.{level}.0"]
        below = kernels[f"up.{level - 1}.1" if level else "joined"].shape[0]  # what the level below gives
        found[f"up.{level}.0"], found[f"up.{level}.0 below"] = _by_taps(kernel[:, below:]), _at_half_rate(kernel[:, :below])
    own = kernels["joined"].shape[1] // 2
    found["joined"], found["joined mean"] = _by_taps(kernels["joined"][:, :own]), _by_taps(kernels["joined"][:, own:])
    heads = {name: value.astype(np.float32) for name, value in weights.items() if "head." in name}
    biases = {name: _by_samples(weights[f"{name}.bias"], BEAT_SAMPLES >> _halvings(name)) for name in kernels}
    return Network(found, biases, {bias.size: np.zeros_like(bias) for bias in biases.values()}, heads)


def _halvings(name: str) -> int:
    """How often time was halved before a layer."""
    room, _, rest = name.partition(".")
    return {"down": int(rest[:1] or 0), "up": 2 - int(rest[:1] or 0), "joined": 3, "global_hidden": 0}[room]


def _by_samples(bias: Array, samples: int) -> Array:
    """(outputs,) -> once for each sample of a lead; minus infinity between leads, where the ReLU shall leave nothing."""
    lead = np.full((samples + REACH, bias.size), -np.inf, np.float32)
    lead[:samples] = bias
    return lead.ravel()


def _by_taps(kernel: Array) -> Array:
    """(outputs, inputs, taps) -> (taps x inputs, outputs)."""
    return np.ascontiguousarray(kernel.transpose(2, 1, 0), np.float32).reshape(-1, len(kernel))


def _at_half_rate(kernel: Array) -> Array:
    """The same kernel on samples that stand twice in a row, read once: (5 x inputs, 2 x outputs), even and odd outputs."""
    outputs, inputs, _ = kernel.shape
    reach = (REACH + 1) // 2
    halved = np.zeros((2 * reach + 1, inputs, 2, outputs), np.float32)
    for odd in (0, 1):
        for tap in range(TAPS):
            halved[(odd + tap - REACH) // 2 + reach, :, odd] += kernel[:, :, tap].T
    return halved.reshape(-1, 2 * outputs)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Channels over time, lead after lead, with three samples of nothing before, between and behind them.

    So the inputs of each output are one run of numbers, and those of every seventh output stand side by side: a matrix that
    need not be laid out for its product with the weights.

    every  (3 + leads x (samples + 3) + 7, channels)
    """

    every: Array
    leads: int
    samples: int

    @property
    def body(self) -> Array:
        """(leads x (samples + 3), channels)"""
        return self.every[REACH:-TAPS]

    @property
    def by_lead(self) -> Array:
        """(leads, samples, channels)"""
        return self.body.reshape(self.leads, self.samples + REACH, -1)[:, : self.samples]


def _rows(leads: int, samples: int, channels: int) -> _Rows:
    """Not filled but for what lies around the leads."""
    rows = _open_rows(leads, samples, channels)
    rows.body.reshape(leads, samples + REACH, channels)[:, samples:] = 0.0
    return rows


def _open_rows(leads: int, samples: int, channels: int) -> _Rows:
    """Not filled between the leads either, for what `_bent` goes over."""
    every = np.empty((REACH + leads * (samples + REACH) + TAPS, channels), np.float32)
    every[:REACH] = 0.0
    every[-TAPS:] = 0.0
    return _Rows(every, leads, samples)


def _forward(network: Network, x: Array, alive: NDArray[np.bool_]) -> tuple[Array, Array, Array, float]:
    share = (alive / max(1, int(alive.sum()))).astype(np.float32)
    rows = _rows(x.shape[1], x.shape[2], x.shape[0])
    rows.by_lead[:] = x.transpose(1, 2, 0)
    kept = []
    for level in range(4):
        rows = _stack(network, f"down.{level}", _halve(rows) if level else rows)
        kept.append(rows)
    mean = _mean(rows, share)
    present = network.heads["p_head.weight"][0] @ np.concatenate([mean.mean(axis=0), mean.max(axis=0)]) + network.heads["p_head.bias"][0]
    rows = _joined(network, rows, mean)
    for level in range(3):
        rows = _stack(network, f"up.{level}", _joined_above(network, f"up.{level}.0", rows, kept[2 - level]), begun=1)
    lead, overall = _heads(network, rows, share)
    return lead[:CLASSES], lead[CLASSES:], overall, float(present)


def _heads(network: Network, rows: _Rows, share: Array) -> tuple[Array, Array]:
    """(9, leads, samples) and (5, samples) logits."""
    heads = network.heads
    lead = heads["lead_head.weight"] @ rows.body.T + heads["lead_head.bias"][:, None]
    by_lead = rows.body.reshape(rows.leads, -1)  # with what lies between them, which stays zero
    mean = share @ by_lead
    spread = share @ np.square(by_lead - mean)
    mean, spread = (each.reshape(rows.samples + REACH, -1)[: rows.samples] for each in (mean, spread))
    both = _rows(1, rows.samples, 2 * mean.shape[1])
    np.concatenate([mean, np.sqrt(spread + _SPREAD_FLOOR)], axis=1, out=both.by_lead[0])
    hidden = _convolve(network, "global_hidden", both).by_lead[0]
    overall = heads["global_head.weight"] @ hidden.T + heads["global_head.bias"][:, None]
    return lead.reshape(len(lead), rows.leads, -1)[:, :, : rows.samples], overall


def _stack(network: Network, name: str, rows: _Rows, begun: int = 0) -> _Rows:
    """The convolutions of a level one after the other, from the one numbered `begun` on."""
    for number in count(begun):
        if f"{name}.{number}" not in network.kernels:
            return rows
        rows = _convolve(network, f"{name}.{number}", rows)
    return rows


def _convolve(network: Network, name: str, rows: _Rows) -> _Rows:
    """ReLU of the convolution over time, zero beyond the ends of each lead."""
    kernel = network.kernels[name]
    out = _open_rows(rows.leads, rows.samples, kernel.shape[1])
    _slide(rows, kernel, out.body)
    return _bent(network, name, out)


def _joined(network: Network, rows: _Rows, mean: Array) -> _Rows:
    """The leads beside their mean (samples, channels), which is convolved once for all of them."""
    alone = _rows(1, rows.samples, mean.shape[1])
    alone.by_lead[0] = mean
    of_mean = np.empty((rows.samples + REACH, network.kernels["joined mean"].shape[1]), np.float32)
    _slide(alone, network.kernels["joined mean"], of_mean)
    out = _open_rows(rows.leads, rows.samples, network.kernels["joined"].shape[1])
    _slide(rows, network.kernels["joined"], out.body)
    by_lead = out.by_lead
    by_lead += of_mean[: rows.samples]
    return _bent(network, "joined", out)


def _joined_above(network: Network, name: str, below: _Rows, kept: _Rows) -> _Rows:
    """What was kept beside what comes from half the rate, each sample of which stands twice."""
    out = _open_rows(kept.leads, kept.samples, network.kernels[name].shape[1])
    _slide(kept, network.kernels[name], out.body)
    kernel = network.kernels[f"{name} below"]
    pairs = np.empty((len(below.body), kernel.shape[1]), np.float32)
    _slide(below, kernel, pairs)
    by_lead = out.by_lead
    by_lead += pairs.reshape(below.leads, 2 * (below.samples + REACH), -1)[:, : kept.samples]
    return _bent(network, name, out)


def _slide(rows: _Rows, kernel: Array, out: Array) -> None:
    """Each row of `out` (positions, outputs) becomes the product of the kernel with the rows about it."""
    channels = rows.every.shape[1]
    taps = len(kernel) // channels
    first, at_once = REACH - taps // 2, _SMALL_PRODUCT // kernel.size
    for start in range(taps):
        every_so_many = out[start::taps]
        from_row = first + start
        inputs = rows.every[from_row : from_row + taps * len(every_so_many)].reshape(-1, len(kernel))
        for block in range(0, len(inputs), at_once):
            np.matmul(inputs[block : block + at_once], kernel, out=every_so_many[block : block + at_once])


def _bent(network: Network, name: str, rows: _Rows) -> _Rows:
    """With its bias and without what is negative, in place."""
    lead, bias = rows.body.reshape(rows.leads, -1), network.biases[name]
    lead += bias
    np.maximum(lead, network.zeros[bias.size], out=lead)  # a quarter of what numpy takes for the greater of an array and a number
    return rows


def _halve(rows: _Rows) -> _Rows:
    """The greater of each two samples."""
    out = _rows(rows.leads, rows.samples // 2, rows.every.shape[1])
    np.maximum(rows.by_lead[:, ::2], rows.by_lead[:, 1::2], out=out.by_lead)
    return out


def _mean(rows: _Rows, share: Array) -> Array:
    """(samples, channels) over leads, each by its share."""
    lead = share @ rows.body.reshape(rows.leads, -1)
    return np.asarray(lead.reshape(rows.samples + REACH, -1)[: rows.samples], np.float32)


def _softmax(logits: Array, axis: int) -> Array:
    shifted = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=axis, keepdims=True), np.float32)
