"""float32 products are not rounded on a CUDA device unless tf32 is requested."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from encoder.ecg_fm import EcgFm
from encoder.precision import set_tf32
from encoder.runner import EncoderRunner
from tests.encoder.test_packed import CONFIGS


@pytest.fixture(autouse=True)
def restore_tf32() -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize(
    "dtype, shorter", [("tf32", True), ("float32", False), ("bfloat16", False), ("tf32", True)]
)
def test_products_are_shortened_for_tf32_alone(dtype: str, shorter: bool) -> None:
    set_tf32(dtype)
    assert (
        torch.backends.cuda.matmul.allow_tf32 is shorter
        and torch.backends.cudnn.allow_tf32 is shorter
    )
    assert torch.get_float32_matmul_precision() == ("high" if shorter else "highest")


def test_tf32_is_refused_on_a_cpu() -> None:
    with pytest.raises(ValueError, match="dtype: found 'tf32', allowed float32, bfloat16, float16"):
        EncoderRunner(EcgFm(CONFIGS["post-LN"]), dtype="tf32")
