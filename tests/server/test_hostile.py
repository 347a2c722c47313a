"""Hostile and broken clients: each gets its error, and the next recording is answered as before."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import socket
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgpack
import numpy as np
import psutil
import pytest
import zstandard

from tests.attacks import array_bodies
from tests.attacks.cost import Upload
from tests.data import SHARED, requires_shared
from tests.server.ecgs import (
    MSGPACK,
    NPY,
    Ecg,
    answer_of,
    lasting,
    npy,
    post,
    post_npy,
    problem_of,
    twelve_seconds,
)
from tests.server.harness import RunningServer

JSON = "application/json"
OCTETS = "application/octet-stream"
GROWTH_MB = 100
ECG = twelve_seconds()


def resident_mb(server: RunningServer) -> float:
    """Memory of all processes, what they share counted once."""
    total = 0
    for process in server.processes():
        try:
            total += process.memory_full_info().uss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


@pytest.fixture(scope="module")
def attacked() -> Iterator[RunningServer]:
    """A server for these tests only, so that no other test makes it grow."""
    with RunningServer(ECG_BODY_TIMEOUT="1", ECG_SIGNAL_WORKERS="1") as running:
        for _ in range(3):
            answer_of(post_npy(running, "/analyze", ECG))
        yield running


@pytest.fixture
def victim(attacked: RunningServer) -> Iterator[RunningServer]:
    """After each attack a good recording is answered as before, by the same processes, in no more
    memory.
    """
    before, processes = resident_mb(attacked), {process.pid for process in attacked.processes()}
    expected = lasting(answer_of(post_npy(attacked, "/analyze", ECG)))
    yield attacked
    assert lasting(answer_of(post_npy(attacked, "/analyze", ECG))) == expected
    assert resident_mb(attacked) - before < GROWTH_MB
    assert {process.pid for process in attacked.processes()} == processes, "a worker was lost"
    assert "Traceback" not in attacked.log()


def send(
    server: RunningServer, content: bytes, content_type: str = JSON, **headers: str
) -> httpx.Response:
    return post(
        server,
        "/analyze",
        content=content,
        params={"fs": 500},
        headers={"Content-Type": content_type, **headers},
    )


def speak(server: RunningServer, *pieces: bytes) -> bytes:
    """Bytes on a bare socket -> what came back until the server closed or fell silent."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            while chunk := connection.recv(65_536):
                received += chunk
        except (TimeoutError, ConnectionError):
            pass
    return received


def head(*lines: str) -> bytes:
    return "\r\n".join(
        ["POST /analyze HTTP/1.1", "Host: x", f"Content-Type: {JSON}", *lines, "", ""]
    ).encode()


# Bombs


def gzip_bomb(megabytes: int) -> bytes:
    return gzip.compress(b"[" + b" " * (megabytes << 20), compresslevel=9)


def test_a_gzip_bomb_is_refused(victim: RunningServer) -> None:
    bomb = gzip_bomb(256)
    assert len(bomb) < 2e6
    problem_of(send(victim, bomb, **{"Content-Encoding": "gzip"}), 413, "body_too_large")
    problem_of(
        send(victim, gzip_bomb(50) * 3, NPY, **{"Content-Encoding": "gzip"}), 413, "body_too_large"
    )


def test_a_gzip_of_countless_empty_members_is_refused(victim: RunningServer) -> None:
    problem_of(
        send(victim, gzip.compress(b"") * 200_000, **{"Content-Encoding": "gzip"}),
        400,
        "malformed_body",
    )


def test_a_zstd_bomb_is_refused(victim: RunningServer) -> None:
    bomb = zstandard.ZstdCompressor(level=1).compress(bytes(256 << 20))
    assert len(bomb) < 1e6
    problem_of(send(victim, bomb, **{"Content-Encoding": "zstd"}), 413, "body_too_large")
    # A window of 2 GiB must not be allocated because a frame asks for it.
    window = b"\x28\xb5\x2f\xfd\x00" + bytes([(21 << 3)]) + b"\x01\x00\x00"
    assert send(victim, window, **{"Content-Encoding": "zstd"}).status_code in (400, 422)


def test_a_zip_bomb_is_refused(victim: RunningServer) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ecg.dat", bytes(300 << 20))
    assert send(victim, buffer.getvalue(), OCTETS).json()["code"] in (
        "unsafe_file",
        "body_too_large",
    )


