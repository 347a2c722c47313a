"""fairseq-signals, asked in an interpreter of its own: it needs Python 3.9 or 3.10 and packages that do not go with ours."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from errors import ModelStoreError
from model_store.reference_script import NO_FAIRSEQ_SIGNALS

SCRIPT = Path(__file__).with_name("reference_script.py")
TIMEOUT_S = 600  # loading and a few segments take under a minute on two cores
SHOWN_CHARACTERS = 300  # of the other interpreter's last words
LEADS, SAMPLES, FS = 12, 2500, 500.0

Answers = dict[str, NDArray[np.float32]]


def reference_answers(python: Path, checkpoint: Path, segments: NDArray[np.float32]) -> Answers:
    """`embedding` (B, D) and, of a fine-tuned checkpoint, `logits` (B, labels), as fairseq-signals computes them.

    It unpickles the checkpoint, which runs code in it: only for files that are trusted.
    Raises ModelStoreError where the interpreter, fairseq-signals or its answer cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="ecg-reference-") as name:
        asked, answered = Path(name) / "segments.npy", Path(name) / "answers.npz"
        np.save(asked, segments)
        _run([str(python), str(SCRIPT), str(checkpoint.resolve()), str(asked), str(answered)])
        try:
            with np.load(answered, allow_pickle=False) as file:
                return {key: file[key] for key in file.files}
        except (OSError, ValueError) as error:
            raise ModelStoreError(f"{python}: ended well but left no answers") from error


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except OSError as error:
        raise ModelStoreError(
            f"{command[0]}: cannot be run ({error.strerror}); it must be a Python interpreter"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ModelStoreError(f"{command[0]}: no answer within {TIMEOUT_S} s") from error
    last_words = done.stderr.strip()[-SHOWN_CHARACTERS:]
    if done.returncode == NO_FAIRSEQ_SIGNALS:
        raise ModelStoreError(
            f"{command[0]}: fairseq-signals is not installed there ({last_words}); requirements-fairseq.txt says how"
        )
    if done.returncode:
        raise ModelStoreError(f"{command[0]}: fairseq-signals failed: {last_words}")


def synthetic_segments(count: int = 4, seed: int = 0) -> NDArray[np.float32]:
    """(count, 12, 2500) standardised: beats of five Gaussian waves at 50 to 110 a minute, each lead its own mixture, and noise."""
    random = np.random.default_rng(seed)
    time_s = np.arange(SAMPLES) / FS
    segments = np.empty((count, LEADS, SAMPLES), np.float32)
    for number in range(count):
        interval_s = 60.0 / (50.0 + 60.0 * number / max(count - 1, 1))
        phase_s = np.mod(time_s, interval_s) - 0.4 * interval_s
        # centre and width of P, Q, R, S, T in seconds from R
        waves = [np.exp(-0.5 * ((phase_s - at) / width) ** 2) for at, width in _WAVES]
        signal = random.normal(size=(LEADS, len(_WAVES))) * _HEIGHTS @ np.stack(
            waves
        ) + 0.02 * random.normal(size=(LEADS, SAMPLES))
        signal -= signal.mean(axis=1, keepdims=True)
        segments[number] = signal / signal.std(axis=1, keepdims=True)
    return segments


_WAVES = ((-0.16, 0.025), (-0.03, 0.01), (0.0, 0.012), (0.03, 0.01), (0.25, 0.05))
_HEIGHTS = np.array([0.1, 0.15, 1.0, 0.25, 0.3])  # mV, about those of a normal lead II
