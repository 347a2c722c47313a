"""The dtype that an encoder runs in, and how the encoders of a process are loaded and warmed up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analysis import encoders
from analysis.encoders import WARM_UP_SECONDS, choose_dtype, load_runners
from encoder.config import CompactConfig, ConvLayer, EcgFmConfig
from tests.analysis.deployments import BOTH, NOTHING

LARGE = EcgFmConfig((ConvLayer(8, 2, 2),) * 4, 16, 24, 2, 2, 8, 4)
COMPACT = CompactConfig(ConvLayer(8, 7, 2), (ConvLayer(8, 5, 2),), 4, 2, 16, 3)


@pytest.mark.parametrize(
    ("has_instructions", "config", "dtype"),
    [
        (True, LARGE, "bfloat16"),
        (False, LARGE, "float32"),
        (True, COMPACT, "float32"),
        (False, COMPACT, "float32"),
    ],
)
def test_auto_on_a_cpu_is_bfloat16_where_that_is_faster(
    has_instructions: bool,
    config: EcgFmConfig | CompactConfig,
    dtype: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encoders, "cpu_multiplies_bfloat16", lambda: has_instructions)
    assert choose_dtype("auto", "cpu", config) == dtype


@pytest.mark.parametrize("config", [LARGE, COMPACT])
@pytest.mark.parametrize(
    ("device", "dtype"), [("cuda:0", "float32"), ("cuda:1", "bfloat16"), ("cuda:2", "bfloat16")]
)
def test_auto_on_a_gpu_is_bfloat16_where_that_gpu_multiplies_it(
    device: str,
    dtype: str,
    config: EcgFmConfig | CompactConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A V100, for which PyTorch emulates bfloat16, an A100 and an H200."""
    capabilities = {"cuda:0": (7, 0), "cuda:1": (8, 0), "cuda:2": (9, 0)}
    monkeypatch.setattr("torch.cuda.get_device_capability", capabilities.__getitem__)
    assert choose_dtype("auto", device, config) == dtype


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_dtype_that_is_asked_for_is_used(dtype: str, device: str) -> None:
    assert choose_dtype(dtype, device, LARGE) == dtype


class Loads:
    """Records what `load_runners` loads and warms up, instead of loading it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.weights: list[Path] = []
        self.runners: list[dict[str, Any]] = []
        self.warm_ups: list[tuple[int, float]] = []
        monkeypatch.setattr(encoders, "load_encoder_file", self._load)
        monkeypatch.setattr(encoders, "EncoderRunner", self._runner)
        monkeypatch.setattr(encoders.time, "monotonic", lambda: 1000.0)

    def _load(self, config: object, weights: Path, dtype: str, device: str) -> object:
        self.weights.append(weights)
        return (config, dtype, device)

    def _runner(self, module: object, **options: Any) -> SimpleNamespace:
        self.runners.append({"module": module, **options})
        return SimpleNamespace(warm_up=lambda *given: self.warm_ups.append(given))


def test_each_encoder_is_loaded_once_and_all_warm_up_within_one_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loads = Loads(monkeypatch)
    runners, runtime = load_runners(BOTH, "cpu", "float16", Path("/compiled"))
    assert list(runners) == ["clinical", "features"]
    assert loads.weights == [Path("/nowhere/model.safetensors")] * 2
    configs = [encoder.config for encoder in BOTH.encoders.values()]
    assert [runner["module"] for runner in loads.runners] == [
        (config, "float16", "cpu") for config in configs
    ]
    for runner in loads.runners:
        assert (runner["device"], runner["dtype"]) == ("cpu", "float16")
        assert runner["compile_cache"] == Path("/compiled")
    # Segments of 5 s at 500 Hz; one deadline for both.
    assert loads.warm_ups == [(2500, 1000.0 + WARM_UP_SECONDS)] * 2
    assert (runtime.dtype, runtime.device) == ("float16", "cpu")


def test_the_clinical_encoders_dtype_is_named_where_dtypes_differ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Loads(monkeypatch)
    dtypes = iter(["bfloat16", "float32"])
    monkeypatch.setattr(encoders, "choose_dtype", lambda *_: next(dtypes))
    _, runtime = load_runners(BOTH, "cuda:0", "auto")
    assert (runtime.dtype, runtime.device) == ("bfloat16", "cuda:0")


def test_without_encoders_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = Loads(monkeypatch)
    runners, runtime = load_runners(NOTHING, "cpu", "auto")
    assert (runners, loads.weights, runtime.dtype) == ({}, [], "float32")
