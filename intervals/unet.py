"""The delineator's network in plain numpy: a U-Net over time with weights shared over leads.

Four levels of convolutions of seven samples, each at half the rate of the one before; at the lowest each lead is joined with the
mean over leads; then up again, each level beside what was kept of it on the way down. `training/delineator/net.py` is the same in
torch, and tests hold one to the other.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from itertools import count
from typing import Final, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32]
Product: TypeAlias = tuple[Array, Array, Array]
"""Stacks of matrices, the matrix that each is multiplied with, and where the products go."""

BEAT_SAMPLES: Final = 288
CLASSES: Final = 4
LEVELS: Final = 4
TAPS: Final = 7  # of every convolution over time
REACH: Final = TAPS // 2
_SPREAD_FLOOR: Final = 1e-6
# Multiplications up to which OpenBLAS reads the matrices where they lie, and does not copy them first (AVX-512 kernels, 100^3).
_SMALL_PRODUCT: Final = 1_000_000
_KEPT_DESKS: Final = 4  # numbers of leads; up to 2.4 MB each


class _Workspaces(threading.local):
    """A thread's workspaces by the number of leads."""

    def __init__(self) -> None:
        self.by_leads: dict[int, _Workspace] = {}


@dataclass(frozen=True, eq=False)
class Network:
    """The weights as they are multiplied and added.

    kernels  (taps x inputs, outputs) by name
    biases   ((samples + 3) x outputs,) by name, as they are added to one lead
    heads    as they are stored
    workspaces    where passes write to
    """

    kernels: dict[str, Array]
    biases: dict[str, Array]
    heads: dict[str, Array]
    workspaces: _Workspaces = field(default_factory=_Workspaces)


def network_of(weights: dict[str, Array]) -> Network:
    """Weights as they are stored, laid out for the products that are computed of them."""
    kernels = {
        name.removesuffix(".weight"): kernel for name, kernel in weights.items() if kernel.ndim == 3
    }
    found = {name: _by_taps(kernel) for name, kernel in kernels.items()}
    for level in range(
        LEVELS - 1
    ):  # the first inputs come from the level below, at half the rate; the others are what was kept
        kernel = kernels[f"up.{level}.0"]
        below = kernels[f"up.{level - 1}.1" if level else "joined"].shape[
            0
        ]  # what the level below gives
        found[f"up.{level}.0"], found[f"up.{level}.0 below"] = (
            _by_taps(kernel[:, below:]),
            _at_half_rate(kernel[:, :below]),
        )
    own = kernels["joined"].shape[1] // 2
    found["joined"], found["joined mean"] = (
        _by_taps(kernels["joined"][:, :own]),
        _by_taps(kernels["joined"][:, own:]),
    )
    heads = {name: value.astype(np.float32) for name, value in weights.items() if "head." in name}
    return Network(
        found,
        {
            name: _by_samples(weights[f"{name}.bias"], BEAT_SAMPLES >> _halvings(name))
            for name in kernels
        },
        heads,
    )


def forward(
    network: Network, x: Array, alive: NDArray[np.bool_]
) -> tuple[Array, Array, Array, float]:
    """(4, leads, 288) -> class (4, leads, 288), lead-time (5, leads, 288) and global-time (5, 288) logits, and that of P.

    alive  (leads,) bool: the others count for nothing in what is joined over leads
    """
    workspace, heads = _workspace(network, x.shape[1]), network.heads
    share = (alive / max(1, int(alive.sum()))).astype(np.float32)
    rows = workspace.rows("input", x.shape[1], x.shape[2], x.shape[0])
    rows.by_lead[:] = x.transpose(1, 2, 0)
    kept = []
    for level in range(LEVELS):
        rows = _stack(
            network,
            workspace,
            f"down.{level}",
            _halved(workspace, f"halved.{level}", rows) if level else rows,
        )
        kept.append(rows)
    mean = _mean(rows, share)
    present = (
        heads["p_head.weight"][0] @ np.concatenate([mean.mean(axis=0), mean.max(axis=0)])
        + heads["p_head.bias"][0]
    )
    rows = _joined(network, workspace, rows, mean)
    for level in range(LEVELS - 1):
        above = _joined_above(network, workspace, f"up.{level}.0", rows, kept[LEVELS - 2 - level])
        rows = _stack(network, workspace, f"up.{level}", above, begun=1)
    lead, overall = _heads(network, workspace, rows, share)
    return lead[:CLASSES], lead[CLASSES:], overall, float(present)


