"""Augmentation: recordings as varied as the server accepts them.

Shorter, with leads off, another gain, and residues of noise and of other filters.

The functions are batched torch operations on signals that `signals.band` has filtered:
(records, 12, samples) mV at 100 Hz.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Generator, Tensor
from torch.nn import functional

RATE_HZ: Final = 100.0
SHORTEST: Final = 500  # samples, 5 s: the shortest recording that the encoder reads
CHEST: Final = 6  # rows from here on are V1..V6
# Samples of the Fourier transform that filters are applied in: a 10 s recording, and as much again
# for the filters' tails.
TRANSFORM: Final = 2048


def augmented(
    signals: Tensor, usual: Tensor, whole: float, delayed: float, generator: Generator
) -> Tensor:
    """Return augmented recordings: (B, 12, L) -> (B, 13, L' <= L).

    Row 13 is 1 where the units are known, else -1.

    usual    (B,) factor that gives each recording's QRS the usual height
    whole    probability that the batch stays whole or nearly so
    delayed  share of the recordings that are filtered as by another device
    """
    x = _cropped(signals, whole, generator)
    gain, known = _gain(usual, generator)
    x *= gain[:, None, None]
    _add_muscle(x, generator)
    if delayed > 0:
        _delay(x, delayed, generator)
    _add_wander(x, generator)
    _smooth(x, generator)
    x *= _kept_leads(len(x), x.shape[1], generator)[:, :, None]
    return torch.cat([x, known[:, None, None].expand(-1, 1, x.shape[2])], dim=1)


def _random_rows(share: float, count: int, generator: Generator) -> Tensor:
    """Return the rows of a random share of `count` recordings."""
    return (torch.rand(count, generator=generator) < share).nonzero()[:, 0]


def _cropped(x: Tensor, whole: float, generator: Generator) -> Tensor:
    """Crop the batch to one random length, down to 5 s, at a random place of each recording."""
    count, leads, samples = x.shape
    kept_whole = torch.rand(1, generator=generator).item() < whole
    shortest: float = min(SHORTEST, samples)
    longest = 0.8 * samples
    if kept_whole:
        shortest = 0.9 * samples
        longest = samples
    length = int(shortest + (longest - shortest) * torch.rand(1, generator=generator).item())
    start = (torch.rand(count, generator=generator) * (samples - length + 1)).long()
    at = start[:, None] + torch.arange(length)
    return x.gather(2, at[:, None, :].expand(count, leads, length))


def _gain(usual: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Return gains (B,), and whether the units are known, (B,) of 1 and -1.

    All gains have an error of a few percent. One recording in seven is scaled as the server scales
    recordings of unknown units.
    """
    gain = torch.exp(0.06 * torch.randn(len(usual), generator=generator))
    rows = _random_rows(0.15, len(usual), generator)
    gain[rows] *= usual[rows]
    known = torch.ones(len(usual))
    known[rows] = -1.0
    return gain, known


def _add_muscle(x: Tensor, generator: Generator) -> None:
    """Add white noise of up to 0.1 mV to one recording in six."""
    rows = _random_rows(0.17, len(x), generator)
    height_mv = 0.1 * torch.rand(len(rows), 1, 1, generator=generator)
    x[rows] += height_mv * torch.randn(len(rows), *x.shape[1:], generator=generator)


def _add_wander(x: Tensor, generator: Generator) -> None:
    """Add the baseline wander that the band filter leaves, to one recording in seven."""
    rows = _random_rows(0.15, len(x), generator)
    t = torch.arange(x.shape[2]) / RATE_HZ
    hz = 0.3 + 0.7 * torch.rand(len(rows), 1, 1, generator=generator)
    phase = torch.rand(len(rows), x.shape[1], 1, generator=generator)
    height_mv = 0.15 * torch.randn(len(rows), x.shape[1], 1, generator=generator)
    x[rows] += height_mv * torch.sin(2 * math.pi * (hz * t + phase))


def _delay(x: Tensor, share: float, generator: Generator) -> None:
    """Filter a share of the recordings causally, as devices do while they record.

    Such filters delay the signal: ST and T are tilted, P and T have tails. A high-pass of first or
    second order (Butterworth) at 0.2-0.8 Hz; for half of the recordings also a low-pass of second
    order at 40 Hz.
    """
    rows = _random_rows(share, len(x), generator)
    # torch.fft does not accept an empty batch.
    if len(rows) == 0:
        return
    hz = torch.fft.rfftfreq(TRANSFORM, 1 / RATE_HZ)
    high = 1j * hz / (0.2 + 0.6 * torch.rand(len(rows), 1, generator=generator))
    low = 1j * hz / 40.0
    first_order = torch.rand(len(rows), 1, generator=generator) < 0.5
    second_order_response = high * high / (high * high + math.sqrt(2) * high + 1)
    response = torch.where(first_order, high / (high + 1), second_order_response)
    cut = torch.rand(len(rows), 1, generator=generator) < 0.5
    response = response * torch.where(cut, 1 / (low * low + math.sqrt(2) * low + 1), 1.0)
    # Each lead starts at zero, as if the filter had settled on its first value.
    spectrum = torch.fft.rfft(x[rows] - x[rows, :, :1], TRANSFORM)
    x[rows] = torch.fft.irfft(spectrum * response[:, None, :], TRANSFORM)[:, :, : x.shape[2]]


def _smooth(x: Tensor, generator: Generator) -> None:
    """Smooth one recording in seven, as slower devices and other anti-aliasing filters do."""
    rows = _random_rows(0.15, len(x), generator)
    side = 0.22 * torch.rand(len(rows), 1, 1, generator=generator)
    around = functional.pad(x[rows], (1, 1), mode="replicate")
    x[rows] = (1 - 2 * side) * x[rows] + side * (around[:, :, :-2] + around[:, :, 2:])


def _kept_leads(count: int, leads: int, generator: Generator) -> Tensor:
    """Return which leads stay, (B, 12) of 0 and 1.

    One or two leads are flat in one recording of six; two in a hundred have only the limb leads.
    """
    order = torch.rand(count, leads, generator=generator).argsort(dim=1)
    lost = torch.zeros(count)
    rows = _random_rows(0.17, count, generator)
    lost[rows] = torch.randint(1, 3, (len(rows),), generator=generator).float()
    kept = (order >= lost[:, None]).float()
    kept[_random_rows(0.02, count, generator), CHEST:] = 0.0
    return kept