def npy_of_shape(shape: str, descr: str = "<f4", data: bytes = b"") -> bytes:
    text = (
        f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode()
        + b"\n"
    )
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@pytest.mark.parametrize(
    "shape",
    [
        "(12, 1000000000)",
        "(1000000000, 12)",
        "(99999999999999999, 12, 5000)",
        "(12, -5000)",
        "(0, 12, 999999999)",
        "(1000000, 0, 12)",
    ],
)
def test_a_header_that_promises_the_earth_allocates_nothing(
    victim: RunningServer, shape: str
) -> None:
    response = send(victim, npy_of_shape(shape), NPY)
    assert response.status_code in (413, 422), response.text
    assert response.json()["code"] in ("corrupt_file", "bad_shape", "too_many_records")


@pytest.mark.parametrize(
    "make", [array_bodies.mat_type_number, array_bodies.mat_field_names, array_bodies.npy_digits]
)
def test_arrays_that_ended_or_blocked_a_worker_are_refused(
    victim: RunningServer, make: Callable[[int], Upload]
) -> None:
    for count in (14, 28):
        response = send(victim, make(count).body, OCTETS)
        assert response.json()["code"] in ("corrupt_file", "missing_field"), response.text


@pytest.mark.parametrize("samples", [10**9, 10**18])
def test_a_wfdb_header_that_promises_the_earth_allocates_nothing(
    victim: RunningServer, samples: int
) -> None:
    header = f"ecg 1 500 {samples}\necg.dat 16 1000/mV 16 0 0 0 0 II\n".encode()
    files = [("f", ("ecg.hea", header)), ("f", ("ecg.dat", bytes(10_000)))]
    response = post(victim, "/analyze", files=files)
    assert response.status_code in (415, 422), response.text
    assert response.json()["code"] in ("corrupt_file", "unknown_format")


def test_a_wfdb_header_of_countless_signals_is_refused(victim: RunningServer) -> None:
    header = b"ecg 100000 500 1000\n" + b"ecg.dat 16 1000/mV 16 0 0 0 0 II\n" * 100_000
    response = post(
        victim, "/analyze", files=[("f", ("ecg.hea", header)), ("f", ("ecg.dat", bytes(10_000)))]
    )
    assert 400 <= response.status_code < 500, response.text


def test_a_wfdb_header_cannot_name_a_file_of_ours(victim: RunningServer) -> None:
    for name in ("/etc/passwd", "../../../../etc/passwd", "~"):
        header = f"ecg 1 500 1000\n{name} 16 1000/mV 16 0 0 0 0 II\n".encode()
        response = post(victim, "/analyze", files=[("f", ("ecg.hea", header))])
        assert response.json()["code"] in ("missing_part", "unsafe_file", "corrupt_file")
        assert "root:" not in response.text


def test_msgpack_that_promises_the_earth_allocates_nothing(victim: RunningServer) -> None:
    for promise in (
        b"\xdd\x7f\xff\xff\xff",
        b"\xdf\x7f\xff\xff\xff",
        b"\xc6\x7f\xff\xff\xff",
        b"\xdb\x7f\xff\xff\xff",
    ):
        problem_of(send(victim, b"\x81\xa6signal" + promise, MSGPACK), 400, "malformed_body")
    problem_of(send(victim, b"\xdd\x00\x0f\xff\xff" * 1000, MSGPACK), 400, "malformed_body")


# Nesting and numbers


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 1_000_000,
        b'{"a":' * 500_000,
        b'{"signal":' + b"[" * 900 + b"]" * 900 + b', "fs": 500}',
    ],
    ids=len,
)
def test_deep_json_is_refused(victim: RunningServer, content: bytes) -> None:
    assert send(victim, content).status_code in (400, 413, 422)


def test_millions_of_lists_are_refused(victim: RunningServer) -> None:
    assert send(victim, b'{"fs": 500, "signal": [' + b"[]," * 5_000_000 + b"[]]}").status_code in (
        413,
        422,
    )


@pytest.mark.parametrize(
    "number",
    [
        b"1e400",
        b"-1e400",
        b"9" * 10_000,
        b"1" + b"0" * 400,
        b"0." + b"1" * 100_000,
        b"1e-999",
        b"00",
        b"0x10",
        b"+1",
    ],
)
def test_odd_numbers_are_no_bug(victim: RunningServer, number: bytes) -> None:
    for body in (
        b'{"fs": ' + number + b', "signal": [[1]]}',
        b'{"fs": 500, "lead_names": ["I"], "signal": [[' + number + b"]]}",
    ):
        assert send(victim, body).status_code in (400, 422)


# Pickles


class Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.path}",)


