"""Named arrays (.mat, .npz): usual layouts are read; hostile ones are refused unallocated."""

from __future__ import annotations

import io
import pickle
import zipfile
from typing import Any

import numpy as np
import pytest
import scipy.io

from errors import (
    BadShape,
    BadType,
    CorruptFile,
    EcgError,
    ImplausibleValues,
    MissingField,
    RecordingTooLong,
    SeveralRecordings,
    UnknownFormat,
    UnsafeFile,
)
from formats.arrays import named_arrays
from formats.hints import Hints
from formats.lead_names import LeadNames
from formats.parts import Part
from formats.registry import read
from signals.leads import LEADS
from signals.record import EcgRecord

SIGNAL = np.round(np.random.default_rng(0).normal(size=(12, 40)), 3)
CODES = np.rint(SIGNAL * 1000).astype(np.int16)


def mat(arrays: dict[str, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, arrays, **options)
    return file.getvalue()


def npz(arrays: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npy_bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def opened(data: bytes, hints: Hints = Hints()) -> EcgRecord:  # noqa: B008 - frozen
    return read([Part("upload", data)], hints)


@pytest.mark.parametrize("save", [mat, npz])
@pytest.mark.parametrize("name", ["signal", "ecg", "data", "p_signal", "Something"])
@pytest.mark.parametrize("rate", ["fs", "Fs", "sampling_rate", "curr_sample_rate"])
def test_a_table_with_its_rate_is_read_either_way_round(save: Any, name: str, rate: str) -> None:
    for array in (SIGNAL, SIGNAL.T, SIGNAL.astype(np.float32)):
        record = opened(save({name: array, rate: 250.0, "other": np.arange(3)}))
        assert (record.lead_names, record.fs, record.units) == (LEADS, 250.0, "mV")
        np.testing.assert_allclose(record.signal, SIGNAL, atol=1e-6)
        assert record.warnings == ()


@pytest.mark.parametrize("save", [mat, npz])
@pytest.mark.parametrize(
    ("others", "named"),
    [
        ({"ecg2": SIGNAL}, "ecg2"),
        ({"noise": SIGNAL[:2], "filtered": SIGNAL.T}, "noise, filtered"),
        ({"time": np.arange(40.0), "peaks": np.arange(20)[np.newaxis]}, None),
    ],
)
def test_further_tables_are_left_out_and_named(
    save: Any, others: dict[str, Any], named: str | None
) -> None:
    record = opened(save({"ecg": SIGNAL, "fs": 250.0, **others}))
    np.testing.assert_allclose(record.signal, SIGNAL, atol=1e-6)
    assert (record.warnings == ()) is (named is None)
    if named is not None:
        (warning,) = record.warnings
        assert warning.startswith("file: other tables in the ")
        assert warning.endswith(f" file, left out: {named}")


@pytest.mark.parametrize("save", [mat, npz])
def test_each_lead_has_its_gain_and_the_baseline_is_subtracted(save: Any) -> None:
    gains = np.arange(1, 13) * 100.0
    record = opened(
        save(
            {
                "val": np.rint(SIGNAL * gains[:, None] + 7),
                "fs": 100,
                "gain": gains,
                "baseline": np.full(12, 7),
            }
        )
    )
    assert record.units == "mV"
    np.testing.assert_allclose(record.signal, SIGNAL, atol=0.005 + 1e-6)


@pytest.mark.parametrize("save", [mat, npz])
def test_a_variable_for_each_lead_is_read_and_units_may_differ(save: Any) -> None:
    leads = dict(zip(LEADS[::-1], SIGNAL, strict=True))
    record = opened(
        save({**leads, "srate": 250, "units": np.array(["mV"] * 12), "t": np.arange(40)})
    )
    assert (record.lead_names, record.fs) == (LEADS[::-1], 250.0)
    np.testing.assert_allclose(record.signal, SIGNAL, atol=1e-6)
    scaled = SIGNAL * np.array([[1.0]] * 6 + [[1000.0]] * 6)
    record = opened(save({"signal": scaled, "fs": 250, "units": np.array(["mV"] * 6 + ["uV"] * 6)}))
    np.testing.assert_allclose(record.signal, SIGNAL, atol=1e-6)


def test_strings_of_bytes_are_decoded() -> None:
    """h5py and numpy write names as bytes. If ignored, V6 would become I, and uV would be mV."""
    record = opened(
        npz(
            {
                "signal": SIGNAL * 1000,
                "fs": 100,
                "leads": np.array(LEADS[::-1], dtype="S"),
                "units": np.array(b"uV"),
            }
        )
    )
    assert record.lead_names == LEADS[::-1]
    np.testing.assert_allclose(record.signal, SIGNAL, atol=1e-6)


@pytest.mark.parametrize("save", [mat, npz])
def test_lead_names_unit_age_sex_and_date_are_read(save: Any) -> None:
    record = opened(
        save(
            {
                "signal": SIGNAL[:3],
                "fs": 100,
                "leads": np.array(["V1", "II", "aVR"]),
                "unit": "uV",
                "age": 63,
                "sex": "Female",
                "date": "2024-05-01",
            }
        )
    )
    assert (record.lead_names, record.recording_date) == (("V1", "II", "aVR"), "2024-05-01")
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    np.testing.assert_allclose(record.signal, SIGNAL[:3] / 1000, rtol=1e-4)


@pytest.mark.parametrize("options", [{}, {"format": "4"}, {"do_compression": True}])
def test_physionets_val_is_adc_units_until_a_gain_is_sent(options: dict[str, Any]) -> None:
    data = mat({"val": CODES}, **options)
    with pytest.raises(MissingField, match="fs"):
        opened(data)
    unknown = opened(data, Hints(fs=500.0))
    assert unknown.units == "unknown"
    assert unknown.warnings == (
        "units: the MATLAB file states none; send units or gain; results that need volts are null",
    )
    np.testing.assert_array_equal(unknown.signal, CODES)
    np.testing.assert_allclose(opened(data, Hints(fs=500.0, gain=1000.0)).signal, SIGNAL, rtol=1e-5)
    np.testing.assert_allclose(
        opened(mat({"val": CODES, "gain": np.full(12, 1000.0), "fs": 500})).signal,
        SIGNAL,
        rtol=1e-5,
    )


def test_fairseq_signals_files_are_read_in_unknown_units_at_their_current_rate() -> None:
    record = opened(
        mat({"feats": SIGNAL, "curr_sample_rate": 500, "org_sample_rate": 400, "age": 50})
    )
    assert (record.units, record.fs, record.patient.age_years) == ("unknown", 500.0, 50.0)


def test_fields_of_a_structure_are_found() -> None:
    record = opened(mat({"ECG": {"data": SIGNAL, "sex": "Male", "age": 71.0}}), Hints(fs=500.0))
    assert (record.patient.age_years, record.patient.sex) == (71.0, "male")
    np.testing.assert_allclose(record.signal, SIGNAL, atol=1e-6)


@pytest.mark.parametrize("save", [mat, npz])
def test_the_requests_lead_names_replace_the_files_whatever_their_number(save: Any) -> None:
    arrays = {"signal": SIGNAL[:3], "fs": 100, "leads": np.array(["V1", "V2"])}
    with pytest.raises(BadShape):
        opened(save(arrays))
    record = opened(save(arrays), Hints(lead_names=LeadNames(("I", "II", "V5"))))
    assert record.lead_names == ("I", "II", "V5")
    np.testing.assert_allclose(record.signal, SIGNAL[:3], atol=1e-6)
    assert record.warnings == (
        "lead_names: the request contradicts the file; the request's value is used",
    )


@pytest.mark.parametrize("save", [mat, npz])
def test_thirteen_samples_are_a_signal_and_twelve_are_not(save: Any) -> None:
    assert opened(save({"signal": SIGNAL[:, :13], "fs": 100.0})).samples == 13
    with pytest.raises(MissingField) as caught:
        opened(save({"signal": SIGNAL[:5, :12], "fs": 100.0}))
    assert caught.value.detail.startswith("signal: missing; the ")
    two = {"I": SIGNAL[0, :13], "II": SIGNAL[1, :13], "fs": 100.0}
    assert opened(save(two)).lead_names == ("I", "II")
    with pytest.raises(MissingField):
        opened(save({name: np.ravel(value)[:12] for name, value in two.items()}))


@pytest.mark.parametrize("save", [mat, npz])
def test_a_table_is_the_signal_even_next_to_variables_named_like_leads(save: Any) -> None:
    arrays = {"I": SIGNAL[0] * 5, "V": SIGNAL[1], "II": SIGNAL[2] * 5, "ecg": SIGNAL, "fs": 100.0}
    np.testing.assert_allclose(opened(save(arrays)).signal, SIGNAL, atol=1e-6)


@pytest.mark.parametrize("save", [mat, npz])
def test_unsigned_codes_below_the_baseline_are_negative(save: Any) -> None:
    codes = (np.arange(3 * 20) % 7).reshape(3, 20).astype(np.uint8)
    arrays = {
        "d_signal": codes,
        "fs": 100,
        "adc_gain": 2.0,
        "adc_baseline": 4,
        "sig_name": "I,II,V1",
    }
    record = opened(save(arrays))
    assert record.lead_names == ("I", "II", "V1")
    np.testing.assert_allclose(record.signal, (codes.astype(float) - 4) / 2)


@pytest.mark.parametrize("save", [mat, npz])
@pytest.mark.parametrize(
    ("arrays", "kind"),
    [
        ({"a": SIGNAL, "b": SIGNAL}, SeveralRecordings),
        ({"signal": np.stack([SIGNAL, SIGNAL]), "fs": 1.0}, SeveralRecordings),
        ({"signal": SIGNAL.astype(complex), "fs": 1.0}, BadType),
        ({"signal": SIGNAL[:5], "fs": 1.0}, BadShape),
        ({"text": np.array(["a", "b"]), "fs": 1.0}, MissingField),
        ({"signal": SIGNAL, "fs": np.nan}, MissingField),
        ({"signal": SIGNAL, "fs": 500.0, "gain": 0.0}, CorruptFile),
        ({"signal": SIGNAL * np.inf, "fs": 500.0}, ImplausibleValues),
    ],
)
def test_anything_but_one_recording_is_refused(
    save: Any, arrays: dict[str, Any], kind: type[EcgError]
) -> None:
    with pytest.raises(kind):
        opened(save(arrays))


def test_an_npz_with_a_pickle_runs_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    class Loud:
        def __reduce__(self) -> tuple[Any, ...]:
            return print, ("PICKLE WAS EXECUTED",)

    file = io.BytesIO()
    np.save(file, np.array([Loud()], object), allow_pickle=True)
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("signal.npy", file.getvalue())
        archive.writestr("fs.npy", pickle.dumps(1))
    with pytest.raises(UnsafeFile):
        opened(body.getvalue())
    # The same arrays in another order.
    reordered = io.BytesIO()
    with zipfile.ZipFile(reordered, "w") as archive:
        archive.writestr("fs.npy", npy_bytes(np.array(500.0)))
        archive.writestr("signal.npy", file.getvalue())
    with pytest.raises(UnsafeFile):
        opened(reordered.getvalue())
    assert "PICKLE" not in capfd.readouterr().out


def test_files_of_version_7_3_and_damaged_ones_have_different_errors() -> None:
    with pytest.raises(UnknownFormat, match="-v7"):
        opened(b"MATLAB 7.3 MAT-file, Platform: x".ljust(512) + b"\x89HDF\r\n\x1a\n")
    whole = mat({"signal": SIGNAL, "fs": 500.0}, do_compression=True)
    with pytest.raises(CorruptFile):
        opened(whole[: len(whole) // 2])


def npy_of(descr: str, shape: str, data: bytes) -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + data


def zipped(**members: bytes) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, content in {
            "signal": npy_bytes(SIGNAL),
            "fs": npy_bytes(np.array(500.0)),
        }.items():
            archive.writestr(f"{name}.npy", content)
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return body.getvalue()


@pytest.mark.parametrize("name", ["leads", "units", "sex", "date", "age"])
@pytest.mark.parametrize(
    ("descr", "character"),
    [
        ("<U1", b"\xff\xff\xff\x7f"),  # numpy fails when it makes the string
        (">U1", b"\x7f\xff\xff\xff"),
        ("<U1", b"\x01\xd8\0\0"),  # a surrogate, which no answer could contain
        ("|S1", b"\xff"),
    ],
)
def test_characters_that_do_not_exist_are_replaced(name: str, descr: str, character: bytes) -> None:
    try:
        record = opened(zipped(**{name: npy_of(descr, "(12,)", character * 12)}))
    except EcgError as error:
        assert "\ufffd" in error.detail or "ÿ" in error.detail or name == "units"
        error.detail.encode()
    else:
        assert record.lead_names == LEADS


def test_a_type_that_numpy_lacks_is_refused() -> None:
    with pytest.raises(BadType, match="unsupported type"):
        opened(zipped(leads=npy_of("<f1", "(3,)", b"abc")))


@pytest.mark.parametrize("save", [mat, npz])
def test_the_number_of_values_is_limited(save: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_arrays, "MAX_VALUES", SIGNAL.size)
    rows = dict(zip(LEADS, SIGNAL, strict=True))
    assert opened(save({"signal": SIGNAL, "fs": 500.0})).samples == 40
    assert opened(save({**rows, "fs": 500.0})).samples == 40
    monkeypatch.setattr(named_arrays, "MAX_VALUES", SIGNAL.size - 1)
    for arrays in ({"signal": SIGNAL}, rows):
        with pytest.raises(RecordingTooLong) as caught:
            opened(save({**arrays, "fs": 500.0}))
        assert caught.value.detail == "signal: 480 values; the limit is 479"


@pytest.mark.parametrize("save", [mat, npz])
def test_a_long_text_is_no_list_of_names(save: Any) -> None:
    names = ",".join(LEADS[::-1])
    for padding, leads in ((4096 - len(names), LEADS[::-1]), (4097 - len(names), LEADS)):
        record = opened(save({"signal": SIGNAL, "fs": 500.0, "leads": names + " " * padding}))
        assert record.lead_names == leads
    lists = {"signal": SIGNAL, "fs": 500.0, "leads": np.array(["I"] * 65)}
    assert opened(save(lists)).lead_names == LEADS


def test_the_order_of_leads_in_structures_is_kept() -> None:
    """A structure's fields come before what precedes it; of a name twice the first value counts."""
    first, second, third = SIGNAL[:3]
    leads = {"I": first, "s": {"II": second, "I": third}, "V1": first, "t": {"V2": third}}
    record = opened(mat({**leads, "fs": 500.0}))
    assert record.lead_names == ("V2", "II", "I", "V1")
    np.testing.assert_allclose(record.signal, [third, second, first, first], atol=1e-6)


@pytest.mark.parametrize("save", [mat, npz])
@pytest.mark.parametrize(
    ("field", "stated", "sent"),
    [
        ("gain", np.arange(1.0, 14.0), Hints(gain=1000.0)),
        ("gain", np.array([1000.0, 200.0]), Hints(gain=1000.0)),
        ("units", "uV,mV", Hints(units="uV")),
        ("units", "mV," + "uV," * 11 + "uV", Hints(units="uV")),
    ],
)
def test_gains_and_units_that_fit_no_leads_are_refused_unless_the_request_replaces_them(
    save: Any, field: str, stated: Any, sent: Hints
) -> None:
    data = save({"signal": CODES, "fs": 500.0, field: stated})
    with pytest.raises(BadShape) as caught:
        opened(data)
    count = len(stated.split(",")) if isinstance(stated, str) else len(stated)
    assert caught.value.errors[0].loc == (field,)
    assert caught.value.detail.startswith(f"{field}: {count} different values in the ")
    record = opened(data, sent)
    assert record.units == "mV"
    np.testing.assert_allclose(record.signal, SIGNAL, atol=1e-6)


@pytest.mark.parametrize("units", ["uV", "uV,uV", ",".join(["uV"] * 12)])
def test_one_unit_for_all_leads_may_be_repeated(units: str) -> None:
    record = opened(npz({"signal": CODES, "fs": 500.0, "units": units}))
    assert (record.units, record.warnings) == ("mV", ())
    np.testing.assert_allclose(record.signal, SIGNAL, atol=1e-6)
