"""The delineator's network in plain numpy: a U-Net over time with weights shared over leads.

Four levels of convolutions with seven taps, each level at half the rate of the one before. At the
lowest level each lead is concatenated with the mean over leads. On the way up, each level is
concatenated with its skip connection. `training/delineator/net.py` is the same network in PyTorch;
tests hold the two equal.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from itertools import count
from typing import Final, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from intervals.beat_grid import BEAT_SAMPLES

Array: TypeAlias = NDArray[np.float32]
MatrixProduct: TypeAlias = tuple[Array, Array, Array]
"""A stack of matrices, the matrix that each is multiplied with, and the array for the products."""

CLASSES: Final = 4
LEVELS: Final = 4
TAPS: Final = 7  # of every convolution over time
PADDING: Final = TAPS // 2
_VARIANCE_FLOOR: Final = 1e-6
# Multiplications up to which OpenBLAS reads matrices in place instead of packing them first
# (AVX-512 kernels, 100^3).
_SMALL_PRODUCT: Final = 1_000_000
# Workspaces kept a thread, one for each number of leads; each has up to 2.4 MB.
_KEPT_WORKSPACES: Final = 4


class _Workspaces(threading.local):
    """A thread's workspaces by the number of leads."""

    def __init__(self) -> None:
        self.by_leads: dict[int, _Workspace] = {}


@dataclass(frozen=True, eq=False)
class Network:
    """The weights in the layout in which they are multiplied and added.

    kernels     (taps x inputs, outputs) by name
    biases      ((samples + 3) x outputs,) by name, repeated for each sample of one lead
    heads       as they are stored
    workspaces  the buffers that forward passes write to
    """

    kernels: dict[str, Array]
    biases: dict[str, Array]
    heads: dict[str, Array]
    workspaces: _Workspaces = field(default_factory=_Workspaces)


def build_network(weights: dict[str, Array]) -> Network:
    """Lay stored weights out for the matrix products of the forward pass."""
    stored = {
        name.removesuffix(".weight"): kernel for name, kernel in weights.items() if kernel.ndim == 3
    }
    kernels = {name: _by_taps(kernel) for name, kernel in stored.items()}

    # The first convolution of each level on the way up is split: its first inputs come from the
    # level below, at half the rate; the others are the skip connection.
    for level in range(LEVELS - 1):
        name = f"up.{level}.0"
        below = f"up.{level - 1}.1" if level else "joined"
        inputs_from_below = stored[below].shape[0]
        kernels[name] = _by_taps(stored[name][:, inputs_from_below:])
        kernels[f"{name} below"] = _at_half_rate(stored[name][:, :inputs_from_below])

    # So is the one that joins each lead with the mean over leads: the mean is convolved only once.
    joined = stored["joined"]
    lead_inputs = joined.shape[1] // 2
    kernels["joined"] = _by_taps(joined[:, :lead_inputs])
    kernels["joined mean"] = _by_taps(joined[:, lead_inputs:])

    biases = {}
    for name in stored:
        samples = BEAT_SAMPLES >> _halvings(name)
        biases[name] = _by_samples(weights[f"{name}.bias"], samples)
    heads = {name: value.astype(np.float32) for name, value in weights.items() if "head." in name}
    return Network(kernels, biases, heads)


