"""The client's frames are the station's, and what it accepts the station takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from ecgfm_client import Beat, Stretch, UnusableInput
from ecgfm_client.device import frames
from ecgfm_client.device.frames import checked, frame_of, is_whole
from hypothesis import given
from hypothesis import strategies as st

from signals import checks
from station import names
from station.ingest import frame as station_frame
from station.ingest import parse
from station.ingest.parse import parse_post
from station.store import encoding

NAMES = st.from_regex(names.NAME, fullmatch=True)
LEADS = st.lists(st.sampled_from(frames.LEAD_NAMES[1:]), min_size=1, max_size=16, unique=True)
TIMES_MS = st.integers(0, frames.MAX_TIME_MS)
RATES = st.sampled_from((50.0, 125.0, 130.0, 360.0, 999.5, 2000.0))
PLAIN = Stretch("p-1", 0, 250.0, ("I", "II"), np.zeros((2, 10)))
BEAT = Beat("p-1", 0, np.zeros(187))


@st.composite
def stretches(draw: st.DrawFn) -> Stretch:
    leads = draw(LEADS)
    samples: Any = np.arange(len(leads) * draw(st.integers(1, 40))).reshape(len(leads), -1)
    if draw(st.booleans()):
        gain = draw(st.floats(1e-6, 1e9))
        return Stretch(
            draw(NAMES), draw(TIMES_MS), draw(RATES), leads, samples.astype(np.int16), gain
        )
    samples = samples * draw(st.floats(-1e3, 1e3))
    samples[draw(st.integers(0, len(leads) - 1)), 0] = np.nan
    return Stretch(draw(NAMES), draw(TIMES_MS), draw(RATES), leads, samples)


@given(stretches(), NAMES, st.integers(0, 2**63 - 2))
def test_a_stretch_has_the_frame_of_the_station(record: Stretch, source: str, seq: int) -> None:
    sent = frame_of(checked(record), source, seq)
    is_int16 = record.gain is not None
    assert sent == station_frame.encode(
        station_frame.Record(
            source=source,
            seq=seq,
            patient=record.patient,
            device_ms=record.time_ms,
            fs_hz=record.fs,
            leads=record.leads,
            samples=record.samples if is_int16 else record.samples.astype(np.float32),
            gain=record.gain or 1.0,
        )
    )
    assert not parse_post(sent, 1).rejections
    assert len(sent) == checked(record).frame_bytes and is_whole(sent)
    assert not is_whole(sent[:-9] + bytes([sent[-9] ^ 1]) + sent[-8:])


@pytest.mark.parametrize("beat_class", frames.BEAT_CLASSES)
def test_a_beat_has_the_frame_of_the_station(beat_class: str) -> None:
    samples = np.linspace(0, 1, 187)
    sent = frame_of(checked(Beat("p-1", 5, samples, beat_class)), "s", 7)
    assert sent == station_frame.encode(
        station_frame.Record(
            source="s",
            seq=7,
            patient="p-1",
            device_ms=5,
            fs_hz=125.0,
            leads=("ECG1",),
            samples=samples[np.newaxis].astype(np.float32),
            kind=encoding.BEAT,
            beat_class=beat_class,
        )
    )
    assert not parse_post(sent, 1).rejections


def test_the_limits_are_those_of_the_station() -> None:
    assert frames.LEAD_NAMES == station_frame.LEAD_NAMES
    assert frames.BEAT_CLASSES == station_frame.BEAT_CLASSES
    assert (frames.MIN_FS_HZ, frames.MAX_FS_HZ) == (checks.MIN_FS_HZ, checks.MAX_FS_HZ)
    assert frames.MAX_RECORD_S == encoding.MAX_RECORD_S
    assert frames.MAX_FRAME_BYTES == station_frame.MAX_FRAME_BYTES
    assert (frames.MAX_GAIN, frames.MAX_TIME_MS) == (parse.MAX_GAIN, parse.MAX_TIME_MS)
    assert frames._NAME.pattern == names.NAME.pattern


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (replace(PLAIN, patient="a b"), "patient: 'a b'; 1 to 32 letters"),
        (replace(PLAIN, patient="a" * 33), "patient: "),
        (replace(PLAIN, time_ms=-1), "time_ms: -1"),
        (replace(PLAIN, leads=("I", "I")), "leads: I, I; each once"),
        (replace(PLAIN, leads=("I", "X")), "leads: I, X; each once"),
        (replace(PLAIN, leads=("I",)), "samples: of shape (2, 10); (1, samples)"),
        (replace(PLAIN, samples=np.zeros((2, 0))), "samples: of shape (2, 0)"),
        (replace(PLAIN, samples=np.zeros(10)), "samples: of shape (10,)"),
        (replace(PLAIN, fs=49.0), "fs: 49.0; 50 to 2000 Hz"),
        (replace(PLAIN, fs=float("nan")), "fs: nan"),
        (replace(PLAIN, samples=np.zeros((2, 15_001))), "samples: 60.004 s; at most 60 s"),
        (replace(PLAIN, samples=np.zeros((2, 10), np.int16)), "gain: missing"),
        (replace(PLAIN, gain=1000.0), "gain: given for samples of float64"),
        (replace(PLAIN, samples=np.zeros((2, 10), np.int16), gain=0.0), "gain: 0.0; above 0"),
        (replace(PLAIN, samples=np.full((2, 10), np.inf)), "samples: infinite"),
        (replace(PLAIN, samples=np.full((2, 10), 1e300)), "samples: infinite"),
        (
            replace(PLAIN, fs=2000.0, leads=frames.LEAD_NAMES[1:5], samples=np.zeros((4, 70_000))),
            "samples: a frame of 1120140 bytes; 1048576 are allowed",
        ),
        (replace(BEAT, samples=np.zeros(186)), "samples: of shape (186,); a beat has (187,)"),
        (replace(BEAT, beat_class="X"), "beat_class: 'X'"),
    ],
)
def test_what_the_station_would_not_take_is_refused_at_once(
    record: Stretch | Beat, message: str
) -> None:
    with pytest.raises(UnusableInput) as refused:
        checked(record)
    assert message in str(refused.value)
