"""The delineator's network in plain numpy: a U-Net over time with weights shared over leads.

It marks P, QRS and T on one representative beat. It has four levels of convolutions with seven
taps; each level has half the sampling rate of the level before. At the lowest level, each lead is
concatenated with the mean over leads. On the way up, each level is concatenated with its skip
connection. `training/delineator/net.py` is the same network in PyTorch; tests require equal
outputs.
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

CLASSES: Final = 4  # background, P, QRS and T
LEVELS: Final = 4
TAPS: Final = 7  # of every convolution over time
PADDING: Final = TAPS // 2  # zero samples before and after each lead
_VARIANCE_FLOOR: Final = 1e-6  # added to a variance before its square root
# The largest product, in multiplications, for which OpenBLAS reads matrices in place instead of
# packing them first (AVX-512 kernels, 100^3).
_SMALL_PRODUCT: Final = 1_000_000
# Workspaces that each thread keeps, one for each number of leads; each has up to 2.4 MB.
_KEPT_WORKSPACES: Final = 4


class _Workspaces(threading.local):
    """The workspaces of the current thread, by the number of leads."""

    def __init__(self) -> None:
        self.by_leads: dict[int, _Workspace] = {}


@dataclass(frozen=True, eq=False)
class Network:
    """The network's weights, in the layout that the forward pass multiplies and adds.

    kernels     layer name -> (taps x inputs, outputs)
    biases      layer name -> ((samples + 3) x outputs,), the bias of one lead: repeated for each of
                its samples, and minus infinity in the padding after them
    heads       weights and biases of the output layers, with their stored names and shapes
    workspaces  the buffers that forward passes write to
    """

    kernels: dict[str, Array]
    biases: dict[str, Array]
    heads: dict[str, Array]
    workspaces: _Workspaces = field(default_factory=_Workspaces)


def build_network(weights: dict[str, Array]) -> Network:
    """Return the network with its weights arranged for the matrix products of the forward pass.

    weights  by the names that `training/delineator/net.py` exports; convolutions are
             (outputs, inputs, taps)
    """
    stored = {
        name.removesuffix(".weight"): kernel for name, kernel in weights.items() if kernel.ndim == 3
    }
    kernels = {name: _by_taps(kernel) for name, kernel in stored.items()}

    # The first convolution of each level on the way up is split in two: its first inputs come from
    # the level below, at half the rate; the others come from the skip connection.
    for level in range(LEVELS - 1):
        name = f"up.{level}.0"
        below = f"up.{level - 1}.1" if level else "joined"
        inputs_from_below = stored[below].shape[0]
        kernels[name] = _by_taps(stored[name][:, inputs_from_below:])
        kernels[f"{name} below"] = _at_half_rate(stored[name][:, :inputs_from_below])

    # The convolution that joins each lead with the mean over leads is split too: the mean is then
    # convolved only once.
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
    """Return the network's logits for one beat.

    x           (4, leads, 360) features of the beat, from `delineator.network_input`
    has_signal  (leads,) bool; leads without a signal are left out of the means over leads

    Returns (classes, lead_times, global_times, p_present):
    classes       (4, leads, 360) logits of background, P, QRS and T
    lead_times    (5, leads, 360) logits of P onset and offset, QRS onset and offset, and T offset
    global_times  (5, 360) the same for all leads together
    p_present     the logit of the presence of a P wave
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
    """Return how often the sampling rate has been halved at the layer of that name."""
    part, _, position = name.partition(".")
    if part == "down":
        return int(position[0])
    if part == "up":
        return LEVELS - 2 - int(position[0])
    return {"joined": LEVELS - 1, "global_hidden": 0}[part]


def _by_samples(bias: Array, samples: int) -> Array:
    """Return the bias repeated for each sample of a lead: (outputs,) -> ((samples + 3) x outputs,).

    The three samples of padding after the lead get minus infinity: ReLU then makes them zero.
    """
    lead = np.full((samples + PADDING, bias.size), -np.inf, np.float32)
    lead[:samples] = bias
    return lead.ravel()


