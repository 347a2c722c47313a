"""Which numbers an encoder is run in where nobody says, and how long a process's encoders may take to be ready."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from analysis import encoders
from analysis.encoders import WARM_UP_SECONDS, choose_dtype, load_runners
from encoder.config import CompactConfig, ConvLayer, EcgFmConfig
from tests.analysis.deployments import BOTH

LARGE = EcgFmConfig((ConvLayer(8, 2, 2),) * 4, 16, 24, 2, 2, 8, 4)
COMPACT = CompactConfig(ConvLayer(8, 7, 2), (ConvLayer(8, 5, 2),), 4, 2, 16, 3)


@pytest.mark.parametrize(
    "has_instructions, loaded, chosen",
    [
        (True, LARGE, "bfloat16"),
        (False, LARGE, "float32"),
        (True, COMPACT, "float32"),
        (False, COMPACT, "float32"),
    ],
)
def test_auto_on_a_cpu_is_bfloat16_where_that_is_faster(
    has_instructions: bool,
    loaded: EcgFmConfig | CompactConfig,
    chosen: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encoders, "cpu_multiplies_bfloat16", lambda: has_instructions)
    assert choose_dtype("auto", "cpu", loaded) == chosen


@pytest.mark.parametrize(
    "device, chosen", [("cuda:0", "float32"), ("cuda:1", "bfloat16"), ("cuda:2", "bfloat16")]
)
def test_auto_on_a_gpu_is_bfloat16_where_that_one_multiplies_it(
    device: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A V100, which PyTorch lets have bfloat16 by emulation, beside an A100 and an H200."""
    capabilities = {"cuda:0": (7, 0), "cuda:1": (8, 0), "cuda:2": (9, 0)}
    monkeypatch.setattr("torch.cuda.get_device_capability", capabilities.__getitem__)
    assert choose_dtype("auto", device, LARGE) == chosen


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_what_is_asked_for_is_taken(dtype: str) -> None:
    assert choose_dtype(dtype, "cpu", LARGE) == dtype


def test_all_encoders_of_a_process_warm_up_within_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    deadlines: list[float] = []

    def warm_up(samples: int, deadline: float) -> None:
        deadlines.append(deadline)
        time.sleep(0.01)

    monkeypatch.setattr(encoders, "load_encoder_file", lambda *_: None)
    monkeypatch.setattr(
        encoders, "EncoderRunner", lambda module, **_: SimpleNamespace(warm_up=warm_up)
    )
    before = time.monotonic()
    runners, _ = load_runners(BOTH, "cpu", "float32")
    assert len(runners) == 2 and len(set(deadlines)) == 1
    assert before + WARM_UP_SECONDS <= deadlines[0] < time.monotonic() + WARM_UP_SECONDS
