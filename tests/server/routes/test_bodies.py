"""Bodies that cannot be read, and the content types and encodings that can."""

from __future__ import annotations

import gzip
import json

import msgpack
import numpy as np
import pytest
import zstandard

from tests.formats import test_fhir as fhir
from tests.formats.json import test_health_export as health
from tests.server.ecgs import (
    JSON,
    MSGPACK,
    NPY,
    analyze,
    answer_of,
    lasting,
    npy,
    places,
    post,
    problem_of,
    send,
    twelve_seconds,
)
from tests.server.harness import RunningServer

ROUTES = ("/analyze", "/extract_features", "/assess_quality")
ECG = twelve_seconds()
GOOD = ECG.json()
MULTIPART = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x.npy"\r\n\r\n' + npy(
    ECG.signal
)
MALFORMED: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"signal: 1, 2, 3", JSON),
    "JSON cut off": (json.dumps(GOOD).encode()[:-100], JSON),
    "JSON with more behind it": (json.dumps({"fs": 500}).encode() * 2, JSON),
    "only white space": (b"  \n ", JSON),
    "UTF-16": (json.dumps({"fs": 500}).encode("utf-16"), JSON),
    "invalid UTF-8": (b'{"fs": 500, "id": "\xff\xfe"}', JSON),
    "lone surrogate": (b'{"fs": 500, "id": "\\ud800"}', JSON),
    "nested 100 000 deep": (b"[" * 100_000, JSON),
    "not msgpack": (b"\xc1", MSGPACK),
    "msgpack cut off": (ECG.msgpack()[:-100], MSGPACK),
    "msgpack with more behind it": (msgpack.packb({"fs": 500}) * 2, MSGPACK),
    "msgpack nested deeply": (b"\x91" * 100_000, MSGPACK),
    "msgpack that claims 4 billion entries": (b"\xdd\xff\xff\xff\xff", MSGPACK),
    "msgpack with an extension type": (msgpack.packb({"fs": msgpack.ExtType(5, b"x")}), MSGPACK),
    "multipart without a boundary": (PART + b"\r\n--b--\r\n", "multipart/form-data"),
    "multipart of another boundary": (
        PART + b"\r\n--b--\r\n",
        "multipart/form-data; boundary=other",
    ),
    "multipart cut off in a file": (PART, MULTIPART),
    "multipart cut off in a header": (PART[:50], MULTIPART),
    "no multipart": (b"hello", MULTIPART),
}


@pytest.mark.parametrize("body, content_type", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_body_that_cannot_be_read_is_malformed(
    server: RunningServer, body: bytes, content_type: str
) -> None:
    problem_of(send(server, body, content_type), 400, "malformed_body")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_that_is_not_compressed_as_declared_is_malformed(
    server: RunningServer, encoding: str
) -> None:
    response = send(server, json.dumps(GOOD).encode(), **{"Content-Encoding": encoding})
    assert problem_of(response, 400, "malformed_body")["detail"] == (
        f"Content-Encoding is {encoding}, but the body is not {encoding} or is truncated"
    )


def test_a_truncated_gzip_body_is_malformed(server: RunningServer) -> None:
    compressed = gzip.compress(json.dumps(GOOD).encode())
    half = compressed[: len(compressed) // 2]
    for truncated in (compressed[:-1], half, compressed[:5], compressed + compressed[:10]):
        response = send(server, truncated, **{"Content-Encoding": "gzip"})
        problem_of(response, 400, "malformed_body")


def test_an_empty_body_lacks_the_signal(server: RunningServer) -> None:
    for content_type in (JSON, MSGPACK, NPY, "application/octet-stream"):
        problem = problem_of(send(server, b"", content_type), 422, "missing_field")
        assert places(problem) == [["signal"]]
        assert problem["detail"] == "the body is empty; a record with signal and fs is needed"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "image/png",
        "application/xml",
        "json",
        "/",
    ],
)
@pytest.mark.parametrize("path", ROUTES)
def test_an_unknown_content_type_is_refused_with_the_allowed_ones(
    server: RunningServer, path: str, content_type: str
) -> None:
    response = send(server, json.dumps(GOOD).encode(), content_type, path)
    sent = f"Content-Type is {content_type}" if content_type else "Content-Type is missing"
    assert problem_of(response, 415, "unsupported_media_type")["detail"] == (
        f"{sent}; send application/json, application/x-npy, application/msgpack, "
        "multipart/form-data or application/octet-stream"
    )
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize(
    "content_type",
    ["application/fhir+json", "application/vnd.ecg+json", "Application/JSON; charset=utf-8"],
)
def test_any_json_type_is_read_as_json(server: RunningServer, content_type: str) -> None:
    answer = answer_of(send(server, json.dumps(GOOD).encode(), content_type))
    assert lasting(answer) == lasting(analyze(server, ECG))