def forward(
    network: Network, x: Array, has_signal: NDArray[np.bool_]
) -> tuple[Array, Array, Array, float]:
    """Run the network on the features of one beat, (4, leads, 288).

    has_signal  (leads,) bool; the means over leads leave the other leads out

    Returns the logits of the classes (4, leads, 288), of each lead's times (5, leads, 288), of the
    global times (5, 288), and of the presence of P.
    """
    channels, leads, samples = x.shape
    workspace = _workspace(network, leads)
    lead_weights = (has_signal / max(1, int(has_signal.sum()))).astype(np.float32)

    rows = workspace.rows("input", leads, samples, channels)
    rows.by_lead[:] = x.transpose(1, 2, 0)
    skips = []
    for level in range(LEVELS):
        if level:
            rows = _max_pooled(workspace, f"halved.{level}", rows)
        rows = _convolutions(network, workspace, f"down.{level}", rows)
        skips.append(rows)

    mean = _lead_mean(rows, lead_weights)
    p_logit = _p_logit(network.heads, mean)

    rows = _join_mean(network, workspace, rows, mean)
    for level in range(LEVELS - 1):
        skip = skips[LEVELS - 2 - level]
        rows = _join_skip(network, workspace, f"up.{level}.0", rows, skip)
        rows = _convolutions(network, workspace, f"up.{level}", rows, first=1)

    lead_logits = _lead_logits(network.heads, rows)
    global_logits = _global_logits(network, workspace, rows, lead_weights)
    return lead_logits[:CLASSES], lead_logits[CLASSES:], global_logits, p_logit


def _halvings(name: str) -> int:
    """Return how often time is halved before a layer."""
    part, _, position = name.partition(".")
    if part == "down":
        return int(position[0])
    if part == "up":
        return LEVELS - 2 - int(position[0])
    return {"joined": LEVELS - 1, "global_hidden": 0}[part]


def _by_samples(bias: Array, samples: int) -> Array:
    """(outputs,) -> ((samples + 3) x outputs,): repeated for each sample of a lead.

    Minus infinity in the padding between leads, which ReLU turns into the zeros that belong there.
    """
    lead = np.full((samples + PADDING, bias.size), -np.inf, np.float32)
    lead[:samples] = bias
    return lead.ravel()


def _by_taps(kernel: Array) -> Array:
    """(outputs, inputs, taps) -> (taps x inputs, outputs)."""
    by_taps = np.ascontiguousarray(kernel.transpose(2, 1, 0), np.float32)
    return by_taps.reshape(-1, len(kernel))


def _at_half_rate(kernel: Array) -> Array:
    """Return the kernel for input at half the rate that is upsampled by repetition.

    (outputs, inputs, 7 taps) -> (5 x inputs, 2 x outputs): each input sample is read once, and the
    outputs at its even and its odd position are computed together.
    """
    outputs, inputs, _ = kernel.shape
    reach = (PADDING + 1) // 2
    halved = np.zeros((2 * reach + 1, inputs, 2, outputs), np.float32)
    for odd in (0, 1):
        for tap in range(TAPS):
            half_rate_tap = (odd + tap - PADDING) // 2 + reach
            halved[half_rate_tap, :, odd] += kernel[:, :, tap].T
    return halved.reshape(-1, 2 * outputs)


class _Rows:
    """Channels over time, lead after lead, with three zero samples before, between and after leads.

    The inputs of each output are then one contiguous run of numbers, and those of every seventh
    output are adjacent: a strided view is the matrix that is multiplied with the weights, without a
    copy. After the last lead there is room to fill the outputs up to a multiple of seven, and for
    their inputs.

    every    (3 + leads x (samples + 3) + 14, channels), initially zero
    body     (leads x (samples + 3), channels), a view
    behind   (14, channels), a view of what follows the body
    flat     (leads, (samples + 3) x channels), a view of the body
    by_lead  (leads, samples, channels), a view of the body
    """

    def __init__(self, leads: int, samples: int, channels: int) -> None:
        body_rows = leads * (samples + PADDING)
        self.every: Array = np.zeros((PADDING + body_rows + 2 * TAPS, channels), np.float32)
        self.body: Array = self.every[PADDING : -2 * TAPS]
        self.behind: Array = self.every[-2 * TAPS :]
        self.flat: Array = self.body.reshape(leads, -1)
        padded_leads = self.body.reshape(leads, samples + PADDING, channels)
        self.by_lead: Array = padded_leads[:, :samples]
        # Of one lead: the second operand of the ReLU.
        self.zeros: Array = np.zeros_like(self.flat[0])
        self.leads = leads
        self.samples = samples
        self.channels = channels


