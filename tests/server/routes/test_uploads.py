"""Uploaded files over HTTP: WFDB, zip, JSON and npy files in forms, with hints of the request."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import wfdb

from tests.data import SHARED, requires_shared
from tests.server.ecgs import (
    Ecg,
    analyze,
    answer_of,
    lasting,
    npy,
    places,
    post,
    probabilities,
    problem_of,
    ptbxl,
    ptbxl_names,
    says,
    twelve_seconds,
)
from tests.server.harness import RunningServer

ECG = twelve_seconds()
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The carried recording as the wfdb package writes it: in whole microvolts."""
    folder = tmp_path_factory.mktemp("wfdb")
    signal = np.round(ECG.signal.T.astype(np.float64), 3)
    wfdb.wrsamp(
        "ecg",
        fs=500,
        units=["mV"] * 12,
        sig_name=list(ECG.lead_names),
        p_signal=signal,
        fmt=["16"] * 12,
        adc_gain=[1000.0] * 12,
        baseline=[0] * 12,
        comments=["Age: 63", "Sex: F"],
        write_dir=str(folder),
    )
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def same() -> Ecg:
    """What those files hold."""
    return Ecg(np.round(ECG.signal.astype(np.float64), 3).astype(np.float32), 500.0)


def upload(
    server: RunningServer, files: Files, path: str = "/analyze", field: str = "files", **data: Any
) -> httpx.Response:
    return post(
        server, path, files=[(field, (name, content)) for name, content in files.items()], data=data
    )


