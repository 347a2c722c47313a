"""Single parts of an encoder on a device: large products, positional convolution, fc1 with GELU."""

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

# Calls of a part in one measured call. On a GPU they are one graph, so that the device waits for
# the host once.
REPEATS = {"cpu": 1, "cuda": 20}


@dataclass(frozen=True)
class Parts:
    """The parts of an encoder with these weights, for segments of this many tokens.

    A call of a contender runs its part REPEATS times.
    """

    weights: EcgFm
    tokens: int
    device: str

    @property
    def repeats(self) -> int:
        return REPEATS[self.device]

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """(in, out) of the encoder's large products."""
        width = self.weights.config.width
        ffn = self.weights.config.ffn_width
        return {
            "qkv": (width, 3 * width),
            "out": (width, width),
            "fc1": (width, ffn),
            "fc2": (ffn, width),
        }

    def operations(self, batch: int) -> dict[str, int]:
        """Return the floating-point operations of one call of each of `products`."""
        rows = batch * self.tokens
        return {
            name: self.repeats * 2 * rows * inputs * outputs
            for name, (inputs, outputs) in self.shapes.items()
        }

    def products(self, dtype: str, batch: int) -> dict[str, Contender]:
        """Return the products by F.linear."""
        contenders: dict[str, Contender] = {}
        for name in self.shapes:
            x, weight, bias = self._linear(dtype, batch, name)
            contenders[name] = self._timed(dtype, partial(F.linear, x, weight, bias))
        return contenders

    def positions(self, dtype: str, batch: int) -> dict[str, Contender]:
        """Return the positional convolution in each form that this device supports."""
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
        """Return fc1 with GELU in both forms."""
        forms = self.gelu_forms(dtype, batch)
        return {name: self._timed(dtype, form) for name, form in forms.items()}

    def gelu_forms(self, dtype: str, batch: int) -> dict[str, Callable[[], Tensor]]:
        """Return fc1 with GELU: exact, as in the encoder, and by tanh.

        cuBLASLt computes the tanh form as part of the product.
        """
        x, weight, bias = self._linear(dtype, batch, "fc1")
        return {
            "fc1: F.gelu(F.linear), exact": lambda: F.gelu(F.linear(x, weight, bias)),
            "fc1: torch._addmm_activation, tanh": lambda: torch._addmm_activation(
                bias, x, weight.t(), use_gelu=True
            ),
        }

    def _linear(self, dtype: str, batch: int, name: str) -> tuple[Tensor, Tensor, Tensor]:
        """Return input, weight and bias of a product."""
        inputs, outputs = self.shapes[name]
        return (
            self._random(dtype, batch * self.tokens, inputs),
            self._random(dtype, outputs, inputs),
            self._random(dtype, outputs),
        )

    def _random(self, dtype: str, *shape: int) -> Tensor:
        return torch.randn(*shape, device=self.device, dtype=DTYPES[dtype])

    def _timed(self, dtype: str, run: Callable[[], object]) -> Contender:
        call = repeated(run, self.repeats)
        if self.device != "cpu":
            call = captured(call, self.device, dtype)
        return until_done(call, self.device, dtype)