def _halvings(name: str) -> int:
    """How often time was halved before a layer."""
    room, _, rest = name.partition(".")
    return {
        "down": int(rest[:1] or 0),
        "up": LEVELS - 2 - int(rest[:1] or 0),
        "joined": LEVELS - 1,
        "global_hidden": 0,
    }[room]


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


class _Rows:
    """Channels over time, lead after lead, with three samples of nothing before, between and behind them.

    So the inputs of each output are one run of numbers, and those of every seventh output stand side by side: a matrix that
    need not be laid out for its product with the weights. Behind the last lead there is room for as many outputs as make sevens,
    and for their inputs.

    every    (3 + leads x (samples + 3) + 14, channels), zero to begin with
    body     (leads x (samples + 3), channels), a view
    by_lead  (leads, samples, channels), a view
    """

    def __init__(self, leads: int, samples: int, channels: int) -> None:
        self.every: Array = np.zeros(
            (REACH + leads * (samples + REACH) + 2 * TAPS, channels), np.float32
        )
        self.body: Array = self.every[REACH : -2 * TAPS]
        self.behind: Array = self.every[-2 * TAPS :]
        self.flat: Array = self.body.reshape(leads, -1)
        self.by_lead: Array = self.body.reshape(leads, samples + REACH, channels)[:, :samples]
        self.zeros: Array = np.zeros_like(self.flat[0])
        self.leads, self.samples, self.channels = leads, samples, channels


class _Workspace:
    """What a forward pass of so many leads writes to, and the products that it computes, laid out once.

    Slicing a hundred matrices anew takes as long as half of their products.
    """

    def __init__(self) -> None:
        self._rows: dict[str, _Rows] = {}
        self._products: dict[str, list[Product]] = {}

    def rows(self, name: str, leads: int, samples: int, channels: int) -> _Rows:
        """Where a layer of that name writes to."""
        found = self._rows.get(name)
        if found is None:
            found = self._rows[name] = _Rows(leads, samples, channels)
        return found

    def slide(self, name: str, kernel: Array, rows: _Rows, out: _Rows) -> None:
        """Each row of `out` becomes the product of the kernel, which is always the same for that name, with the rows about it."""
        products = self._products.get(name)
        if products is None:
            products = self._products[name] = _products(rows, kernel, out)
        for inputs, weights, some in products:
            np.matmul(inputs, weights, out=some)
        out.behind[:] = 0.0


def _workspace(network: Network, leads: int) -> _Workspace:
    workspaces = network.workspaces.by_leads
    if leads not in workspaces:
        if len(workspaces) == _KEPT_DESKS:
            workspaces.clear()
        workspaces[leads] = _Workspace()
    return workspaces[leads]


