"""What an encoder is made of, each part alone on a device: its large products, the positional convolution, fc1 with its GELU."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn

from benchmarks.rounds import Contender, captured, repeated, until_done
from encoder.banded import BandedPositionalConv
from encoder.ecg_fm import EcgFm
from encoder.packed import PackedPositionalConv, can_pack
from encoder.precision import DTYPES

REPEATS = {
    "cpu": 1,
    "cuda": 20,
}  # in one call; there in one graph, so that the device waits for the host once


@dataclass(frozen=True)
class Parts:
    """Parts of an encoder of these weights, for segments of so many tokens. A call of what is returned is REPEATS of the part."""

    weights: EcgFm
    tokens: int
    device: str

    @property
    def repeats(self) -> int:
        return REPEATS[self.device]

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """(in, out) of the encoder's large products."""
        width, ffn = self.weights.config.width, self.weights.config.ffn_width
        return {
            "qkv": (width, 3 * width),
            "out": (width, width),
            "fc1": (width, ffn),
            "fc2": (ffn, width),
        }

    def operations(self, batch: int) -> dict[str, int]:
        """Floating-point operations of a call of each of `products`."""
        return {
            name: self.repeats * 2 * batch * self.tokens * before * after
            for name, (before, after) in self.shapes.items()
        }

    def products(self, dtype: str, batch: int) -> dict[str, Contender]:
        """The products as F.linear does them."""
        return {
            name: self._timed(dtype, partial(F.linear, *self._linear(dtype, batch, name)))
            for name in self.shapes
        }

    def positions(self, dtype: str, batch: int) -> dict[str, Contender]:
        """The positional convolution in each form that this device has."""
        conv = copy.deepcopy(self.weights.position).to(self.device, DTYPES[dtype])
        forms: dict[str, nn.Module] = {
            "position: conv1d": conv,
            "position: banded product": BandedPositionalConv(conv),
        }
        if self.device == "cpu" and can_pack(DTYPES[dtype]):
            forms["position: packed for oneDNN"] = PackedPositionalConv(conv)
        x = self._random(dtype, batch, self.tokens, self.weights.config.width)
        return {name: self._timed(dtype, partial(form, x)) for name, form in forms.items()}

    def gelus(self, dtype: str, batch: int) -> dict[str, Contender]:
        return {
            name: self._timed(dtype, form) for name, form in self.gelu_forms(dtype, batch).items()
        }

    def gelu_forms(self, dtype: str, batch: int) -> dict[str, Callable[[], Tensor]]:
        """fc1 and its GELU: exact, as the encoder has it, and by tanh, which cuBLASLt has as part of the product."""
        x, weight, bias = self._linear(dtype, batch, "fc1")
        return {
            "fc1: F.gelu(F.linear), exact": lambda: F.gelu(F.linear(x, weight, bias)),
            "fc1: torch._addmm_activation, tanh": lambda: torch._addmm_activation(
                bias, x, weight.t(), use_gelu=True
            ),
        }

    def _linear(self, dtype: str, batch: int, name: str) -> tuple[Tensor, Tensor, Tensor]:
        """Input, weight and bias of a product."""
        before, after = self.shapes[name]
        return (
            self._random(dtype, batch * self.tokens, before),
            self._random(dtype, after, before),
            self._random(dtype, after),
        )

    def _random(self, dtype: str, *shape: int) -> Tensor:
        return torch.randn(*shape, device=self.device, dtype=DTYPES[dtype])

    def _timed(self, dtype: str, run: Callable[[], object]) -> Contender:
        many = repeated(run, self.repeats)
        return until_done(
            many if self.device == "cpu" else captured(many, self.device, dtype), self.device, dtype
        )
