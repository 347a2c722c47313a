"""The runner respects memory, dtype and device; the loader loads all weights or none."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch import Tensor

from encoder.config import ConvLayer, EcgFmConfig
from encoder.ecg_fm import EcgFm, EncoderOutput
from encoder.output import EncodedBatch
from encoder.runner import EncoderRunner
from encoder.weights import load_encoder, load_encoder_file
from errors import BadBundle

CONFIG = EcgFmConfig(
    conv_layers=(ConvLayer(8, 2, 2),) * 4,
    width=16,
    ffn_width=24,
    depth=2,
    heads=2,
    conv_pos_kernel=8,
    conv_pos_groups=4,
    labels=3,
)


@pytest.fixture
def encoder() -> EcgFm:
    torch.manual_seed(1)
    return EcgFm(CONFIG)


@pytest.fixture
def segments() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(7, 12, 320)).astype(np.float32)


class SmallDevice(EcgFm):
    """An encoder on a device that holds `room` segments, and counts what it was given."""

    def __init__(self, room: int) -> None:
        super().__init__(CONFIG)
        self.room = room
        self.asked: list[int] = []

    def forward(
        self, segments: Tensor, *, layers: tuple[int, ...] = (), attention: bool = False
    ) -> EncoderOutput:
        self.asked.append(len(segments))
        if len(segments) > self.room:
            raise torch.cuda.OutOfMemoryError(
                "CUDA out of memory. Tried to allocate more than there is"
            )
        return super().forward(segments, layers=layers, attention=attention)


# Batches


@pytest.mark.parametrize("max_batch", [1, 2, 3, 7, 100])
def test_a_batch_is_cut_into_pieces_and_joined_in_order(
    max_batch: int, encoder: EcgFm, segments: np.ndarray
) -> None:
    whole = EncoderRunner(encoder).run(segments, layers=(0, 2), attention=True, final_tokens=True)
    cut = EncoderRunner(encoder, max_batch=max_batch).run(
        segments, layers=(0, 2), attention=True, final_tokens=True
    )
    for name in ("pooled", "logits", "tokens", "attention"):
        np.testing.assert_allclose(getattr(cut, name), getattr(whole, name), atol=1e-5)
    for layer in (0, 2):
        np.testing.assert_allclose(cut.hidden[layer], whole.hidden[layer], atol=1e-5)
    assert len(cut) == 7


def test_out_of_memory_halves_the_piece_remembers_it_and_answers(
    segments: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    device = SmallDevice(room=2)
    runner = EncoderRunner(device, max_batch=7)
    with caplog.at_level(logging.WARNING, "ecg.encoder"):
        encoded = runner.run(segments)
    assert device.asked == [7, 3, 1, 1, 1, 1, 1, 1, 1]
    assert [record.args[2] for record in caplog.records] == [3, 1]
    device.room, device.asked = 100, []
    np.testing.assert_allclose(
        encoded.pooled, EncoderRunner(device, max_batch=7).run(segments).pooled, atol=1e-5
    )
    device.asked = []
    runner.run(segments[:2])
    assert device.asked == [1, 1]


def test_one_segment_that_does_not_fit_is_the_callers_to_know(segments: np.ndarray) -> None:
    with pytest.raises(torch.cuda.OutOfMemoryError):
        EncoderRunner(SmallDevice(room=0)).run(segments)


def test_rows_hand_a_batch_back_to_its_recordings(encoder: EcgFm, segments: np.ndarray) -> None:
    batch = EncoderRunner(encoder).run(segments, layers=(1,), attention=True, final_tokens=True)
    part = batch.rows(2, 5)
    assert len(part) == 3
    assert np.array_equal(part.logits, batch.logits[2:5])
    assert np.array_equal(part.hidden[1], batch.hidden[1][2:5])
    assert np.shares_memory(part.attention, batch.attention)
    plain = EncodedBatch(batch.pooled).rows(0, 1)
    assert (plain.logits, plain.tokens, plain.hidden, plain.attention) == (None, None, {}, None)


def test_no_segments_or_another_shape_is_an_error(encoder: EcgFm) -> None:
    for shape in ((0, 12, 320), (12, 320)):
        with pytest.raises(
            ValueError, match=re.escape(f"segments: found shape {shape}; (segments,")
        ):
            EncoderRunner(encoder).run(np.zeros(shape, np.float32))


def test_read_only_and_strided_segments_are_taken(encoder: EcgFm, segments: np.ndarray) -> None:
    frozen = segments[::2, :, ::-1]
    frozen.flags.writeable = False
    np.testing.assert_array_equal(
        EncoderRunner(encoder).run(frozen).pooled, EncoderRunner(encoder).run(frozen.copy()).pooled
    )


# Dtypes


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_whatever_the_dtype_float32_comes_out(
    dtype: str, encoder: EcgFm, segments: np.ndarray
) -> None:
    runner = EncoderRunner(encoder, dtype=dtype)
    runner.warm_up(samples=320)
    batch = runner.run(segments, layers=(0, 1, 2), attention=True, final_tokens=True)
    arrays = [batch.pooled, batch.logits, batch.tokens, batch.attention, *batch.hidden.values()]
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays)


def test_group_norm_and_classifier_stay_in_float32(encoder: EcgFm) -> None:
    module = EncoderRunner(encoder, dtype="bfloat16").module
    kept = {name for name, weight in module.named_parameters() if weight.dtype == torch.float32}
    assert kept == {"conv_norm.weight", "conv_norm.bias", "classifier.weight", "classifier.bias"}
    assert not any(weight.requires_grad for weight in module.parameters())
    assert not module.training


def test_a_runner_can_load_its_encoder_itself(encoder: EcgFm, segments: np.ndarray) -> None:
    runner = EncoderRunner(lambda: encoder)
    assert runner.module is encoder
    assert runner.config == CONFIG
    assert runner.run(segments).logits.shape == (7, 3)


def test_settings_that_mean_nothing_are_refused(encoder: EcgFm) -> None:
    with pytest.raises(
        ValueError, match=r"^dtype: found 'int8', allowed float32, bfloat16, float16$"
    ):
        EncoderRunner(encoder, dtype="int8")
    with pytest.raises(ValueError, match=r"^max_batch: found 0, at least 1$"):
        EncoderRunner(encoder, max_batch=0)


# Loading


def weights(encoder: EcgFm) -> dict[str, np.ndarray]:
    return {name: weight.detach().numpy() for name, weight in encoder.state_dict().items()}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_safetensors_file_gives_the_same_encoder(
    dtype: str, encoder: EcgFm, segments: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    save_file(weights(encoder), path)
    loaded = load_encoder_file(CONFIG, path, dtype)
    truth = EncoderRunner(encoder, dtype=dtype).run(segments)
    path.write_bytes(b"")  # the file is not needed any more
    np.testing.assert_array_equal(
        EncoderRunner(loaded, dtype=dtype).run(segments).logits, truth.logits
    )


def test_weights_are_copied_one_at_a_time(encoder: EcgFm) -> None:
    asked: list[str] = []
    source = weights(encoder)

    class Lazy(dict[str, np.ndarray]):
        def __getitem__(self, name: str) -> np.ndarray:
            asked.append(name)
            return source[name]

    loaded = load_encoder(CONFIG, Lazy(source))
    assert asked == list(source)
    before = loaded.classifier.bias.clone()
    source["classifier.bias"] += 1
    assert torch.equal(loaded.classifier.bias, before)


def faulty(source: dict[str, np.ndarray]) -> Iterator[tuple[dict[str, np.ndarray], str]]:
    yield source | {"fc": np.ones(1)}, "^weights do not fit the configuration: unknown fc$"
    yield (
        {name: value for name, value in source.items() if name != "token_norm.bias"},
        r"^weights do not fit the configuration: missing token_norm\.bias$",
    )
    names = sorted(source)
    listed = ", ".join(names[:5])
    yield {}, re.escape(f"missing {listed} and {len(names) - 5} more") + "$"
    five = {name: source[name] for name in names[5:]}
    yield five, re.escape(f"missing {listed}") + "$"
    yield (
        source | {"token_norm.bias": np.ones(9, np.float32)},
        r"^token_norm\.bias: shape \(9,\), the configuration requires \(8,\)$",
    )


def test_weights_that_do_not_fit_are_listed(encoder: EcgFm) -> None:
    for tensors, found in faulty(weights(encoder)):
        with pytest.raises(BadBundle, match=found):
            load_encoder(CONFIG, tensors)


def test_a_damaged_or_missing_file_is_a_bad_bundle(encoder: EcgFm, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(BadBundle, match=r"model\.safetensors cannot be read"):
        load_encoder_file(CONFIG, path)
    save_file(weights(encoder), path)
    for raw in (path.read_bytes()[:-100], b"x" * 100, b""):
        path.write_bytes(raw)
        with pytest.raises(BadBundle, match=r"model\.safetensors cannot be read"):
            load_encoder_file(CONFIG, path)