def _by_taps(kernel: Array) -> Array:
    """Return a kernel as a matrix: (outputs, inputs, taps) -> (taps x inputs, outputs)."""
    by_taps = np.ascontiguousarray(kernel.transpose(2, 1, 0), np.float32)
    return by_taps.reshape(-1, len(kernel))


def _at_half_rate(kernel: Array) -> Array:
    """Return the kernel that convolves input at half the rate as if upsampled by repetition.

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
    """A buffer with a row for each sample, lead after lead, with three zero rows around each lead.

    The inputs of one output are then contiguous, and the inputs of every seventh output are
    adjacent: a strided view, without a copy, is the matrix that is multiplied with the weights. The
    rows after the last lead fill the outputs up to a multiple of seven, and hold their inputs.

    padded   (3 + leads x (samples + 3) + 14, channels), all rows, initially zero
    body     (leads x (samples + 3), channels), a view of the leads, each with the padding after it
    tail     (14, channels), a view of the rows after the body
    flat     (leads, (samples + 3) x channels), a view of the body
    by_lead  (leads, samples, channels), a view of the body without padding
    zeros    ((samples + 3) x channels,), the second operand of the ReLU of one lead
    """

    def __init__(self, leads: int, samples: int, channels: int) -> None:
        body_rows = leads * (samples + PADDING)
        self.padded: Array = np.zeros((PADDING + body_rows + 2 * TAPS, channels), np.float32)
        self.body: Array = self.padded[PADDING : -2 * TAPS]
        self.tail: Array = self.padded[-2 * TAPS :]
        self.flat: Array = self.body.reshape(leads, -1)
        padded_leads = self.body.reshape(leads, samples + PADDING, channels)
        self.by_lead: Array = padded_leads[:, :samples]
        self.zeros: Array = np.zeros_like(self.flat[0])
        self.leads = leads
        self.samples = samples
        self.channels = channels


class _Workspace:
    """The buffers and matrix products of a forward pass, for one number of leads.

    Both are prepared once: slicing a hundred matrices again takes half as long as multiplying them.
    """

    def __init__(self) -> None:
        self._rows: dict[str, _Rows] = {}
        self._products: dict[str, list[MatrixProduct]] = {}

    def rows(self, name: str, leads: int, samples: int, channels: int) -> _Rows:
        """Return the buffer that the layer `name` writes to; the first call allocates it."""
        rows = self._rows.get(name)
        if rows is None:
            rows = _Rows(leads, samples, channels)
            self._rows[name] = rows
        return rows

    def convolve(self, name: str, kernel: Array, rows: _Rows, out: _Rows) -> None:
        """Write the convolution of `rows` with the kernel to `out`.

        Every call with the same name must pass the same three objects, because the views of them
        are prepared at the first call.
        """
        products = self._products.get(name)
        if products is None:
            products = _products(rows, kernel, out)
            self._products[name] = products
        for inputs, weights, outputs in products:
            np.matmul(inputs, weights, out=outputs)
        out.tail[:] = 0.0


def _workspace(network: Network, leads: int) -> _Workspace:
    """Return the current thread's workspace for a number of leads; the first call creates it."""
    by_leads = network.workspaces.by_leads
    if leads not in by_leads:
        if len(by_leads) == _KEPT_WORKSPACES:
            by_leads.clear()
        by_leads[leads] = _Workspace()
    return by_leads[leads]