@pytest.mark.parametrize("content_type", ["application/x-msgpack", "application/vnd.msgpack"])
def test_every_name_of_msgpack_is_read(server: RunningServer, content_type: str) -> None:
    answer = answer_of(send(server, ECG.msgpack(), content_type))
    assert lasting(answer) == lasting(analyze(server, ECG))


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "x"])
def test_an_unknown_encoding_is_refused_with_the_allowed_ones(
    server: RunningServer, encoding: str
) -> None:
    response = send(server, b"{}", **{"Content-Encoding": encoding})
    assert problem_of(response, 415, "unsupported_media_type")["detail"] == (
        f"Content-Encoding is {encoding}; allowed are gzip and zstd"
    )


@pytest.mark.parametrize("encoding", ["", "identity", "GZIP", "x-gzip", "zstd"])
def test_every_allowed_encoding_is_read(server: RunningServer, encoding: str) -> None:
    body = json.dumps(GOOD).encode()
    if "gzip" in encoding.lower():
        # Two members, which a gzip file may have (RFC 1952).
        body = gzip.compress(body[:1000]) + gzip.compress(body[1000:])
    elif encoding == "zstd":
        # Two frames, likewise (RFC 8878).
        compressor = zstandard.ZstdCompressor()
        body = compressor.compress(body[:1000]) + compressor.compress(body[1000:])
    answer = answer_of(send(server, body, **{"Content-Encoding": encoding}))
    assert lasting(answer) == lasting(analyze(server, ECG))


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(99),
        b"%PDF-1.7\n",
        b"hello",
        bytes(5000),
        b"<html></html>",
        b'{"a": 1}',
        b" ",
    ],
    ids=str,
)
def test_a_file_of_no_known_format_is_refused_with_the_known_ones(
    server: RunningServer, content: bytes
) -> None:
    for response in (
        send(server, content, "application/octet-stream"),
        post(server, "/analyze", files={"file": ("ecg.bin", content)}),
    ):
        assert "WFDB" in problem_of(response, 415, "unknown_format")["detail"]


@pytest.mark.parametrize("content_type", ["application/json", "application/fhir+json"])
def test_json_of_fhir_or_of_an_export_is_read_as_a_file(
    server: RunningServer, content_type: str
) -> None:
    period_ms = 1000 / health.FS
    data = " ".join(map(str, health.MICROVOLT))
    sampled = fhir.sampled(data, origin={"value": 0, "unit": "uV"}, period=period_ms, factor=1)
    documents = [
        {"data": {"ecg": [health.reading()]}},
        health.reading(),
        [health.reading()],
        fhir.observation(fhir.component("131329", sampled)),
    ]
    for document in documents:
        response = post(
            server,
            "/analyze",
            content=json.dumps(document).encode(),
            params={"include": "signal", "age": "50"},
            headers={"Content-Type": content_type},
        )
        signal = answer_of(response)["signal"]
        assert (signal["lead_names"], signal["fs"], signal["units"]) == (["I"], 512.0, "mV")
        np.testing.assert_allclose(signal["data"][0], health.MICROVOLT / 1000, atol=1e-5)


def test_compressed_json_of_an_export_lacks_the_signal_of_a_record(server: RunningServer) -> None:
    response = post(
        server,
        "/analyze",
        content=gzip.compress(json.dumps(health.reading()).encode()),
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
    )
    problem_of(response, 422, "missing_field")
