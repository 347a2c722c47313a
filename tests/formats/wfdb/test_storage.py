"""WFDB's storage formats against an encoder that was written independently."""

from __future__ import annotations

import numpy as np
import pytest

from formats.wfdb.storage import FLAC, STORAGE
from tests.formats.wfdb.writer import Line, differences, encode, header, read_pair

WIDTHS = {8: 8, 16: 16, 24: 24, 32: 32, 61: 16, 80: 8, 160: 16, 212: 12, 310: 10, 311: 10}


def test_the_formats_are_those_of_the_manual() -> None:
    assert set(STORAGE) == set(WIDTHS)
    assert FLAC == {508: 8, 516: 16, 524: 24}
    assert [number for number, storage in STORAGE.items() if storage.differences] == [8]


@pytest.mark.parametrize("storage", sorted(STORAGE))
@pytest.mark.parametrize("count", [7, 8, 9, 10, 11, 12])
def test_each_format_returns_what_the_encoder_wrote(storage: int, count: int) -> None:
    largest = 300 if storage == 8 else (1 << (WIDTHS[storage] - 1)) - 1
    codes = [int(value) for value in np.linspace(-largest, largest, count)]
    lines = [
        Line("rec.dat", str(storage), "100(5)/mV", codes, "V1"),
        Line("rec.dat", str(storage), "100(5)/mV", codes[::-1], "I"),
    ]
    frames = [value for frame in zip(codes, codes[::-1], strict=True) for value in frame]
    data = differences([codes, codes[::-1]]) if storage == 8 else encode(frames, storage)
    record = read_pair(header(lines), data)
    np.testing.assert_allclose(record.signal, (np.array([codes, codes[::-1]]) - 5) / 100, rtol=1e-6)
    assert record.lead_names == ("V1", "I")
    assert record.warnings == ()


@pytest.mark.parametrize("storage", sorted(set(STORAGE) - {8}))
def test_the_smallest_code_is_a_gap(storage: int) -> None:
    smallest = -(1 << (WIDTHS[storage] - 1))
    codes = [1, smallest, 3, smallest + 1]
    line = Line("rec.dat", str(storage), "1/mV", codes, "I")
    record = read_pair(header([line]), encode(codes, storage))
    np.testing.assert_allclose(record.signal, [[1, np.nan, 3, smallest + 1]], rtol=1e-6)


# Samples in 0, 1, 2, ... bytes, counted by hand: two 12-bit samples in 3 bytes, the first complete
# after 2; three 10-bit samples in 4 bytes. In format 310 the third is in the top bits of both
# words, so 3 bytes hold one sample; in format 311 they hold two.
@pytest.mark.parametrize(
    ("storage", "samples"),
    [
        (8, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (16, [0, 0, 1, 1, 2, 2, 3, 3, 4]),
        (24, [0, 0, 0, 1, 1, 1, 2, 2, 2]),
        (32, [0, 0, 0, 0, 1, 1, 1, 1, 2]),
        (212, [0, 0, 1, 2, 2, 3, 4, 4, 5]),
        (310, [0, 0, 1, 1, 3, 3, 4, 4, 6]),
        (311, [0, 0, 1, 2, 3, 3, 4, 5, 6]),
    ],
)
def test_so_many_samples_are_in_so_many_bytes(storage: int, samples: list[int]) -> None:
    assert [STORAGE[storage].capacity(size) for size in range(9)] == samples
    assert STORAGE[storage].capacity(-5) == 0
    data = bytes(range(8))
    assert len(STORAGE[storage].unpack(data)) >= samples[8]


@pytest.mark.parametrize("storage", [16, 24, 32, 61])
def test_an_incomplete_sample_at_the_end_is_left_out(storage: int) -> None:
    data = encode([3, -4], storage)
    np.testing.assert_array_equal(STORAGE[storage].unpack(data + b"\x01"), [3, -4])
