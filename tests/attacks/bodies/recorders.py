"""Attacks on the readers of small recorders' binary files: ATC, Contec, WAV."""

from __future__ import annotations

import numpy as np

from tests.attacks.attack import LEADS, attack
from tests.attacks.cost import Upload
from tests.formats.binary_files import atc, atc_block, chunk, contec, wav


@attack("AliveCor ATC", count=100_000, largest=1_333_000, now="read recording_too_long")
def atc_samples(count: int) -> Upload:
    return Upload(atc({lead: np.arange(count) % 1000 for lead in LEADS}))


@attack("AliveCor ATC", count=50_000, largest=5_000_000, now="unsafe_file")
def atc_blocks(count: int) -> Upload:
    return Upload(atc({"I": range(1000)}, atc_block(b"zzzz", b"") * count))


@attack("Contec ECG90A", count=150_000, largest=1_990_000, now="read recording_too_long")
def contec_samples(count: int) -> Upload:
    return Upload(contec(np.tile(np.arange(count) % 1000 + 1500, (8, 1))))


@attack("WAV", count=100_000, largest=1_333_000, now="read recording_too_long")
def wav_samples(count: int) -> Upload:
    return Upload(wav(bytes(12 * 3 * count), 12, 3, fs=500))


@attack("WAV", count=100_000, largest=8_000_000, now="unsafe_file")
def wav_chunks(count: int) -> Upload:
    return Upload(wav(bytes(24_000), 12, 2, chunk(b"junk", b"") * count))
