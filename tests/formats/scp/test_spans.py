"""SCP-ECG: which samples a record states, and what it has beyond them."""

from __future__ import annotations

import numpy as np
import pytest

from formats.parts import Part
from formats.registry import read
from tests.formats.scp.writer import (
    DEFAULT,
    RAMP,
    huffman,
    lead_section,
    one_lead,
    plain,
    read_sections,
    record_of,
    wave_section,
)


def test_only_the_stated_samples_are_read() -> None:
    coded = huffman(RAMP)
    surplus = len(coded) - len(huffman(RAMP[:9]))
    for bodies, size in (
        (one_lead(plain(RAMP), count=9), 10),
        (one_lead(coded, count=9) | {2: DEFAULT}, surplus),
    ):
        record = read_sections(bodies)
        np.testing.assert_allclose(record.signal[0] * 1000, RAMP[:9], rtol=1e-5, atol=1e-4)
        assert record.warnings == (f"file: {size} bytes after the stated samples of I, left out",)


def test_a_byte_that_fills_a_lead_is_no_surplus() -> None:
    coded = huffman(RAMP)
    for bodies in (
        one_lead(plain(RAMP) + b"\0"),
        one_lead(coded + b"\0" * (len(coded) % 2)) | {2: DEFAULT},
    ):
        assert read_sections(bodies).warnings == ()


@pytest.mark.parametrize("surplus", [1, 2, 5000])
def test_bytes_after_the_record_are_named(surplus: int) -> None:
    record = read([Part("upload", record_of(one_lead(plain(RAMP))) + bytes(surplus))])
    np.testing.assert_allclose(record.signal[0] * 1000, RAMP, rtol=1e-5, atol=1e-4)
    assert record.warnings == (f"file: {surplus} bytes after the SCP-ECG record, left out",)


FROM_ZERO = "signal: the SCP-ECG record counts its samples from 0, the standard counts from 1"


@pytest.mark.parametrize(("last", "coded"), [(13, False), (14, False), (14, True)])
def test_a_record_may_count_its_samples_from_0(last: int, coded: bool) -> None:
    data = huffman(RAMP) if coded else plain(RAMP)
    bodies = {3: lead_section([(0, last, 1), (0, last, 2)]), 6: wave_section([data, data])}
    record = read_sections(bodies | ({2: DEFAULT} if coded else {}))
    assert record.lead_names == ("I", "II")
    np.testing.assert_allclose(record.signal * 1000, [RAMP, RAMP], rtol=1e-5, atol=1e-4)
    assert record.warnings == (FROM_ZERO,)


def test_leads_that_begin_later_are_placed_in_a_record_that_counts_from_0() -> None:
    spans = [(0, 13, 1), (4, 13, 2)]
    bodies = {3: lead_section(spans), 6: wave_section([plain(RAMP), plain(RAMP[:10])])}
    record = read_sections(bodies)
    assert np.isnan(record.signal[1, :4]).all()
    np.testing.assert_allclose(record.signal[1, 4:] * 1000, RAMP[:10], rtol=1e-5, atol=1e-4)
    assert record.warnings == (FROM_ZERO,)


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("kept", [1, 5])
def test_a_lead_that_ends_early_is_left_out_and_named(coded: bool, kept: int) -> None:
    # Values of two bytes each, so that a cut leaves whole ones.
    values = [300 + value for value in range(14)]
    encode = huffman if coded else plain
    data = [encode(values), encode(values[:kept]), encode(values)]
    bodies = {
        3: lead_section([(1, 14, 1), (1, 14, 2), (1, 14, 3)]),
        6: wave_section(data),
    }
    record = read_sections(bodies | ({2: DEFAULT} if coded else {}))
    assert record.lead_names == ("I", "V1")
    np.testing.assert_allclose(record.signal * 1000, [values, values], rtol=1e-5)
    (warning,) = record.warnings
    # The bits that fill the last byte of coded samples may read as further samples of 0.
    assert warning.startswith("signal: II left out: it has ")
    assert coded or warning.endswith(f" {kept} samples, 14 are stated")