def _products(rows: _Rows, kernel: Array, out: _Rows) -> list[MatrixProduct]:
    """Return the matrix products of a convolution as views of its input and output.

    There are as many matrices as taps. Each holds every seventh output (every fifth for a kernel at
    half the rate), so that the inputs of its rows do not overlap. The matrices are split into
    blocks of rows, so that no product has more than _SMALL_PRODUCT multiplications.
    """
    taps = len(kernel) // rows.channels
    outputs_a_tap = -(-len(out.body) // taps)
    block_rows = _SMALL_PRODUCT // kernel.size

    row_stride, value_stride = rows.padded.strides
    inputs = as_strided(
        rows.padded[PADDING - taps // 2 :],
        shape=(taps, outputs_a_tap, len(kernel)),
        strides=(row_stride, taps * row_stride, value_stride),
        writeable=False,
    )
    filled = out.padded[PADDING : PADDING + taps * outputs_a_tap]
    outputs = filled.reshape(outputs_a_tap, taps, out.channels).transpose(1, 0, 2)

    products = []
    for start in range(0, outputs_a_tap, block_rows):
        block = slice(start, start + block_rows)
        products.append((inputs[:, block], kernel, outputs[:, block]))
    return products


def _convolutions(
    network: Network, workspace: _Workspace, name: str, rows: _Rows, first: int = 0
) -> _Rows:
    """Return the output of a level's convolutions, applied in order from number `first` on."""
    for number in count(first):
        layer = f"{name}.{number}"
        if layer not in network.kernels:
            return rows
        rows = _convolution(network, workspace, layer, rows)
    return rows


def _convolution(network: Network, workspace: _Workspace, name: str, rows: _Rows) -> _Rows:
    """Return the layer's output: the convolution over time, zero-padded, plus bias, after ReLU."""
    kernel = network.kernels[name]
    out = workspace.rows(name, rows.leads, rows.samples, kernel.shape[1])
    workspace.convolve(name, kernel, rows, out)
    return _bias_and_relu(out, network.biases[name])


def _join_mean(network: Network, workspace: _Workspace, rows: _Rows, mean: Array) -> _Rows:
    """Return the convolution of each lead concatenated with the mean over leads, after ReLU.

    mean  (samples, channels)
    """
    mean_kernel = network.kernels["joined mean"]
    mean_rows = workspace.rows("mean", 1, rows.samples, mean.shape[1])
    mean_rows.by_lead[0] = mean
    convolved_mean = workspace.rows("joined mean", 1, rows.samples, mean_kernel.shape[1])
    workspace.convolve("joined mean", mean_kernel, mean_rows, convolved_mean)

    kernel = network.kernels["joined"]
    out = workspace.rows("joined", rows.leads, rows.samples, kernel.shape[1])
    workspace.convolve("joined", kernel, rows, out)
    out.by_lead += convolved_mean.by_lead
    return _bias_and_relu(out, network.biases["joined"])


def _join_skip(
    network: Network, workspace: _Workspace, name: str, below: _Rows, skip: _Rows
) -> _Rows:
    """Return the convolution of `below`, upsampled by 2 and joined with `skip`, after ReLU."""
    kernel = network.kernels[name]
    out = workspace.rows(name, skip.leads, skip.samples, kernel.shape[1])
    workspace.convolve(name, kernel, skip, out)

    from_below = f"{name} below"
    below_kernel = network.kernels[from_below]
    pairs = workspace.rows(from_below, below.leads, below.samples, below_kernel.shape[1])
    workspace.convolve(from_below, below_kernel, below, pairs)
    # A row holds the outputs at an even and the next odd position. Reshaping interleaves them.
    upsampled = pairs.flat.reshape(skip.leads, -1, out.channels)
    out.by_lead += upsampled[:, : skip.samples]
    return _bias_and_relu(out, network.biases[name])


def _bias_and_relu(rows: _Rows, bias: Array) -> _Rows:
    """Add the bias and apply ReLU, in place."""
    rows.flat += bias
    # np.maximum with an array of zeros: with a scalar, numpy takes four times as long.
    np.maximum(rows.flat, rows.zeros, out=rows.flat)
    return rows


def _max_pooled(workspace: _Workspace, name: str, rows: _Rows) -> _Rows:
    """Return the rows max-pooled by 2 over time: half as many samples."""
    out = workspace.rows(name, rows.leads, rows.samples // 2, rows.channels)
    np.maximum(rows.by_lead[:, ::2], rows.by_lead[:, 1::2], out=out.by_lead)
    return out


def _lead_mean(rows: _Rows, lead_weights: Array) -> Array:
    """Return the weighted mean over leads, (samples, channels)."""
    mean = (lead_weights @ rows.flat).reshape(-1, rows.channels)
    return np.asarray(mean[: rows.samples], np.float32)


def _p_logit(heads: dict[str, Array], mean: Array) -> float:
    """Return the logit of the presence of P, from the lowest level's mean, (samples, channels)."""
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
    # The padding after each lead is included: it is zero in all leads, and so in the results.
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
