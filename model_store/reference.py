"""Outputs of fairseq-signals, computed in another Python interpreter.

fairseq-signals needs Python 3.9 or 3.10 and packages that conflict with the server's.
"""

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
SHOWN_CHARACTERS = 300  # of the end of the other interpreter's stderr, in an error message
LEADS, SAMPLES, FS = 12, 2500, 500.0  # FS in Hz; a segment lasts 5 s

# P, Q, R, S and T as Gaussian curves: centre in seconds from R, standard deviation in seconds. The
# heights, in mV without sign, are about those of a normal lead II.
_WAVES = ((-0.16, 0.025), (-0.03, 0.01), (0.0, 0.012), (0.03, 0.01), (0.25, 0.05))
_HEIGHTS = np.array([0.1, 0.15, 1.0, 0.25, 0.3])

Answers = dict[str, NDArray[np.float32]]


def reference_answers(python: Path, checkpoint: Path, segments: NDArray[np.float32]) -> Answers:
    """Return the outputs of fairseq-signals for standardised segments (B, 12, 2500).

    They are `embedding` (B, D), with D the model's width, and, of a fine-tuned checkpoint,
    `logits` (B, labels).

    python  the other interpreter, which has fairseq-signals

    fairseq-signals unpickles the checkpoint, which runs code in it: use it only for trusted files.
    Raises ModelStoreError if the interpreter or fairseq-signals is missing or fails, or if there is
    no answer within TIMEOUT_S seconds.
    """
    with tempfile.TemporaryDirectory(prefix="ecg-reference-") as folder:
        segments_path = Path(folder) / "segments.npy"
        answers_path = Path(folder) / "answers.npz"
        np.save(segments_path, segments)
        arguments = [checkpoint.resolve(), segments_path, answers_path]
        _run([str(python), str(SCRIPT), *map(str, arguments)])
        try:
            with np.load(answers_path, allow_pickle=False) as answers:
                return {name: answers[name] for name in answers.files}
        except (OSError, ValueError) as error:
            raise ModelStoreError(f"{python}: exited with 0 but wrote no answers") from error


def _run(command: list[str]) -> None:
    python = command[0]
    try:
        finished = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except OSError as error:
        raise ModelStoreError(
            f"{python}: cannot be run ({error.strerror}); a Python interpreter is required"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ModelStoreError(f"{python}: no answer within {TIMEOUT_S} s") from error
    error_output = finished.stderr.strip()[-SHOWN_CHARACTERS:]
    if finished.returncode == NO_FAIRSEQ_SIGNALS:
        raise ModelStoreError(
            f"{python}: fairseq-signals is not installed there ({error_output}); "
            "see requirements-fairseq.txt"
        )
    if finished.returncode:
        raise ModelStoreError(f"{python}: fairseq-signals failed: {error_output}")


def synthetic_segments(count: int = 4, seed: int = 0) -> NDArray[np.float32]:
    """Return (count, 12, 2500) standardised segments of 5 s at 500 Hz.

    A beat is a sum of five Gaussian curves, mixed differently in each lead, with noise. The rate
    grows from 50 per minute in the first segment to 110 in the last.
    """
    random = np.random.default_rng(seed)
    time_s = np.arange(SAMPLES) / FS
    segments = np.empty((count, LEADS, SAMPLES), np.float32)
    for number in range(count):
        rate_per_minute = 50.0 + 60.0 * number / max(count - 1, 1)
        interval_s = 60.0 / rate_per_minute
        # R is after 40 % of each interval.
        from_r_s = np.mod(time_s, interval_s) - 0.4 * interval_s
        waves = [np.exp(-0.5 * ((from_r_s - centre) / width) ** 2) for centre, width in _WAVES]
        mixture = random.normal(size=(LEADS, len(_WAVES))) * _HEIGHTS
        noise = 0.02 * random.normal(size=(LEADS, SAMPLES))
        signal = mixture @ np.stack(waves) + noise
        signal -= signal.mean(axis=1, keepdims=True)
        segments[number] = signal / signal.std(axis=1, keepdims=True)
    return segments
