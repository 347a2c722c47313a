"""EDF and BDF: headers, scales, gaps and rates that the shared files lack, encoded here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from errors import BadSamplingRate, CorruptFile, EcgError, NoSamples, UnknownLead
from formats.hints import Hints
from formats.lead_names import HOW_TO_NAME, LeadNames
from formats.parts import Part
from formats.registry import read
from signals.record import EcgRecord

CODES = np.arange(-100, 100)
NO_HINTS = Hints()


@dataclass
class Line:
    """One signal of a header, with its codes as (records, samples of a record)."""

    label: str
    codes: np.ndarray
    unit: str = "uV"
    physical: tuple[str, str] = ("-3276.8", "3276.7")
    digital: tuple[str, str] = ("-32768", "32767")


NOTE_BYTES = 60


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
    clock: str = "08.27.32",
    notes: list[bytes] | None = None,
) -> bytes:
    """Encode a file; `notes` adds an annotation signal with these bytes in each record."""
    sample_bytes = 3 if bdf else 2
    signals = list(lines)
    if notes is not None:
        kind = "BDF" if bdf else "EDF"
        empty = np.zeros((len(notes), NOTE_BYTES // sample_bytes))
        signals.append(Line(f"{kind} Annotations", empty, "", ("-1", "1")))

    def column(width: int, *values: str) -> bytes:
        return b"".join(value.ljust(width).encode("latin-1") for value in values)

    count = len(signals[0].codes)
    header = [
        b"\xffBIOSEMI" if bdf else b"0       ",
        column(80, person, recording),
        column(8, start, clock, str(256 * (len(signals) + 1))),
        column(44, reserved),
        column(8, records or str(count), record_s),
        column(4, str(len(signals))),
        column(16, *(signal.label for signal in signals)),
        column(80, *("AgAgCl electrode" for _ in signals)),
        column(8, *(signal.unit for signal in signals)),
        column(8, *(signal.physical[0] for signal in signals)),
        column(8, *(signal.physical[1] for signal in signals)),
        column(8, *(signal.digital[0] for signal in signals)),
        column(8, *(signal.digital[1] for signal in signals)),
        column(80, *("HP:0.05Hz" for _ in signals)),
        column(8, *(str(signal.codes.shape[1]) for signal in signals)),
        column(32, *("" for _ in signals)),
    ]
    data: list[bytes] = []
    for record in range(count):
        for line in lines:
            for code in line.codes[record]:
                data.append(int(code).to_bytes(sample_bytes, "little", signed=True))
        if notes is not None:
            data.append(notes[record].ljust(NOTE_BYTES, b"\0"))
    return b"".join(header + data)


def opened(data: bytes, hints: Hints = NO_HINTS) -> EcgRecord:
    return read([Part("upload", data)], hints)


def one_lead(**options: object) -> bytes:
    """Encode lead I in two records of 100 samples."""
    return edf([Line("I", CODES.reshape(2, 100))], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("bdf", [False, True])
def test_codes_become_millivolt_by_each_channels_own_range_and_unit(bdf: bool) -> None:
    ramp = CODES.reshape(2, 100)
    lines = [
        Line("ECG I", ramp),
        Line("EKG AVR", ramp + 3, "mV", ("-10", "10"), ("-200", "200")),
        Line("V1", -ramp, "µV", ("10", "-10"), ("0", "100")),
    ]
    record = opened(edf(lines, bdf=bdf))
    assert (record.lead_names, record.fs, record.units) == (("I", "aVR", "V1"), 100.0, "mV")
    # (code - digital minimum) x (physical range / digital range) + physical minimum, by hand.
    expected = [CODES * 1e-4, (CODES + 3) * 0.05, (10 + CODES * 0.2) / 1000]
    np.testing.assert_allclose(record.signal, expected, atol=2e-6)
    assert record.warnings == ()


@pytest.mark.parametrize(("bdf", "bits"), [(False, 16), (True, 24)])
def test_the_extreme_codes_keep_their_sign(bdf: bool, bits: int) -> None:
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    codes = np.array([[low, -1, 0, 1, high]])
    line = Line("I", codes, "mV", (f"{low}", f"{high}"), (f"{low}", f"{high}"))
    np.testing.assert_allclose(opened(edf([line], bdf=bdf)).signal, codes, rtol=1e-6)


def test_channels_keep_their_own_rates_and_the_leads_of_most_are_read() -> None:
    fast, slow = CODES.reshape(2, 100), CODES[:40].reshape(2, 20)
    lines = [
        Line("I", fast),
        Line("V1", slow),
        Line("II", fast + 1),
        Line("SpO2", slow, "%"),
        Line("V2", slow),
        Line("V3", fast + 2),
    ]
    record = opened(edf(lines, record_s="0.5"))
    assert (record.lead_names, record.fs) == (("I", "II", "V3"), 200.0)
    np.testing.assert_allclose(record.signal, [(CODES + k) * 1e-4 for k in range(3)], atol=1e-7)
    assert record.warnings == (
        "lead_names: not a standard lead in volts, left out: SpO2",
        "lead_names: not sampled at 200 Hz, left out: V1, V2",
    )


@pytest.mark.parametrize("names", [("I", "V1"), ("V1", "I")])
def test_of_equally_many_leads_those_of_the_higher_rate_are_read(names: tuple[str, str]) -> None:
    fast, slow = CODES.reshape(2, 100), CODES[:40].reshape(2, 20)
    codes = {"I": fast, "V1": slow}
    record = opened(edf([Line(name, codes[name]) for name in names]))
    assert (record.lead_names, record.fs) == (("I",), 100.0)
    assert record.warnings == ("lead_names: not sampled at 100 Hz, left out: V1",)


def test_leads_without_samples_are_left_out_and_named() -> None:
    empty = np.zeros((2, 0))
    lines = [Line("I", empty), Line("II", empty), Line("V1", CODES.reshape(2, 100))]
    record = opened(edf(lines))
    assert record.lead_names == ("V1",)
    assert record.warnings == ("signal: I, II left out: it has no samples",)


@pytest.mark.parametrize(
    ("physical", "digital"),
    [
        (("0", "0"), ("0", "0")),
        (("-5", "5"), ("7", "7")),
        (("1", "1"), ("-32768", "32767")),
    ],
)
def test_a_channel_that_was_not_connected_is_left_out_and_named(
    physical: tuple[str, str], digital: tuple[str, str]
) -> None:
    ramp = CODES.reshape(2, 100)
    blanked = Line("ECG III", ramp * 0, "mV", physical, digital)
    record = opened(edf([Line("ECG I", ramp), blanked, Line("ECG II", ramp + 1)]))
    assert record.lead_names == ("I", "II")
    np.testing.assert_allclose(record.signal, [CODES * 1e-4, (CODES + 1) * 1e-4], atol=1e-7)
    assert record.warnings == ("signal: ECG III left out: its gain is 0",)


def test_a_range_that_is_no_number_costs_its_own_channel_only() -> None:
    ramp = CODES.reshape(2, 100)
    record = opened(edf([Line("I", ramp), Line("II", ramp, physical=("low", "high"))]))
    assert record.lead_names == ("I",)
    assert record.warnings == ("signal: II left out: its gain or offset is not a finite number",)


@pytest.mark.parametrize(
    ("record_s", "reserved", "bdf"),
    [("0", "EDF+C", False), ("1", "EDF+C", False), ("0", "EDF+D", False), ("30", "BDF+C", True)],
)
def test_a_file_of_annotations_has_no_samples(record_s: str, reserved: str, bdf: bool) -> None:
    notes = [b"+0\x14\x14\0+0\x1530\x14Sleep stage W\x14\0"]
    with pytest.raises(NoSamples) as caught:
        opened(edf([], record_s=record_s, reserved=reserved, bdf=bdf, notes=notes))
    assert caught.value.detail == "the EDF file holds only annotations, no signal"


@pytest.mark.parametrize("label", ["EDF ECG I", "EEG-ECG I", "EEG ECG_I", "EEG-EKG1-I", "ECG ECGI"])
def test_labels_with_the_type_of_a_converter_are_leads(label: str) -> None:
    record = opened(edf([Line(label, CODES.reshape(2, 100))]))
    assert (record.lead_names, record.warnings) == (("I",), ())


def test_records_with_gaps_between_them_are_placed_at_their_times() -> None:
    notes = [b"+0.5\x14\x14\0", b"+4\x14\x14\0+4.5\x14beat\x14\0"]
    record = opened(one_lead(reserved="EDF+D", notes=notes))
    # 3.5 s after the first record at 100 Hz.
    assert record.samples == 450
    np.testing.assert_allclose(record.signal[0, :100], CODES[:100] * 1e-4, atol=1e-7)
    assert np.isnan(record.signal[0, 100:350]).all()
    np.testing.assert_allclose(record.signal[0, 350:], CODES[100:] * 1e-4, atol=1e-7)
    assert record.warnings == ()


def test_gaps_are_found_in_bdf_too_and_not_in_a_continuous_file() -> None:
    notes = [b"+0\x14\x14\0", b"+2\x14\x14\0"]
    assert opened(one_lead(reserved="BDF+D", bdf=True, notes=notes)).samples == 300
    assert opened(one_lead(reserved="EDF+C", notes=notes)).samples == 200


@pytest.mark.parametrize(
    ("notes", "detail"),
    [
        ([b"+0\x14\x14", b""], "does not state its start, or starts before the previous one"),
        ([b"", b"+1\x14\x14"], "does not state its start, or starts before the previous one"),
        (
            [b"+5\x14\x14", b"+4.9\x14\x14"],
            "does not state its start, or starts before the previous one",
        ),
        ([b"+0\x14\x14", b"+999999999\x14\x14"], "span more than 5000000 samples"),
        # The last record ends one sample after the limit.
        ([b"+0\x14\x14", b"+49999.01\x14\x14"], "span more than 5000000 samples"),
    ],
)
def test_wrong_starts_of_records_are_refused(notes: list[bytes], detail: str) -> None:
    with pytest.raises(CorruptFile) as caught:
        opened(one_lead(reserved="EDF+D", notes=notes))
    assert caught.value.detail.endswith(detail)


def test_of_two_records_with_the_same_start_the_second_is_kept() -> None:
    record = opened(one_lead(reserved="EDF+D", notes=[b"+1\x14\x14"] * 2))
    np.testing.assert_allclose(record.signal, [CODES[100:] * 1e-4], atol=1e-7)


def test_the_longest_gap_is_read() -> None:
    notes = [b"+0\x14\x14", b"+49999\x14\x14"]
    assert opened(one_lead(reserved="EDF+D", notes=notes)).samples == 5_000_000


def test_a_discontinuous_file_without_annotations_is_refused() -> None:
    with pytest.raises(CorruptFile, match="without the annotations that state"):
        opened(one_lead(reserved="EDF+D"))


def test_edf_plus_has_date_age_sex_and_equipment_and_the_name_is_not_read() -> None:
    plus = one_lead(
        reserved="EDF+C",
        person="4711 F 02-MAY-1960 Erika_Mustermann",
        recording="Startdate 02-MAY-2024 A1 B2 Recorder_9",
        notes=[b""] * 2,
    )
    record = opened(plus)
    assert record.reported is not None
    # The day is the recording field's, the time the header's; on the 64th birthday.
    assert record.recording_date == "2024-05-02T08:27:32"
    assert (record.patient.age_years, record.patient.sex) == (64.0, "female")
    assert record.reported.device == "Recorder 9"
    assert record.warnings == ()
    assert "Mustermann" not in repr(record) and "4711" not in repr(record)


def test_edf_plus_with_unknown_fields_has_only_the_start() -> None:
    for recording in ("Startdate X X X X", "Startdate"):
        record = opened(one_lead(reserved="EDF+C", person="X", recording=recording))
        assert record.reported is not None
        assert (record.recording_date, record.reported.device) == ("2024-05-01T08:27:32", None)
        assert (record.patient.age_years, record.patient.sex) == (None, None)


def test_an_age_beyond_120_years_is_left_out_with_a_warning() -> None:
    record = opened(one_lead(reserved="EDF+C", person="X M 01-JAN-1900 X"))
    assert (record.patient.age_years, record.patient.sex) == (None, "male")
    assert record.warnings == ("patient.age: outside 0 to 120 years in the file, ignored",)


@pytest.mark.parametrize(
    ("start", "date"),
    [
        ("01.05.85", "1985-05-01T08:27:32"),
        ("01.05.99", "1999-05-01T08:27:32"),
        ("31.12.84", "2084-12-31T08:27:32"),
        ("01.13.24", None),
        ("01.05", None),
        ("01.05.yy", None),
    ],
)
def test_plain_edf_has_only_the_start_with_a_year_of_1985_to_2084(
    start: str, date: str | None
) -> None:
    record = opened(one_lead(person="4711 F 02-MAY-1960 Mustermann", start=start))
    assert record.recording_date == date
    assert (record.patient.age_years, record.patient.sex) == (None, None)
    assert record.warnings == ()


def test_a_start_without_a_time_is_no_date() -> None:
    assert opened(one_lead(clock="08.27")).recording_date is None


def test_an_unknown_number_of_records_is_counted() -> None:
    record = opened(one_lead(records="-1"))
    np.testing.assert_allclose(record.signal, [CODES * 1e-4], atol=1e-7)
    assert record.warnings == ()


def test_bytes_after_the_last_record_are_a_warning() -> None:
    record = opened(one_lead() + b"12345")
    assert record.samples == 200
    assert record.warnings == ("file: 5 bytes after the last record of the EDF file, ignored",)
    # A whole record that the header does not count, and 7 bytes.
    surplus = opened(one_lead(records="1") + b"1234567")
    assert surplus.samples == 100
    assert surplus.warnings == ("file: 207 bytes after the last record of the EDF file, ignored",)


def test_a_channel_without_unit_has_unknown_units_and_the_request_may_name_it() -> None:
    lines = [Line("Ch 1", CODES.reshape(2, 100), "")]
    with pytest.raises(UnknownLead) as caught:
        opened(edf(lines))
    assert caught.value.detail == (
        f"no standard lead in volts among the EDF channels (Ch 1); {HOW_TO_NAME}"
    )
    record = opened(edf(lines), Hints(lead_names=LeadNames(("II",))))
    assert (record.lead_names, record.units) == (("II",), "unknown")
    assert record.warnings == (
        "units: the EDF file states none; send units or gain; results that need volts are null",
    )
    # Without a unit the values are physical ones, without a factor: code x 0.1.
    np.testing.assert_allclose(record.signal, [CODES * 0.1], atol=1e-4)
    scaled = opened(edf(lines), Hints(lead_names=LeadNames(("II",)), units="uV"))
    assert scaled.units == "mV"
    np.testing.assert_allclose(scaled.signal, [CODES * 1e-4], atol=1e-7)


@pytest.mark.parametrize("label", ["ECG II-Ref", "II-REF", "EKG II ref.", "ECG II"])
def test_a_label_may_name_the_recorders_reference(label: str) -> None:
    assert opened(edf([Line(label, CODES.reshape(2, 100))])).lead_names == ("II",)


def with_field(at: int, text: str) -> bytes:
    """Encode lead I with another text in a header field of 8 bytes."""
    data = bytearray(one_lead())
    data[at : at + 8] = text.ljust(8).encode()
    return bytes(data)


# Where the number of samples per record of the only signal is in the file.
SAMPLES_AT = 256 + 16 + 80 + 5 * 8 + 80


@pytest.mark.parametrize(
    ("data", "kind", "detail"),
    [
        (
            edf([Line("I", CODES.reshape(2, 100), digital=("5", "5"))]),
            CorruptFile,
            "no lead of the EDF file can be read: I: its gain is 0",
        ),
        (
            edf([Line("I", CODES.reshape(2, 100), physical=("5", "5"))]),
            CorruptFile,
            "no lead of the EDF file can be read: I: its gain is 0",
        ),
        (
            one_lead(record_s="0"),
            BadSamplingRate,
            "fs: the EDF header's record duration is 0, which gives no sampling rate",
        ),
        (one_lead(record_s="1e-320"), EcgError, None),
        (
            one_lead(record_s="abc"),
            CorruptFile,
            "the EDF header's record duration is no number; a number of seconds from 0 on is "
            "required",
        ),
        (
            one_lead(record_s="-1"),
            CorruptFile,
            "the EDF header's record duration is '-1'; a number of seconds from 0 on is required",
        ),
        (
            one_lead(records="-5"),
            CorruptFile,
            "the EDF header states -5 records; the file has 2 complete ones",
        ),
        (
            one_lead(records="0"),
            CorruptFile,
            "the EDF header states 0 records; the file has 2 complete ones",
        ),
        (
            one_lead(records="3"),
            CorruptFile,
            "the EDF header states 3 records; the file has 2 complete ones",
        ),
        (
            one_lead(records="1.5"),
            CorruptFile,
            "the EDF header's number of records is '1.5'; a whole number is required",
        ),
        (
            one_lead()[:-1],
            CorruptFile,
            "the EDF header states 2 records; the file has 1 complete ones",
        ),
        (
            with_field(184, "256"),
            CorruptFile,
            "the EDF header states 256 bytes for itself; its 1 signals need 512",
        ),
        (
            one_lead()[:511],
            CorruptFile,
            "the EDF header of 1 signals needs 512 bytes; the file has 511",
        ),
        (
            with_field(SAMPLES_AT, "5000001"),
            CorruptFile,
            "signal 0 of the EDF header: '5000001' samples per record; a whole number from 0 to "
            "5000000 is required",
        ),
        (
            with_field(SAMPLES_AT, "5000000"),
            CorruptFile,
            "the EDF header states 2 records; the file has 0 complete ones",
        ),
        (with_field(SAMPLES_AT, "-1"), CorruptFile, None),
        (with_field(SAMPLES_AT, "99.5"), CorruptFile, None),
    ],
)
def test_an_inconsistent_header_is_refused(
    data: bytes, kind: type[EcgError], detail: str | None
) -> None:
    with pytest.raises(kind) as caught:
        opened(data)
    assert detail is None or caught.value.detail == detail


@pytest.mark.parametrize("count", [0, 513])
def test_a_header_of_no_or_too_many_signals_is_refused(count: int) -> None:
    size = 256 * (count + 1)
    data = one_lead()[:184] + str(size).ljust(8).encode() + one_lead()[192:252]
    data += str(count).ljust(4).encode() + bytes(256 * 600)
    with pytest.raises(CorruptFile) as caught:
        opened(data)
    assert caught.value.detail == (
        f"the EDF header states {count} signals; 1 to 512 signals are allowed"
    )


def test_five_hundred_and_twelve_signals_are_read() -> None:
    codes = np.arange(3).reshape(1, 3)
    lines = [Line("V1", codes + 5), *(Line("x", codes) for _ in range(511))]
    record = opened(edf(lines))
    np.testing.assert_allclose(record.signal, (codes + 5) * 1e-4, atol=1e-7)
    shown = ", ".join(["x"] * 20)
    assert record.warnings == (
        f"lead_names: not a standard lead in volts, left out: {shown} and 491 more",
    )


@pytest.mark.parametrize("bdf", [False, True])
@pytest.mark.parametrize("side", [0, 1])
def test_samples_at_a_digital_limit_in_all_leads_are_gaps(side: int, bdf: bool) -> None:
    limits = [("-300", "300"), ("-400", "500")]
    lines = []
    for name, digital in zip(("I", "II"), limits, strict=True):
        codes = CODES.reshape(2, 100) % 97
        codes[1, 30:50] = int(digital[side])
        lines.append(Line(name, codes, digital=digital))
    record = opened(edf(lines, bdf=bdf))
    assert np.flatnonzero(np.isnan(record.signal).all(axis=0)).tolist() == list(range(130, 150))
    (warning,) = record.warnings
    assert "from 1.30 to 1.50 s" in warning


def test_a_single_lead_that_is_clipped_at_its_digital_limit_is_a_signal() -> None:
    codes = CODES.reshape(2, 100) % 97
    codes[1, 30:50] = 300
    record = opened(edf([Line("I", codes, digital=("-300", "300"))]))
    assert not np.isnan(record.signal).any() and record.warnings == ()