def test_a_pickle_in_an_npy_is_not_run(victim: RunningServer, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    payload = pickle.dumps(np.array([Canary(canary)] * 12, object))
    problem_of(send(victim, npy_of_shape("(12,)", "|O", payload), NPY), 422, "unsafe_file")
    problem_of(send(victim, npy_of_shape("(12,)", "|O", payload), OCTETS), 422, "unsafe_file")
    for content_type in (NPY, OCTETS, JSON, MSGPACK):
        assert 400 <= send(victim, pickle.dumps(Canary(canary)), content_type).status_code < 500
    upload = post(victim, "/analyze", files={"f": ("model.pkl", pickle.dumps(Canary(canary)))})
    assert 400 <= upload.status_code < 500
    evil = (
        b"{'descr': __import__('os').system('touch "
        + str(canary).encode()
        + b"'), 'fortran_order': False, 'shape': (12,)}\n"
    )
    assert (
        send(victim, b"\x93NUMPY\x01\x00" + struct.pack("<H", len(evil)) + evil, NPY).status_code
        == 422
    )
    assert not canary.exists()


# Names and texts


def test_huge_and_odd_names_come_back_short_or_not_at_all(victim: RunningServer) -> None:
    for name in (
        "V" * 5_000_000,
        "V1\0",
        "\0",
        "ⅠI",
        "\u202eI",
        "<script>alert(1)</script>",
        "I" * 100,
        "'; DROP TABLE leads; --",
        "%s%n",
    ):
        for response in (
            post(victim, "/analyze", json=ECG.json() | {"lead_names": [name, *ECG.lead_names[1:]]}),
            post(victim, "/analyze", json={"signal": {name: [0.5] * 5000}, "fs": 500}),
        ):
            assert len(json.dumps(problem_of(response, 422, "unknown_lead"))) < 2000
    for field, code in (
        ("units", "bad_type"),
        ("id", "bad_type"),
        ("include", "bad_option"),
        ("model", "bad_option"),
        ("layer", None),
    ):
        response = post(victim, "/analyze", json=ECG.json() | {field: "x" * 1_000_000})
        if code is not None:
            assert len(json.dumps(problem_of(response, 422, code))) < 2000
    unknown = post(victim, "/analyze", json=ECG.json() | {"y" * 1_000_000: 1})
    assert len("".join(answer_of(unknown)["warnings"])) < 5000


def test_texts_that_are_no_texts_are_refused(victim: RunningServer) -> None:
    assert send(victim, b'{"id": "\xc3\x28", "fs": 500}').status_code == 400
    assert send(victim, msgpack.packb({b"\xff": 1, "fs": 500})).status_code == 400
    assert 400 <= send(victim, b"\x82\xa2id\xa2\xc3\x28\xa2fs\x01", MSGPACK).status_code < 500
    form = (
        b'--b\r\nContent-Disposition: form-data; name="\xff\x00"; filename="\xff/../\x00"\r\n\r\n'
        + npy(ECG.signal)
        + b"\r\n--b--\r\n"
    )
    assert send(victim, form, "multipart/form-data; boundary=b").status_code in (200, 400)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json" * 1000,
        "multipart/form-data; boundary=" + "b" * 5000,
        "application/\x7f",
        'multipart/form-data; boundary=""',
    ],
)
def test_odd_content_types_are_no_bug(victim: RunningServer, content_type: str) -> None:
    assert send(victim, b"{}", content_type).status_code in (400, 415, 422)


@pytest.mark.parametrize(
    "content, content_type",
    [
        (npy(ECG.signal), JSON),
        (ECG.msgpack(), JSON),
        (b'{"fs": 500}', MSGPACK),
        (b'{"fs": 500}', NPY),
    ],
    ids=range(4),
)
def test_a_body_of_another_type_than_it_says_is_the_clients_fault(
    victim: RunningServer, content: bytes, content_type: str
) -> None:
    assert send(victim, content, content_type).status_code in (400, 422)


@pytest.mark.parametrize("filename", [b"", b'; filename="x"'], ids=["fields", "files"])
def test_a_form_of_countless_parts_is_refused(victim: RunningServer, filename: bytes) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="%d"' + filename + b"\r\n\r\nx\r\n"
    form = b"".join(part % number for number in range(20_000)) + b"--b--\r\n"
    problem_of(send(victim, form, "multipart/form-data; boundary=b"), 413, "body_too_large")


# Lies about the length