class _Workspace:
    """The buffers of a forward pass for one number of leads, and its matrix products.

    Both are prepared once: slicing a hundred matrices anew takes half as long as their products.
    """

    def __init__(self) -> None:
        self._rows: dict[str, _Rows] = {}
        self._products: dict[str, list[MatrixProduct]] = {}

    def rows(self, name: str, leads: int, samples: int, channels: int) -> _Rows:
        """Return the buffer that the layer of that name writes to."""
        rows = self._rows.get(name)
        if rows is None:
            rows = _Rows(leads, samples, channels)
            self._rows[name] = rows
        return rows

    def convolve(self, name: str, kernel: Array, rows: _Rows, out: _Rows) -> None:
        """Write the convolution of `rows` with the kernel to `out`.

        For a given name the three are always the same objects.
        """
        products = self._products.get(name)
        if products is None:
            products = _products(rows, kernel, out)
            self._products[name] = products
        for inputs, weights, outputs in products:
            np.matmul(inputs, weights, out=outputs)
        out.behind[:] = 0.0


def _workspace(network: Network, leads: int) -> _Workspace:
    by_leads = network.workspaces.by_leads
    if leads not in by_leads:
        if len(by_leads) == _KEPT_WORKSPACES:
            by_leads.clear()
        by_leads[leads] = _Workspace()
    return by_leads[leads]