def zipped(files: Files, folder: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(folder + name, content)
    return buffer.getvalue()


def test_a_wfdb_record_is_read(server: RunningServer, files: Files, same: Ecg) -> None:
    answer = answer_of(upload(server, files, include="labels,features,signal,reported"))
    np.testing.assert_allclose(answer["signal"]["data"], same.signal, atol=1e-6)
    assert tuple(answer["signal"]["lead_names"]) == same.lead_names
    assert (answer["reported"]["age"], answer["reported"]["sex"]) == (63, "female")
    np.testing.assert_allclose(
        probabilities(answer), probabilities(analyze(server, same)), atol=1e-5
    )


def test_field_names_and_order_make_no_difference(server: RunningServer, files: Files) -> None:
    plain = lasting(answer_of(upload(server, files)))
    backwards = dict(reversed(files.items()))
    assert lasting(answer_of(upload(server, backwards))) == plain
    for field in ("file", "x", "signal", "include", "fs"):
        assert lasting(answer_of(upload(server, backwards, field=field))) == plain


def test_the_only_unmatched_file_is_the_one_that_is_named(
    server: RunningServer, files: Files
) -> None:
    renamed = {"upload-1": files["ecg.hea"], "upload-2": files["ecg.dat"]}
    assert lasting(answer_of(upload(server, renamed))) == lasting(answer_of(upload(server, files)))


@pytest.mark.parametrize("folder", ["", "record/", "a/b/c/"])
def test_a_zip_is_read_in_a_form_and_bare(server: RunningServer, files: Files, folder: str) -> None:
    plain = lasting(answer_of(upload(server, files)))
    content = zipped(files, folder)
    assert lasting(answer_of(upload(server, {"ecg.zip": content}))) == plain
    bare = post(
        server, "/analyze", content=content, headers={"Content-Type": "application/octet-stream"}
    )
    assert lasting(answer_of(bare)) == plain


def test_every_route_takes_files(server: RunningServer, files: Files, same: Ecg) -> None:
    embedding = answer_of(upload(server, files, "/extract_features", level="segment"))
    expected = answer_of(post(server, "/extract_features", json=same.json(level="segment")))
    np.testing.assert_allclose(embedding["features"], expected["features"], atol=1e-4)
    quality = answer_of(upload(server, files, "/assess_quality"))
    assert (
        quality["signal_quality"]
        == answer_of(post(server, "/assess_quality", json=same.json()))["signal_quality"]
    )


def test_a_json_or_npy_file_is_read_like_a_body(server: RunningServer) -> None:
    plain = lasting(analyze(server, ECG))
    assert lasting(answer_of(upload(server, {"ecg.txt": json.dumps(ECG.json()).encode()}))) == plain
    assert lasting(answer_of(upload(server, {"ecg": npy(ECG.signal)}, **ECG.query()))) == plain


def test_where_the_request_contradicts_the_file_it_wins_with_a_warning(
    server: RunningServer, files: Files
) -> None:
    answer = answer_of(
        upload(
            server,
            files,
            fs="250",
            age="40",
            sex="male",
            gain="500",
            recording_date="1999",
            include="signal,reported",
        )
    )
    assert answer["signal"]["fs"] == 250
    np.testing.assert_allclose(
        answer["signal"]["data"], np.round(ECG.signal.astype(np.float64), 3) * 2, atol=1e-5
    )
    for field in ("fs", "age", "sex", "gain"):
        assert says(answer, field, "contradicts"), answer["warnings"]
    agreeing = answer_of(upload(server, files, fs="500", age="63", sex="f", include="signal"))
    assert not says(agreeing, "contradicts")
    in_file = json.dumps(ECG.json(units="mV", patient={"age": 63})).encode()
    answer = answer_of(upload(server, {"ecg.json": in_file}, units="uV", age="64"))
    assert says(answer, "units", "contradicts")
    assert says(answer, "age", "contradicts")


def test_a_parameter_that_agrees_is_no_contradiction(server: RunningServer, files: Files) -> None:
    answer = answer_of(
        upload(server, files, lead_names=",".join(ECG.lead_names), units="mV", id="seven")
    )
    assert answer["id"] == "seven"
    assert not says(answer, "contradicts")


def test_channels_that_are_no_standard_lead_are_left_out_and_named(
    server: RunningServer, files: Files
) -> None:
    header = files["ecg.hea"].replace(b" V6\n", b" V3R\n").replace(b" V5\n", b" SpO2\n")
    answer = answer_of(upload(server, {**files, "ecg.hea": header}, include="signal,labels"))
    assert says(answer, "V3R", "SpO2", "left out")
    assert tuple(answer["signal"]["lead_names"]) == ECG.lead_names[:10]
    nothing_left = files["ecg.hea"]
    for lead in ECG.lead_names:
        nothing_left = nothing_left.replace(f" {lead}\n".encode(), b" resp\n")
    problem_of(upload(server, {**files, "ecg.hea": nothing_left}), 422, "unknown_lead")


def test_what_is_wrong_with_an_upload_is_said(server: RunningServer, files: Files) -> None:
    header, samples = files["ecg.hea"], files["ecg.dat"]
    for sent, status, code in (
        ({"ecg.hea": header}, 422, "missing_part"),
        ({"ecg.hea": header, "other.dat": samples[:-2]}, 422, "missing_part"),
        ({"ecg.hea": header, "ecg.dat": samples[:-24]}, 422, "corrupt_file"),
        ({"ecg.dat": samples}, 422, "missing_part"),
        (
            {"a.json": json.dumps(ECG.json()).encode(), "b.json": json.dumps(ECG.json()).encode()},
            422,
            "several_recordings",
        ),
        ({"a.json": json.dumps({"records": [ECG.json()]}).encode()}, 422, "several_recordings"),
        (
            {
                "a.npy": npy(np.stack([ECG.signal] * 2)),
            },
            422,
            "several_recordings",
        ),
        ({"ecg.zip": zipped({"inner.zip": zipped(files)})}, 422, "unsafe_file"),
        ({"ecg.zip": zipped(files, "../")}, 422, "unsafe_file"),
        ({"ecg.zip": zipped(files)[:-30]}, 422, "corrupt_file"),
        ({"empty": b""}, 415, "unknown_format"),
    ):
        problem_of(upload(server, sent, fs="500"), status, code)


def test_a_form_without_a_file_lacks_its_part(server: RunningServer) -> None:
    boundary = b'--b\r\nContent-Disposition: form-data; name="fs"\r\n\r\n500\r\n--b--\r\n'
    response = post(
        server,
        "/analyze",
        content=boundary,
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    problem_of(response, 422, "missing_part")


def test_form_fields_are_checked_like_the_query(server: RunningServer, files: Files) -> None:
    for data, code in (
        ({"fs": "fast"}, "bad_type"),
        ({"include": "beats"}, "unknown_part"),
        ({"sex": "x"}, "bad_option"),
    ):
        assert places(problem_of(upload(server, files, **data), 422, code))[0] == list(data)
    problem_of(upload(server, files, thresholds="x" * 70_000), 413, "body_too_large")
    assert says(answer_of(upload(server, files, fps="500")), "fps:", "unknown")


@requires_shared
@pytest.mark.parametrize("folder", ["raw500", "raw100"])
def test_real_recordings_are_read_as_the_wfdb_package_reads_them(
    server: RunningServer, folder: str
) -> None:
    for name in ptbxl_names(4, folder):
        paths: list[Path] = sorted((SHARED / "ptbxl" / folder).glob(f"{name}.*"))
        answer = answer_of(
            upload(server, {path.name: path.read_bytes() for path in paths}, include="all")
        )
        ecg = ptbxl(name, folder)
        np.testing.assert_allclose(answer["signal"]["data"], ecg.signal, atol=1e-6)
        assert answer["segments"] == 2
        np.testing.assert_allclose(
            probabilities(answer), probabilities(analyze(server, ecg)), atol=1e-5
        )
