"""Tables of single heartbeats are named as what they are, whatever carries them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from errors import BadShape
from formats.arrays.npy import records_from_npy
from formats.hints import Hints, hints_from_params
from formats.mapping import record_from_mapping
from formats.parts import Part
from formats.registry import read
from signals.leads import LEADS

SAID = "187 samples at 125 Hz and a class (Kaggle's heartbeat data, E-Monitor)"
LEAD = hints_from_params({"fs": ["125"], "lead_names": ["II"]})


def beats(count: int, classes: Sequence[float] = (0, 1, 2, 3, 4)) -> np.ndarray:
    """Return rows as Kaggle's: a beat scaled to 0..1, zeros behind it, and the class."""
    rows = np.zeros((count, 188))
    for row in range(count):
        length = 90 + 7 * row % 80
        wave = np.exp(-0.5 * ((np.arange(length) - 30) / 4) ** 2) + 0.1
        rows[row, :length] = (wave - wave.min()) / np.ptp(wave)
        rows[row, -1] = classes[row % len(classes)]
    return rows


def csv(rows: np.ndarray, head: str = "", form: str = "%.18e") -> Part:
    text = io.StringIO()
    np.savetxt(text, rows, form, delimiter=",")
    return Part("mitbih_test.csv", (head + text.getvalue()).encode())


def npy(array: np.ndarray) -> bytes:
    packed = io.BytesIO()
    np.save(packed, array)
    return packed.getvalue()


NUMBERED = np.column_stack([np.arange(2012, 2018), beats(6)])
COUNTED = ",".join(map(str, range(188))) + "\n"
NAMED = "f," + ",".join(f"col {number}" for number in range(188)) + "\n"


@pytest.mark.parametrize(
    ("part", "hints"),
    [
        (csv(beats(40)), Hints()),
        (csv(beats(40)), Hints(fs=125.0)),
        (csv(beats(12)), Hints(fs=125.0)),
        (csv(beats(1)), LEAD),
        (csv(beats(1), form="%g"), Hints()),
        (csv(beats(7), COUNTED), LEAD),
        (csv(NUMBERED), Hints()),
        (csv(NUMBERED, NAMED), Hints(fs=125.0)),
        (Part("beats.npy", npy(beats(30))), Hints(fs=125.0)),
    ],
)
def test_a_file_of_heartbeats_is_named(part: Part, hints: Hints) -> None:
    with pytest.raises(BadShape, match=r"^signal: rows of 18[89] values") as caught:
        read([part], hints)
    assert SAID in caught.value.detail
    assert "Single heartbeats are not analysed" in caught.value.detail


@pytest.mark.parametrize("array", [beats(30), beats(12), beats(1)[0], NUMBERED.astype(np.float32)])
def test_so_is_a_body(array: np.ndarray) -> None:
    with pytest.raises(BadShape, match="single heartbeats"):
        records_from_npy(npy(array), Hints(fs=125.0))
    record: dict[str, Any] = {"signal": array.tolist(), "fs": 125, "lead_names": ["II"]}
    with pytest.raises(BadShape, match="single heartbeats") as caught:
        record_from_mapping(record, loc=("records", 3))
    assert caught.value.detail.startswith("records[3].signal: rows of 18")


def test_so_is_a_message_of_e_monitor() -> None:
    frame = np.append(2012, beats(1)[0]).astype("<f4")
    message = {
        "timestamp": 1.5e9,
        "original_frame": base64.b64encode(frame.tobytes()).decode(),
        "original_dtype": "<f4",
        "original_shape": [189],
    }
    text = json.dumps(message)
    said = r"^original_frame: the layout of single heartbeats"
    with pytest.raises(BadShape, match=said):
        record_from_mapping(json.loads(text))
    with pytest.raises(BadShape, match=said):
        read([Part("message.json", text.encode())], LEAD)


def recording(samples: int, low: float = -0.4) -> np.ndarray:
    wave = np.sin(np.arange(samples) / 7)
    return np.vstack([low + wave * (lead + 1) / 12 for lead in range(12)])


@pytest.mark.parametrize("samples", [187, 188, 189])
def test_a_recording_as_long_as_a_beat_is_none(samples: int) -> None:
    values = recording(samples)
    record = read([csv(values)], Hints(fs=90.0))
    assert (record.lead_names, record.samples, record.warnings) == (LEADS, samples, ())
    np.testing.assert_allclose(record.signal, values, rtol=1e-6)
    np.testing.assert_allclose(read([csv(values.T)], Hints(fs=90.0)).signal, values, rtol=1e-6)


@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        (3, 20, 1.01),  # above 1
        (0, 0, -0.01),  # below 0
        (11, -1, 0.5),  # no class
        (5, -1, 5.0),  # a class that there is not
        (7, slice(None), 0.0),  # nothing in it
    ],
)
def test_one_row_that_is_no_beat_makes_a_recording(row: int, column: Any, value: float) -> None:
    rows = beats(12)
    rows[row, column] = value
    record = read([csv(rows)], Hints(fs=90.0))
    np.testing.assert_allclose(record.signal, rows, rtol=1e-6)
