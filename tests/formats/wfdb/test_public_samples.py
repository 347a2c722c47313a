"""Every sample recording of wfdb-python is read with wfdb's values, or refused with the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import wfdb
from numpy.typing import NDArray

from errors import EcgError
from formats.decoded import Channel
from formats.registry import read
from formats.wfdb.header import parse_header
from formats.wfdb.segments import join_segments
from formats.wfdb.signals import Parts, read_channels
from signals.leads import canonical_lead
from tests.data import requires_shared
from tests.formats.wfdb.public_samples import TABLE, headers, table, unpack, upload

pytestmark = requires_shared


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(tmp_path_factory.mktemp("wfdb"))


def channels_of(header: Path) -> list[Channel]:
    """Return all channels of a record, leads or not. Raises EcgError."""
    head, *others = upload(header)
    parsed = parse_header(head.data)
    read_signals = join_segments if parsed.segments else read_channels
    return read_signals(parsed, Parts.of(others))[0]


def reference(header: Path) -> dict[str, NDArray[np.float64]]:
    """Return each signal in physical units as the package wfdb reads it, at its full rate."""
    record = wfdb.rdrecord(str(header.with_suffix("")), smooth_frames=False)
    signals = record.e_p_signal
    if signals is None:
        signals = record.p_signal.T
    return dict(zip(record.sig_name, signals, strict=True))


def test_every_channel_has_the_values_of_the_package_wfdb(samples: Path) -> None:
    compared = 0
    for header in headers(samples):
        try:
            channels = channels_of(header)
        except EcgError:
            continue  # the table holds the reason
        expected = reference(header)
        assert [channel.name for channel in channels] == list(expected), header.stem
        for channel in channels:
            if channel.fault is None:
                values = channel.codes * channel.scale + channel.offset
                np.testing.assert_allclose(
                    values, expected[channel.name], rtol=1e-9, atol=1e-9, err_msg=header.stem
                )
        compared += 1
    assert compared == 70


def test_the_leads_of_a_record_have_the_values_of_the_package_wfdb(samples: Path) -> None:
    compared = 0
    for header in headers(samples):
        try:
            record = read(upload(header))
        except EcgError:
            continue
        assert record.units == "mV"
        expected = {canonical_lead(name): row for name, row in reference(header).items()}
        for lead, row in zip(record.lead_names, record.signal, strict=True):
            np.testing.assert_allclose(row, expected[lead], rtol=1e-6, atol=1e-6)
        compared += 1
    assert compared == 44


def test_a_pressure_whose_gain_changes_does_not_cost_the_leads(samples: Path) -> None:
    (header,) = samples.rglob("s25047-2704-05-04-10-44.hea")
    record = read(upload(header))
    assert (record.lead_names, record.samples) == (("II",), 543240)
    assert "lead_names: not a standard lead in volts, left out: V, ABP" in record.warnings


def test_the_table_in_the_documentation_is_what_the_server_answers(samples: Path) -> None:
    assert TABLE.read_text(encoding="utf-8") == table(samples)