def _products(rows: _Rows, kernel: Array, out: _Rows) -> list[Product]:
    """As many matrices as there are taps, each of every so many outputs, whose inputs do not overlap."""
    taps = len(kernel) // rows.channels
    count, at_once = -(-len(out.body) // taps), _SMALL_PRODUCT // kernel.size
    row, number = rows.every.strides
    inputs = as_strided(
        rows.every[REACH - taps // 2 :],
        (taps, count, len(kernel)),
        (row, taps * row, number),
        writeable=False,
    )
    outputs = (
        out.every[REACH : REACH + taps * count]
        .reshape(count, taps, out.channels)
        .transpose(1, 0, 2)
    )
    blocks = (slice(block, block + at_once) for block in range(0, count, at_once))
    return [(inputs[:, block], kernel, outputs[:, block]) for block in blocks]


def _heads(
    network: Network, workspace: _Workspace, rows: _Rows, share: Array
) -> tuple[Array, Array]:
    """(9, leads, samples) and (5, samples) logits."""
    heads = network.heads
    lead = heads["lead_head.weight"] @ rows.body.T + heads["lead_head.bias"][:, None]
    mean = share @ rows.flat  # with what lies between the leads, which stays zero
    spread = share @ np.square(rows.flat - mean)
    both = workspace.rows("mean and spread", 1, rows.samples, 2 * rows.channels)
    mean, spread = (each.reshape(-1, rows.channels)[: rows.samples] for each in (mean, spread))
    both.by_lead[0, :, : rows.channels] = mean
    np.sqrt(spread + _SPREAD_FLOOR, out=both.by_lead[0, :, rows.channels :])
    hidden = _convolved(network, workspace, "global_hidden", both).by_lead[0]
    overall = heads["global_head.weight"] @ hidden.T + heads["global_head.bias"][:, None]
    return lead.reshape(len(lead), rows.leads, -1)[:, :, : rows.samples], overall


def _stack(
    network: Network, workspace: _Workspace, name: str, rows: _Rows, begun: int = 0
) -> _Rows:
    """The convolutions of a level one after the other, from the one numbered `begun` on."""
    for number in count(begun):
        if f"{name}.{number}" not in network.kernels:
            return rows
        rows = _convolved(network, workspace, f"{name}.{number}", rows)
    return rows


def _convolved(network: Network, workspace: _Workspace, name: str, rows: _Rows) -> _Rows:
    """ReLU of the convolution over time, zero beyond the ends of each lead."""
    out = workspace.rows(name, rows.leads, rows.samples, network.kernels[name].shape[1])
    workspace.slide(name, network.kernels[name], rows, out)
    return _bent(out, network.biases[name])


def _joined(network: Network, workspace: _Workspace, rows: _Rows, mean: Array) -> _Rows:
    """The leads beside their mean (samples, channels), which is convolved once for all of them."""
    alone = workspace.rows("mean", 1, rows.samples, mean.shape[1])
    alone.by_lead[0] = mean
    of_mean = workspace.rows(
        "joined mean", 1, rows.samples, network.kernels["joined mean"].shape[1]
    )
    workspace.slide("joined mean", network.kernels["joined mean"], alone, of_mean)
    out = workspace.rows("joined", rows.leads, rows.samples, network.kernels["joined"].shape[1])
    workspace.slide("joined", network.kernels["joined"], rows, out)
    out.by_lead += of_mean.by_lead
    return _bent(out, network.biases["joined"])


def _joined_above(
    network: Network, workspace: _Workspace, name: str, below: _Rows, kept: _Rows
) -> _Rows:
    """What was kept beside what comes from half the rate, each sample of which stands twice."""
    kernels, from_below = network.kernels, f"{name} below"
    out = workspace.rows(name, kept.leads, kept.samples, kernels[name].shape[1])
    workspace.slide(name, kernels[name], kept, out)
    pairs = workspace.rows(from_below, below.leads, below.samples, kernels[from_below].shape[1])
    workspace.slide(from_below, kernels[from_below], below, pairs)
    out.by_lead += pairs.flat.reshape(kept.leads, -1, out.channels)[:, : kept.samples]
    return _bent(out, network.biases[name])


def _bent(rows: _Rows, bias: Array) -> _Rows:
    """With its bias and without what is negative, in place."""
    rows.flat += bias
    np.maximum(
        rows.flat, rows.zeros, out=rows.flat
    )  # a quarter of what numpy takes for the greater of an array and a number
    return rows


def _halved(workspace: _Workspace, name: str, rows: _Rows) -> _Rows:
    """The greater of each two samples."""
    out = workspace.rows(name, rows.leads, rows.samples // 2, rows.channels)
    np.maximum(rows.by_lead[:, ::2], rows.by_lead[:, 1::2], out=out.by_lead)
    return out


def _mean(rows: _Rows, share: Array) -> Array:
    """(samples, channels) over leads, each by its share."""
    return np.asarray((share @ rows.flat).reshape(-1, rows.channels)[: rows.samples], np.float32)
