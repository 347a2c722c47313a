"""Recordings disturbed as the server lets them in: cut short, leads off, another gain, residues of noise and of other filters.

Batched torch operations on signals that `signals.band` has filtered already: (records, 12, samples) mV at 100 Hz.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

RATE_HZ: Final = 100.0
SHORTEST: Final = 500  # samples, 5 s: the shortest recording that the encoder reads
CHEST: Final = 6  # rows from here on are V1..V6
WIDE: Final = 2048  # samples of the transform in which filters are applied: a 10 s recording and as much again for their tails


def augmented(
    signals: Tensor, usual: Tensor, whole: float, delayed: float, generator: torch.Generator
) -> Tensor:
    """signals (B, 12, L) -> (B, 13, L' <= L), the last row saying whether the units are known.

    usual    (B,) factors that make each one's QRS of usual height
    whole    share of the batches that are left whole or nearly so
    delayed  share of the recordings that another device's filter has gone over
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


def _some(share: float, count: int, generator: torch.Generator) -> Tensor:
    """Rows of those it happens to."""
    return (torch.rand(count, generator=generator) < share).nonzero()[:, 0]


def _cropped(x: Tensor, whole: float, generator: torch.Generator) -> Tensor:
    """One length for the batch, whole or down to 5 s, and for each recording a place of its own."""
    count, leads, samples = x.shape
    kept_whole = torch.rand(1, generator=generator).item() < whole
    shortest, longest = (
        (0.9 * samples, samples) if kept_whole else (min(SHORTEST, samples), 0.8 * samples)
    )
    length = int(shortest + (longest - shortest) * torch.rand(1, generator=generator).item())
    start = (torch.rand(count, generator=generator) * (samples - length + 1)).long()
    at = start[:, None] + torch.arange(length)
    return x.gather(2, at[:, None, :].expand(count, leads, length))


def _gain(usual: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(B,) twice: a few percent of gain error, for one in seven what is done where the units are unknown; -1 for those, else 1."""
    gain = torch.exp(0.06 * torch.randn(len(usual), generator=generator))
    rows = _some(0.15, len(usual), generator)
    gain[rows] *= usual[rows]
    known = torch.ones(len(usual))
    known[rows] = -1.0
    return gain, known


def _add_muscle(x: Tensor, generator: torch.Generator) -> None:
    """Noise of up to 0.1 mV on one recording in six."""
    rows = _some(0.17, len(x), generator)
    height_mv = 0.1 * torch.rand(len(rows), 1, 1, generator=generator)
    x[rows] += height_mv * torch.randn(len(rows), *x.shape[1:], generator=generator)


def _add_wander(x: Tensor, generator: torch.Generator) -> None:
    """What the band leaves of wander, on one recording in seven."""
    rows = _some(0.15, len(x), generator)
    t = torch.arange(x.shape[2]) / RATE_HZ
    hz, phase = (
        0.3 + 0.7 * torch.rand(len(rows), 1, 1, generator=generator),
        torch.rand(len(rows), x.shape[1], 1, generator=generator),
    )
    height_mv = 0.15 * torch.randn(len(rows), x.shape[1], 1, generator=generator)
    x[rows] += height_mv * torch.sin(2 * math.pi * (hz * t + phase))


def _delay(x: Tensor, share: float, generator: torch.Generator) -> None:
    """Filters that delay what they let through, as devices have them that filter while they record: ST and T lean, P and T tail off.

    A high-pass of first or second order (Butterworth) at 0.2-0.8 Hz; on every other one a low-pass of second order at 40 Hz.
    """
    rows = _some(share, len(x), generator)
    if len(rows) == 0:  # no transform takes nothing
        return
    hz = torch.fft.rfftfreq(WIDE, 1 / RATE_HZ)
    high = 1j * hz / (0.2 + 0.6 * torch.rand(len(rows), 1, generator=generator))
    low = 1j * hz / 40.0
    first_order = torch.rand(len(rows), 1, generator=generator) < 0.5
    response = torch.where(
        first_order, high / (high + 1), high * high / (high * high + math.sqrt(2) * high + 1)
    )
    cut = torch.rand(len(rows), 1, generator=generator) < 0.5
    response = response * torch.where(cut, 1 / (low * low + math.sqrt(2) * low + 1), 1.0)
    # Each lead from zero on, as a filter that has settled on its first value.
    spectrum = torch.fft.rfft(x[rows] - x[rows, :, :1], WIDE)
    x[rows] = torch.fft.irfft(spectrum * response[:, None, :], WIDE)[:, :, : x.shape[2]]


def _smooth(x: Tensor, generator: torch.Generator) -> None:
    """A gentle low-pass on one recording in seven, as slower devices and other anti-alias filters have it."""
    rows = _some(0.15, len(x), generator)
    side = 0.22 * torch.rand(len(rows), 1, 1, generator=generator)
    around = functional.pad(x[rows], (1, 1), mode="replicate")
    x[rows] = (1 - 2 * side) * x[rows] + side * (around[:, :, :-2] + around[:, :, 2:])


def _kept_leads(count: int, leads: int, generator: torch.Generator) -> Tensor:
    """(B, 12) of 0 and 1: one or two leads flat in one recording of six; a few have the limb leads alone."""
    order = torch.rand(count, leads, generator=generator).argsort(dim=1)
    lost = torch.zeros(count)
    rows = _some(0.17, count, generator)
    lost[rows] = torch.randint(1, 3, (len(rows),), generator=generator).float()
    kept = (order >= lost[:, None]).float()
    kept[_some(0.02, count, generator), CHEST:] = 0.0
    return kept