def _products(rows: _Rows, kernel: Array, out: _Rows) -> list[MatrixProduct]:
    """Return the matrix products of a convolution as views of its input and output.

    There are as many matrices as taps. Each holds every seventh output (or fifth, for a kernel at
    half the rate), so that the inputs of its rows do not overlap. Blocks of rows keep each product
    under _SMALL_PRODUCT.
    """
    taps = len(kernel) // rows.channels
    outputs_a_tap = -(-len(out.body) // taps)
    block_rows = _SMALL_PRODUCT // kernel.size

    row_stride, number_stride = rows.every.strides
    inputs = as_strided(
        rows.every[PADDING - taps // 2 :],
        shape=(taps, outputs_a_tap, len(kernel)),
        strides=(row_stride, taps * row_stride, number_stride),
        writeable=False,
    )
    filled = out.every[PADDING : PADDING + taps * outputs_a_tap]
    outputs = filled.reshape(outputs_a_tap, taps, out.channels).transpose(1, 0, 2)

    products = []
    for start in range(0, outputs_a_tap, block_rows):
        block = slice(start, start + block_rows)
        products.append((inputs[:, block], kernel, outputs[:, block]))
    return products


def _convolutions(
    network: Network, workspace: _Workspace, name: str, rows: _Rows, first: int = 0
) -> _Rows:
    """Apply a level's convolutions one after the other, from number `first` on."""
    for number in count(first):
        layer = f"{name}.{number}"
        if layer not in network.kernels:
            return rows
        rows = _convolution(network, workspace, layer, rows)
    return rows


def _convolution(network: Network, workspace: _Workspace, name: str, rows: _Rows) -> _Rows:
    """Convolve over time with zero padding at each lead's ends, add the bias, apply ReLU."""
    kernel = network.kernels[name]
    out = workspace.rows(name, rows.leads, rows.samples, kernel.shape[1])
    workspace.convolve(name, kernel, rows, out)
    return _bias_and_relu(out, network.biases[name])


def _join_mean(network: Network, workspace: _Workspace, rows: _Rows, mean: Array) -> _Rows:
    """Convolve each lead concatenated with the mean over leads, (samples, channels)."""
    mean_kernel = network.kernels["joined mean"]
    mean_rows = workspace.rows("mean", 1, rows.samples, mean.shape[1])
    mean_rows.by_lead[0] = mean
    of_mean = workspace.rows("joined mean", 1, rows.samples, mean_kernel.shape[1])
    workspace.convolve("joined mean", mean_kernel, mean_rows, of_mean)

    kernel = network.kernels["joined"]
    out = workspace.rows("joined", rows.leads, rows.samples, kernel.shape[1])
    workspace.convolve("joined", kernel, rows, out)
    out.by_lead += of_mean.by_lead
    return _bias_and_relu(out, network.biases["joined"])


def _join_skip(
    network: Network, workspace: _Workspace, name: str, below: _Rows, skip: _Rows
) -> _Rows:
    """Convolve the level below, upsampled by 2, concatenated with the skip connection."""
    kernel = network.kernels[name]
    out = workspace.rows(name, skip.leads, skip.samples, kernel.shape[1])
    workspace.convolve(name, kernel, skip, out)

    from_below = f"{name} below"
    below_kernel = network.kernels[from_below]
    pairs = workspace.rows(from_below, below.leads, below.samples, below_kernel.shape[1])
    workspace.convolve(from_below, below_kernel, below, pairs)
    # A row holds the outputs at an even and at the next odd position: as one axis they alternate.
    upsampled = pairs.flat.reshape(skip.leads, -1, out.channels)
    out.by_lead += upsampled[:, : skip.samples]
    return _bias_and_relu(out, network.biases[name])


def _bias_and_relu(rows: _Rows, bias: Array) -> _Rows:
    """Add the bias and apply ReLU, in place."""
    rows.flat += bias
    # Against an array of zeros: numpy takes four times as long for the maximum with a number.
    np.maximum(rows.flat, rows.zeros, out=rows.flat)
    return rows


def _max_pooled(workspace: _Workspace, name: str, rows: _Rows) -> _Rows:
    """Max-pool by 2."""
    out = workspace.rows(name, rows.leads, rows.samples // 2, rows.channels)
    np.maximum(rows.by_lead[:, ::2], rows.by_lead[:, 1::2], out=out.by_lead)
    return out


def _lead_mean(rows: _Rows, lead_weights: Array) -> Array:
    """Return the weighted mean over leads, (samples, channels)."""
    mean = (lead_weights @ rows.flat).reshape(-1, rows.channels)
    return np.asarray(mean[: rows.samples], np.float32)


def _p_logit(heads: dict[str, Array], mean: Array) -> float:
    """(samples, channels) at the lowest level -> the logit of the presence of P."""
    pooled = np.concatenate([mean.mean(axis=0), mean.max(axis=0)])
    return float(heads["p_head.weight"][0] @ pooled + heads["p_head.bias"][0])


def _lead_logits(heads: dict[str, Array], rows: _Rows) -> Array:
    """Return (9, leads, samples) logits: four classes and five times."""
    weights = heads["lead_head.weight"]
    bias = heads["lead_head.bias"]
    logits = weights @ rows.body.T + bias[:, None]
    by_lead = logits.reshape(len(logits), rows.leads, -1)
    return by_lead[:, :, : rows.samples]


def _global_logits(
    network: Network, workspace: _Workspace, rows: _Rows, lead_weights: Array
) -> Array:
    """Return (5, samples) logits from the mean and standard deviation over leads."""
    # Over the padding between leads as well, which stays zero.
    mean = lead_weights @ rows.flat
    variance = lead_weights @ np.square(rows.flat - mean)
    samples = rows.samples
    channels = rows.channels
    mean = mean.reshape(-1, channels)[:samples]
    variance = variance.reshape(-1, channels)[:samples]

    moments = workspace.rows("mean and deviation", 1, samples, 2 * channels)
    moments.by_lead[0, :, :channels] = mean
    deviation = moments.by_lead[0, :, channels:]
    np.sqrt(variance + _VARIANCE_FLOOR, out=deviation)

    hidden = _convolution(network, workspace, "global_hidden", moments).by_lead[0]
    weights = network.heads["global_head.weight"]
    bias = network.heads["global_head.bias"]
    logits: Array = weights @ hidden.T + bias[:, None]
    return logits
