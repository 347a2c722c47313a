"""A convolution as a matrix product gives what the convolution gives."""

from __future__ import annotations

import pytest
import torch

from encoder.ecg_fm import Frames, FramesGelu
from encoder.frame_product import FrameProduct, with_matrix_products


@pytest.mark.parametrize("kind", [Frames, FramesGelu])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("samples", [40, 41])
def test_it_gives_the_same(kind: type[Frames], bias: bool, samples: int) -> None:
    torch.manual_seed(2)
    frames = kind(12, 8, 2, 2, bias=bias)
    x = torch.randn(3, samples, 12)
    torch.testing.assert_close(FrameProduct(frames)(x), frames(x), rtol=0, atol=0)


def test_overlapping_windows_stay_a_convolution_and_twice_is_once() -> None:
    convs = torch.nn.ModuleList([Frames(12, 8, 2, 2), FramesGelu(8, 8, 3, 2)])
    found = with_matrix_products(convs)
    assert isinstance(found[0], FrameProduct) and found[1] is convs[1]
    assert list(with_matrix_products(found)) == list(found)