def test_a_body_shorter_than_it_says_is_given_up(victim: RunningServer) -> None:
    assert b" 408 " in speak(victim, head("Content-Length: 5000"), b'{"fs": 500').split(b"\r\n")[0]
    with socket.create_connection(("127.0.0.1", victim.port), timeout=5) as connection:
        connection.sendall(head("Content-Length: 5000") + b"{")


def test_a_body_longer_than_it_says_is_cut_there(victim: RunningServer) -> None:
    body = json.dumps(ECG.json()).encode()
    assert b" 400 " in speak(victim, head("Content-Length: 100"), body).split(b"\r\n")[0]


@pytest.mark.parametrize(
    "length", ["-1", "1e3", "0x10", "many", "", "18446744073709551617", "9" * 400, "5, 6"]
)
def test_a_length_that_is_no_number_is_refused(victim: RunningServer, length: str) -> None:
    status = speak(victim, head(f"Content-Length: {length}"), b"{}").split(b"\r\n")[0]
    assert status == b"" or status.split()[1] in (b"400", b"413"), status


def test_a_length_over_the_limit_is_refused_before_the_body(victim: RunningServer) -> None:
    assert b" 413 " in speak(victim, head("Content-Length: 99999999999")).split(b"\r\n")[0]


def test_two_lengths_are_refused(victim: RunningServer) -> None:
    status = speak(victim, head("Content-Length: 2", "Content-Length: 300"), b"{}").split(b"\r\n")[
        0
    ]
    assert status == b"" or b" 400 " in status


def test_chunks_without_end_are_refused_at_the_limit(victim: RunningServer) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(80):
            yield b" " * (1 << 20)

    try:
        problem_of(
            post(victim, "/analyze", content=chunks(), headers={"Content-Type": JSON}),
            413,
            "body_too_large",
        )
    except httpx.TransportError:
        pytest.fail("the refusal was lost")


def test_chunks_that_are_none_are_refused(victim: RunningServer) -> None:
    for chunk in (b"zz\r\n", b"-5\r\nabc\r\n", b"FFFFFFFFFFFFFFFFFF\r\n"):
        status = speak(victim, head("Transfer-Encoding: chunked"), chunk).split(b"\r\n")[0]
        assert status == b"" or status.split()[1] in (b"400", b"408", b"413"), status


def test_no_http_at_all_is_no_bug(victim: RunningServer) -> None:
    for noise in (
        b"\x16\x03\x01\x02\x00" + os.urandom(500),
        b"GET\r\n\r\n",
        b"\r\n" * 1000,
        b"POST /analyze HTTP/9.9\r\n\r\n",
        bytes(5000),
    ):
        status = speak(victim, noise).split(b"\r\n")[0]
        assert status == b"" or b" 500 " not in status, status
    assert b" 500 " not in speak(victim, head("X-Big: " + "x" * 200_000)).split(b"\r\n")[0]


def test_odd_queries_are_no_bug(victim: RunningServer) -> None:
    content = npy(ECG.signal)
    for query in (
        "fs=%00",
        "fs=500&fs=%ff",
        "fs=500&lead_names=%ff%fe",
        "fs=500&id=" + "x" * 200,
        "fs=" + "9" * 5000,
        "fs=500&age=%F0%9F%92%A9",
        "fs=1_000",
        "%00=1",
    ):
        response = httpx.post(
            f"{victim.url}/analyze?{query}",
            content=content,
            headers={"Content-Type": NPY},
            timeout=30,
            verify=False,
        )
        assert response.status_code == 422, (query, response.text)


# Files made to break readers


@requires_shared
def test_broken_files_of_every_format_get_an_error_of_their_own(victim: RunningServer) -> None:
    for path in sorted((SHARED / "formats" / "invalid").iterdir()):
        if path.is_file():
            response = post(
                victim,
                "/analyze",
                files={"file": (path.name, path.read_bytes())},
                data={"fs": "500"},
            )
            assert response.status_code < 500, path.name


def test_noise_in_every_place_is_no_bug(victim: RunningServer) -> None:
    """A body of each format with some bytes replaced is answered, or refused with a 4xx."""
    generator = np.random.default_rng(0)
    small = Ecg(ECG.signal[:2, :1000], 500, ("I", "II"))
    bodies = [
        (json.dumps(small.json()).encode(), JSON),
        (small.msgpack(), MSGPACK),
        (npy(small.signal), NPY),
    ]
    for content, content_type in bodies:
        for _ in range(40):
            noisy = bytearray(content)
            for place in generator.integers(0, min(len(noisy), 300), 3):
                noisy[place] = generator.integers(0, 256)
            assert send(victim, bytes(noisy), content_type).status_code < 500
