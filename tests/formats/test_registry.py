"""Uploads: the format is detected by content, one recording is read, hostile files are refused."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from errors import BodyTooLarge, CorruptFile, EcgError, SeveralRecordings, UnknownFormat
from formats.hints import Hints
from formats.parts import Part
from formats.registry import format_names, is_recording, known_formats, read
from signals.checks import check_record
from tests.data import SHARED, requires_shared
from tests.formats.samples import INVALID, expected, hints_of, parts_of
from tests.formats.wfdb.writer import Line, encode, header

CODES = list(range(-20, 20))
HEAD = header([Line("rec.dat", "16", "100/mV", CODES, "II")])
DATA = encode(CODES, 16)
RECORD = json.dumps({"signal": {"V1": [1, 2, 3]}, "fs": 500}).encode()
# Sound recordings among the invalid files: with a misleading name, or with harmless damage.
ACCEPTED = {
    "good_short_muse_2s.xml",
    "muse_named_dcm.dcm",
    "scp_named_xml.xml",
    "no_extension_edf",
    "flat_line.csv",
    "bitflip_edf_header.edf",
}
GOOD_FORM = {"npy_nan.npy": "no_samples", "npy_inf.npy": "implausible_values"}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def test_a_format_is_a_module_with_a_format() -> None:
    modules = {
        path
        for path in (Path(__file__).parents[2] / "formats").rglob("*.py")
        if "\nFORMAT = " in path.read_text()
    }
    assert len(known_formats()) == len(modules) >= 3
    names = [file_format.name for file_format in known_formats()]
    assert format_names() == tuple(sorted(names, key=str.lower))
    assert len(set(names)) == len(names)
    assert {"JSON", "npy"} <= set(names)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_of_one_recording_is_read_with_its_clutter_left_alone(method: int) -> None:
    body = zipped(
        {
            "folder/": b"",
            "folder/rec.dat": DATA,
            "__MACOSX/._rec.hea": b"x",
            "folder/rec.hea": HEAD,
            ".DS_Store": b"x",
        },
        method,
    )
    record = read([Part("upload", body)])
    np.testing.assert_allclose(record.signal, [np.array(CODES) / 100], rtol=1e-6)
    assert record.warnings == ()


@requires_shared
def test_the_published_zip_is_the_same_recording_as_its_files() -> None:
    folder = SHARED / "formats" / "wfdb"
    files = [Part(name, (folder / name).read_bytes()) for name in ("00001_lr.dat", "00001_lr.hea")]
    one, other = read(files), read([Part("x", (folder / "00001_lr.zip").read_bytes())])
    np.testing.assert_array_equal(one.signal, other.signal)
    assert one.lead_names == other.lead_names


def test_an_uploaded_json_file_is_read_and_the_request_wins_with_a_warning() -> None:
    record = read(
        [Part("anything.txt", b"\xef\xbb\xbf " + RECORD)], Hints(fs=250.0, age=50.0, id=("x",))
    )
    assert (record.fs, record.lead_names, record.patient.age_years, record.id) == (
        250.0,
        ("V1",),
        50.0,
        "x",
    )
    assert record.warnings == ("fs: the request contradicts the file; the request's value is used",)
    np.testing.assert_array_equal(record.signal, [[1, 2, 3]])
    with pytest.raises(SeveralRecordings) as caught:
        read([Part("a", b'{"records": [' + RECORD + b"]}")])
    assert caught.value.detail == (
        "the JSON file contains a list of records; an uploaded file may contain one record; "
        "send several as a JSON body"
    )


def test_a_recording_is_detected_without_reading_it() -> None:
    for data in (RECORD, HEAD, b'{"records": []}', b"I,II\n1,2\n3,4\n"):
        assert is_recording(Part("x", data))
    for data in (b"", b"{}", b"hello", DATA, b'{"a": 1}', b" " * 64 + RECORD):
        assert not is_recording(Part("x.json", data))


def test_two_recordings_are_refused_and_other_files_counted() -> None:
    with pytest.raises(SeveralRecordings) as caught:
        read([Part("a.hea", HEAD), Part("b.hea", HEAD), Part("rec.dat", DATA)])
    wfdb = "WFDB (.hea with .dat or .mat)"
    assert caught.value.detail == (
        f"2 recordings in one upload ({wfdb}, {wfdb}); send one at a time"
    )
    with pytest.raises(SeveralRecordings) as caught:
        read([Part("a.hea", HEAD), Part("rec.dat", DATA), Part("b.json", RECORD)])
    assert caught.value.detail == f"2 recordings in one upload ({wfdb}, JSON); send one at a time"
    assert read([Part("a.hea", HEAD), Part("rec.dat", DATA), Part("empty", b"")]).warnings == ()
    record = read(
        [
            Part("a.hea", HEAD),
            Part("rec.dat", DATA),
            Part("notes.txt", b"hello"),
            Part("more.txt", b"hello"),
        ]
    )
    assert record.warnings == ("file: 2 other files in the upload, ignored",)


def test_a_table_next_to_a_recording_is_a_note() -> None:
    note = Part("table.csv", b"I,II\n1,2\n3,4\n")
    record = read([note, Part("b.json", RECORD)])
    assert record.lead_names == ("V1",)
    assert record.warnings == ("file: 1 other files in the upload, ignored",)


def test_headers_that_name_each_other_are_refused() -> None:
    with pytest.raises(CorruptFile, match="each other"):
        read([Part("a.hea", b"a/1 1 500 40\nb 40\n"), Part("b.hea", b"b/1 1 500 40\na 40\n")])


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([], "no file with content"),
        ([Part("a.dat", b"")], "no file with content"),
        ([Part("a.pdf", b"%PDF-1.7")], "a PDF; a report does not contain the samples"),
        ([Part("a.gz", b"\x1f\x8b..")], "a gzip file; send it with Content-Encoding: gzip"),
        ([Part("a.png", b"\x89PNG..")], "an image"),
        ([Part("a.jpg", b"\xff\xd8\xff..")], "an image"),
        ([Part("a.ann", b"ANN  1.0")], "ISHNE annotations; send the file with the samples"),
        ([Part("a.json", b'{"fs": 500}')], "JSON without a signal"),
        ([Part("a.json", b"\xef\xbb\xbf [1, 2]")], "JSON that is not an object"),
        (
            [Part("a.xml", b"<HTML/>")],
            "an HTML page; perhaps an error page that was saved as a file",
        ),
        ([Part("a.xml", b"<note/>")], "XML of an unsupported format"),
        ([Part("a.csv", b"I,II\n0,1\0,2\n")], "a text file with NUL bytes"),
        ([Part("a.csv", b"I,II,0,1\0,2")], "an unsupported format"),
        ([Part("a", b"  ")], "nothing but white space"),
        ([Part("a", pickle.dumps(1))], "an unsupported format"),
        ([Part("a", b"x"), Part("b", b"y")], "2 files, none of a supported format"),
    ],
)
def test_an_unknown_file_is_described_and_the_supported_formats_listed(
    parts: list[Part], reason: str
) -> None:
    with pytest.raises(UnknownFormat) as caught:
        read(parts)
    assert caught.value.detail == f"{reason}; supported: {', '.join(format_names())}"


def test_the_limit_on_bytes_holds_for_files_and_for_what_a_zip_unpacks_to() -> None:
    noise = np.random.default_rng(0).bytes(5000)
    zips = [Part(name, zipped({name: bytes(5000)})) for name in "yz"]
    for parts in (
        [Part("a", noise), Part("b", noise)],
        [Part("z", zipped({"a": bytes(5000), "b": bytes(5000)}))],
        zips,
    ):
        with pytest.raises(UnknownFormat):
            read(parts, max_bytes=10_000)
        with pytest.raises(BodyTooLarge) as caught:
            read(parts, max_bytes=9999)
        assert caught.value.detail.endswith("more than 9999 bytes, the limit")


def test_a_zip_entry_without_a_name_is_no_crash() -> None:
    nameless = zipped({"x": b"hello"}, zipfile.ZIP_STORED).replace(
        b"x", b"\0"
    )  # zipfile cuts a name at its NUL
    with pytest.raises(EcgError):
        read([Part("z", nameless)])


@requires_shared
def test_every_invalid_file_is_refused_in_little_memory_and_without_running_anything(
    capfd: pytest.CaptureFixture[str],
) -> None:
    known_formats()  # loads the readers' libraries, once
    tracemalloc.start()
    for path in sorted(INVALID.iterdir()):
        if path.name in ("expected.json", "README.md"):
            continue
        part = Part(path.name, path.read_bytes())
        tracemalloc.reset_peak()
        try:
            check_record(read([part], Hints(fs=100.0)))
        except EcgError as error:
            assert 400 <= error.status < 500, path.name
            assert error.code == GOOD_FORM.get(path.name, error.code)
            assert "passwd" not in error.detail
        else:
            assert path.name in ACCEPTED, path.name
        assert tracemalloc.get_traced_memory()[1] < 64 << 20, path.name
    tracemalloc.stop()
    assert "PICKLE" not in "".join(capfd.readouterr())


@requires_shared
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("truncated_npy.npy", "corrupt_file"),
        ("header_only.npy", "corrupt_file"),
        ("npy_shape_1e12.npy", "corrupt_file"),
        ("npy_negative_shape.npy", "corrupt_file"),
        ("npy_huge_header.npy", "corrupt_file"),
        ("pickle_object.npy", "unsafe_file"),
        ("pickle_payload.npz", "unsafe_file"),
        ("npy_pickle_named.npy", "unknown_format"),
        ("npy_strings.npy", "bad_type"),
        ("npy_complex.npy", "bad_type"),
        ("npy_3_dims.npy", "several_recordings"),
        ("json_nan.json", "bad_sampling_rate"),
        ("wfdb_huge.zip", "missing_part"),
        ("wfdb_missing_dat.zip", "missing_part"),
        ("wfdb_gain_text.zip", "corrupt_file"),
        ("wfdb_header_loop.zip", "missing_part"),
        ("wfdb_absolute_path.zip", "unsafe_file"),
        ("wfdb_path_outside.zip", "unsafe_file"),
        ("wfdb_url_path.zip", "unsafe_file"),
        ("zip_slip.zip", "unsafe_file"),
        ("zip_bomb_50MiB.zip", "unsafe_file"),
        ("zip_bomb_lying_size.zip", "corrupt_file"),
        ("zip_nested.zip", "unsafe_file"),
        ("zip_encrypted_flag.zip", "unsafe_file"),
    ],
)
def test_an_invalid_file_has_the_error_that_says_what_is_wrong(name: str, code: str) -> None:
    with pytest.raises(EcgError) as caught:
        read([Part(name, (INVALID / name).read_bytes())], Hints(fs=100.0))
    assert caught.value.code == code


@requires_shared
def test_reading_opens_no_file_and_no_connection_whatever_an_upload_names() -> None:
    """Use Python's audit events: opened files, sockets, processes while all files are read."""
    seen: list[str] = []
    armed = False

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if armed and event in (
            "open",
            "os.listdir",
            "os.scandir",
            "socket.connect",
            "socket.getaddrinfo",
            "subprocess.Popen",
            "os.system",
        ):
            seen.append(f"{event} {arguments[0]!r}")

    uploads = [(parts_of(name), hints_of(name)) for name in expected()]
    uploads += [
        ([Part(path.name, path.read_bytes())], Hints(fs=100.0))
        for path in sorted(INVALID.iterdir())
    ]
    sys.addaudithook(watch)
    for times in range(2):  # libraries load parts of themselves when they are first asked
        armed = times == 1
        for parts, hints in uploads:
            with contextlib.suppress(EcgError):
                read(parts, hints)
    armed = False
    assert not seen
