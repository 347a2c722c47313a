"""Frames: what is written is read again, and nothing that is sent breaks the parser."""

from __future__ import annotations

import string
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from errors import TooManyRecords
from station.ingest.frame import HEADER, HEADER_BYTES, LEAD_CODES, LEAD_NAMES, Record, encode
from station.ingest.outcomes import Outcome
from station.ingest.parse import ParsedPost, parse_post, samples_of
from station.store.encoding import BEAT, FLOAT32, INT16
from tests.station.frames import frame, patched, record

LETTERS = string.ascii_letters + string.digits
NAMES = st.builds(str.__add__, st.sampled_from(LETTERS), st.text(LETTERS + "._@-", max_size=31))
# A busy machine fails no test.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def records(draw: st.DrawFn) -> Record:
    leads = draw(
        st.lists(st.sampled_from(sorted(LEAD_CODES)), min_size=1, max_size=16, unique=True)
    )
    shape = (len(leads), draw(st.integers(1, 40)))
    integers = draw(st.booleans())
    samples = draw(
        arrays.arrays(np.int16, shape)
        if integers
        else arrays.arrays(np.float32, shape, elements=st.floats(width=32, allow_infinity=False))
    )
    return Record(
        source=draw(NAMES),
        seq=draw(st.integers(0, 2**63 - 2)),
        patient=draw(NAMES),
        device_ms=draw(st.integers(0, 7_258_118_400_000)),
        fs_hz=draw(st.floats(50, 2000)),
        leads=leads,
        samples=samples,
        gain=draw(st.floats(1, 1e6)) if integers else 1.0,
    )


def outcomes(parsed: ParsedPost) -> list[Outcome]:
    return [rejection.outcome for rejection in parsed.rejections]


@unhurried
@given(st.lists(records(), max_size=5))
def test_what_is_written_is_read(sent: list[Record]) -> None:
    parsed = parse_post(b"".join(map(encode, sent)), 10)
    assert (parsed.count, parsed.rejections) == (len(sent), [])
    for row, (one, header) in enumerate(zip(sent, parsed.header, strict=True)):
        assert header["source"].decode() == one.source and header["patient"].decode() == one.patient
        assert (header["seq"], header["device_ms"]) == (one.seq, one.device_ms)
        assert (header["fs_hz"], header["gain"]) == (one.fs_hz, one.gain)
        assert parsed.leads[row] == ",".join(one.leads)
        assert header["encoding"] == (INT16 if one.samples.dtype == np.int16 else FLOAT32)
        assert samples_of(parsed.frames[row]) == one.samples.tobytes()


def test_the_header_has_the_documented_size() -> None:
    assert HEADER_BYTES == 136
    assert HEADER.names is not None and HEADER.fields is not None
    places = {name: HEADER.fields[name][1] for name in HEADER.names}
    assert places["length"] == 8 and places["seq"] == 16 and places["patient"] == 104


@unhurried
@given(st.binary(max_size=600))
def test_no_bytes_break_the_parser(content: bytes) -> None:
    parsed = parse_post(content, 1000)
    assert parsed.count == len(parsed.frames) + len(parsed.rejections)


@unhurried
@given(st.data())
def test_a_frame_with_changed_bytes_costs_only_itself_or_the_rest(data: st.DataObject) -> None:
    frames = [frame(seq) for seq in range(3)]
    body = bytearray(b"".join(frames))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))
    parsed = parse_post(bytes(body), 10)
    damaged = at // len(frames[0])
    assert parsed.count == len(parsed.frames) + len(parsed.rejections)
    assert set(range(damaged)) <= set(parsed.index)
    assert damaged not in parsed.index
    assert outcomes(parsed)[0] in (Outcome.CORRUPT, Outcome.UNSUPPORTED_VERSION)


@unhurried
@given(st.data())
def test_any_header_with_the_right_crc_is_read_or_refused(data: st.DataObject) -> None:
    at = data.draw(st.integers(12, HEADER_BYTES - 1))
    new = data.draw(st.binary(min_size=1, max_size=min(8, HEADER_BYTES - at)))
    parsed = parse_post(patched(frame(), at, new), 10)
    assert parsed.count == 1 == len(parsed.frames) + len(parsed.rejections)


WRONG = {
    "encoding": (5, b"\x02"),
    "kind": (6, b"\x02"),
    "beat_class": (7, b"\x01"),
    "reserved": (14, b"\x01"),
    "lead_count": (12, b"\x00\x00"),
    "seq": (16, struct.pack("<q", -1)),
    "time": (24, struct.pack("<q", -1)),
    "fs": (32, struct.pack("<d", float("nan"))),
    "gain": (40, struct.pack("<d", 0.0)),
    "length": (48, struct.pack("<I", 49)),
    "leads": (56, b"\x02\x02"),
    "source": (72, b"a b"),
    "patient": (104, b"\x00"),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_field_is_named(field: str) -> None:
    (rejection,) = parse_post(patched(frame(), *WRONG[field]), 10).rejections
    assert rejection.outcome is Outcome.INVALID
    assert rejection.detail.startswith(f"{field}:")


def test_a_later_version_is_passed_over() -> None:
    later = patched(frame(0), 4, b"\x02")
    parsed = parse_post(later + frame(1), 10)
    assert outcomes(parsed) == [Outcome.UNSUPPORTED_VERSION]
    assert parsed.index == [1]


def test_a_cut_frame_is_corrupt() -> None:
    parsed = parse_post(frame(0) + frame(1)[:-1], 10)
    assert (parsed.index, outcomes(parsed)) == ([0], [Outcome.CORRUPT])


def test_infinite_samples_are_refused_and_gaps_are_not() -> None:
    finite = np.array([[0.5, np.nan]], np.float32)
    infinite = np.array([[0.5, np.inf]], np.float32)
    posts = [
        frame(seq, leads=["II"], samples=samples, gain=1.0)
        for seq, samples in enumerate((finite, infinite, finite))
    ]
    parsed = parse_post(b"".join(posts), 10)
    assert (parsed.index, outcomes(parsed)) == ([0, 2], [Outcome.BAD_SAMPLES])


def test_a_beat_has_187_samples_at_125_hz() -> None:
    beat = np.zeros((1, 187), np.float32)
    fields = {"leads": ["ECG1"], "samples": beat, "gain": 1.0, "kind": BEAT, "beat_class": "V"}
    assert parse_post(frame(fs_hz=125.0, **fields), 10).index == [0]
    assert outcomes(parse_post(frame(fs_hz=250.0, **fields), 10)) == [Outcome.INVALID]


def test_more_frames_than_allowed_are_refused() -> None:
    with pytest.raises(TooManyRecords):
        parse_post(frame(0) + frame(1), 1)


def test_a_frame_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        encode(record(source="s" * 33))


def test_the_codes_of_leads_do_not_move() -> None:
    assert LEAD_NAMES[1:4] == ("I", "II", "III") and LEAD_NAMES[12:] == (
        "V6",
        *("ECG1", "ECG2", "ECG3", "ECG4"),
    )
