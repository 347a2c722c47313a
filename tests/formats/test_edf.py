"""EDF and BDF: headers, scales, gaps and rates that the shared files do not have, written here field by field."""

from __future__ import annotations

import numpy as np
import pytest

from errors import BadSamplingRate, CorruptFile, EcgError, UnknownLead
from formats.hints import Hints
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord

CODES = np.arange(-100, 100)


class Line:
    """One signal of a header, with its codes as (records, samples of a record)."""

    def __init__(
        self,
        label: str,
        codes: np.ndarray,
        unit: str = "uV",
        physical: tuple[str, str] = ("-3276.8", "3276.7"),
        digital: tuple[str, str] = ("-32768", "32767"),
    ) -> None:
        self.label, self.codes, self.unit, self.physical, self.digital = (
            label,
            codes,
            unit,
            physical,
            digital,
        )


def edf(
    lines: list[Line],
    *,
    record_s: str = "1",
    records: str | None = None,
    reserved: str = "",
    bdf: bool = False,
    person: str = "X X X X",
    recording: str = "Startdate X X X X",
    start: str = "01.05.24",
    notes: list[bytes] | None = None,
) -> bytes:
    count = len(lines[0].codes)
    note_bytes = 0 if notes is None else 60
    signals = len(lines) + (notes is not None)

    def row(width: int, *values: str) -> bytes:
        own = ["" if notes is None else values[-1]] if notes is not None else []
        return b"".join(
            value.ljust(width).encode("latin-1") for value in [*values[: len(lines)], *own]
        )

    version = b"\xffBIOSEMI" if bdf else b"0       "
    head = (
        version
        + person.ljust(80).encode("latin-1")
        + recording.ljust(80).encode()
        + start.encode()
        + b"08.27.32"
    )
    head += str(256 * (signals + 1)).ljust(8).encode() + reserved.ljust(44).encode()
    head += (
        (records or str(count)).ljust(8).encode()
        + record_s.ljust(8).encode()
        + str(signals).ljust(4).encode()
    )
    size = 3 if bdf else 2
    head += row(
        16, *(line.label for line in lines), "BDF Annotations" if bdf else "EDF Annotations"
    ) + row(80, *([""] * len(lines)), "")
    head += row(8, *(line.unit for line in lines), "")
    for pair, other in (("physical", ("-1", "1")), ("digital", ("-32768", "32767"))):
        for end in (0, 1):
            head += row(8, *(getattr(line, pair)[end] for line in lines), other[end])
    head += (
        row(80, *([""] * len(lines)), "")
        + row(8, *(str(line.codes.shape[1]) for line in lines), str(note_bytes // size))
        + row(32, *([""] * len(lines)), "")
    )
    data = b""
    for record in range(count):
        for line in lines:
            data += b"".join(
                int(code).to_bytes(size, "little", signed=True) for code in line.codes[record]
            )
        data += b"" if notes is None else notes[record].ljust(note_bytes, b"\0")
    return head + data


def opened(data: bytes, hints: Hints = Hints()) -> EcgRecord:  # noqa: B008 - frozen
    return read([Part("upload", data)], hints)


@pytest.mark.parametrize("bdf", [False, True])
def test_codes_become_millivolt_by_each_channels_own_range_and_unit(bdf: bool) -> None:
    ramp = CODES.reshape(2, 100)
    lines = [
        Line("ECG I", ramp),
        Line("EKG AVR", ramp, "mV", ("-10", "10"), ("-200", "200")),
        Line("V1", ramp, "µV", ("10", "-10"), ("0", "100")),
    ]
    record = opened(edf(lines, bdf=bdf))
    assert (record.lead_names, record.fs, record.units) == (("I", "aVR", "V1"), 100.0, "mV")
    np.testing.assert_allclose(
        record.signal, [CODES * 1e-4, CODES * 0.05, (10 - CODES * 0.2) / 1000], atol=2e-6
    )


def test_channels_keep_their_own_rates_and_the_leads_of_most_are_taken() -> None:
    fast, slow = CODES.reshape(2, 100), CODES[:40].reshape(2, 20)
    record = opened(
        edf(
            [Line("I", fast), Line("V1", slow), Line("II", fast), Line("SpO2", slow, "%")],
            record_s="0.5",
        )
    )
    assert (record.lead_names, record.fs) == (("I", "II"), 200.0)
    assert any(
        "not sampled at 200 Hz" in warning and "V1" in warning for warning in record.warnings
    )


def test_records_with_gaps_between_them_stand_at_their_times() -> None:
    notes = [b"+0\x14\x14\0", b"+3.5\x14\x14\0+4\x14beat\x14\0"]
    record = opened(edf([Line("I", CODES.reshape(2, 100))], reserved="EDF+D", notes=notes))
    assert record.samples == 450
    assert np.isnan(record.signal[0, 100:350]).all()
    np.testing.assert_allclose(record.signal[0, 350:], CODES[100:] * 1e-4, atol=1e-7)
    for wrong in (
        [b"+0\x14\x14", b""],
        [b"+5\x14\x14", b"+1\x14\x14"],
        [b"+0\x14\x14", b"+999999999\x14\x14"],
    ):
        with pytest.raises(CorruptFile):
            opened(edf([Line("I", CODES.reshape(2, 100))], reserved="EDF+D", notes=wrong))


def test_of_edf_plus_date_age_sex_and_equipment_are_taken_and_the_name_is_not() -> None:
    plus = edf(
        [Line("I", CODES.reshape(2, 100))],
        reserved="EDF+C",
        person="4711 F 02-MAY-1960 Erika_Mustermann",
        recording="Startdate 01-MAY-2024 A1 B2 Recorder_9",
        notes=[b""] * 2,
    )
    record = opened(plus)
    assert record.reported is not None
    assert (record.recording_date, record.patient.age_years, record.patient.sex) == (
        "2024-05-01T08:27:32",
        63.0,
        "female",
    )
    assert record.reported.device == "Recorder 9"
    assert "Mustermann" not in repr(record) and "4711" not in repr(record)
    plain = opened(
        edf([Line("I", CODES.reshape(2, 100))], person="F 63 Mustermann", start="01.05.99")
    )
    assert (plain.recording_date, plain.patient.sex) == ("1999-05-01T08:27:32", None)


def test_an_unknown_number_of_records_is_what_is_there_and_bytes_behind_them_are_named() -> None:
    data = edf([Line("I", CODES.reshape(2, 100))], records="-1")
    assert opened(data).samples == 200
    assert any(
        "5 bytes" in warning
        for warning in opened(edf([Line("I", CODES.reshape(2, 100))]) + b"12345").warnings
    )


def test_a_channel_without_unit_has_unknown_units_and_one_that_needs_a_name_gets_it_from_the_request() -> (
    None
):
    lines = [Line("Ch 1", CODES.reshape(2, 100), "")]
    with pytest.raises(UnknownLead, match="Ch 1"):
        opened(edf(lines))
    record = opened(edf(lines), Hints(lead_names=("II",)))
    assert (record.lead_names, record.units) == (("II",), "unknown")
    assert opened(edf(lines), Hints(lead_names=("II",), units="uV")).units == "mV"


@pytest.mark.parametrize("label", ["ECG II-Ref", "II-REF", "EKG II ref.", "ECG II"])
def test_a_label_may_name_the_recorders_reference(label: str) -> None:
    assert opened(edf([Line(label, CODES.reshape(2, 100))])).lead_names == ("II",)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (edf([Line("I", CODES.reshape(2, 100), digital=("5", "5"))]), CorruptFile),
        (edf([Line("I", CODES.reshape(2, 100), physical=("5", "5"))]), CorruptFile),
        (edf([Line("I", CODES.reshape(2, 100))], record_s="0"), BadSamplingRate),
        (edf([Line("I", CODES.reshape(2, 100))], record_s="1e-320"), EcgError),
        (edf([Line("I", CODES.reshape(2, 100))], record_s="abc"), CorruptFile),
        (edf([Line("I", CODES.reshape(2, 100))], records="-5"), CorruptFile),
        (edf([Line("I", CODES.reshape(2, 100))], records="3"), CorruptFile),
        (edf([Line("I", CODES.reshape(2, 100))])[:-1], CorruptFile),
        (edf([Line("I", CODES.reshape(2, 100))]).replace(b"512     ", b"256     "), CorruptFile),
    ],
)
def test_headers_that_cannot_be_are_refused(data: bytes, kind: type[EcgError]) -> None:
    with pytest.raises(kind):
        opened(data)
