"""The banded product is the convolution, whatever the kernel and however many tokens."""

from __future__ import annotations

import pytest
import torch

from encoder.banded import CHUNK, BandedPositionalConv
from encoder.ecg_fm import PositionalConv


@pytest.mark.parametrize("kernel", [8, 7, 1, 40])
@pytest.mark.parametrize("tokens", [1, CHUNK - 1, CHUNK, 4 * CHUNK + 5])
def test_the_banded_product_is_the_convolution(kernel: int, tokens: int) -> None:
    torch.manual_seed(5)
    position = PositionalConv(12, kernel, 3).requires_grad_(False)
    x = torch.randn(3, tokens, 12)
    torch.testing.assert_close(BandedPositionalConv(position)(x), position(x), atol=1e-5, rtol=1e-5)


def test_at_full_size_too() -> None:
    torch.manual_seed(6)
    position = PositionalConv(768, 128, 16).requires_grad_(False)
    x = torch.randn(1, 156, 768)
    torch.testing.assert_close(BandedPositionalConv(position)(x), position(x), atol=1e-5, rtol=1e-5)


def test_the_bands_are_not_stored_with_the_weights() -> None:
    assert BandedPositionalConv(PositionalConv(12, 8, 3)).state_dict() == {}
