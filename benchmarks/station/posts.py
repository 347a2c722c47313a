"""Posts of synthetic devices, made before the measurement: records of 187 samples of one lead."""

from __future__ import annotations

import zlib
from typing import Final

import numpy as np

from station.ingest.frame import BEAT_FS_HZ, BEAT_SAMPLES, CRC, HEADER, Record, encode

RECORD_MS: Final = 1496  # 187 samples at 125 Hz


def source_name(number: int) -> str:
    return f"device-{number}"


def patient_name(number: int) -> str:
    return f"patient-{number}"


def make_posts(records: int, per_post: int, devices: range, start_ms: int) -> list[bytes]:
    """Return a gateway's posts: records of its devices in turn, each device's in order."""
    draw = np.random.default_rng(0)
    samples = draw.normal(0, 0.3, (1, BEAT_SAMPLES)).astype(np.float32)
    # Source, number, patient and time of the template are replaced below.
    template = encode(Record("x", 0, "x", start_ms, BEAT_FS_HZ, ["ECG1"], samples))
    seq, place = np.divmod(np.arange(records), len(devices))
    header = np.repeat(np.frombuffer(template[: HEADER.itemsize], HEADER), records)
    header["seq"], header["device_ms"] = seq, start_ms + seq * RECORD_MS
    header["source"] = np.array([source_name(device).encode() for device in devices])[place]
    header["patient"] = np.array([patient_name(device).encode() for device in devices])[place]
    payload = template[HEADER.itemsize : -CRC.size]
    frames = [head.tobytes() + payload for head in header]
    whole = [frame + CRC.pack(zlib.crc32(frame)) for frame in frames]
    return [b"".join(whole[at : at + per_post]) for at in range(0, records, per_post)]
