"""Provoke every error of the interface at a real server, for the examples of the documentation.

python -m tests.server.openapi.provoked     writes server/openapi/error_examples.json and the
examples of docs/errors.md
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from access.key_file import add_key
from server.openapi.error_examples import FILE
from server.openapi.examples import FS, record
from tests.house.tree import ROOT
from tests.server.harness import RunningServer, no_descriptors_left
from tests.server.load import npy, recording

Problem = dict[str, Any]
Ask = Callable[[RunningServer], Problem]

PAGE = ROOT / "docs" / "errors.md"
FAULTY = str(Path(__file__).parents[1] / "workers" / "faulty")
JSON = {"Content-Type": "application/json"}
NPY = {"Content-Type": "application/x-npy"}
CSV = {"Content-Type": "text/csv"}
OCTETS = {"Content-Type": "application/octet-stream"}
V4_RAISES, V6_ENDS = (
    9,
    11,
)  # tests/server/workers/faulty: rows that make the encoder raise, or the worker end
CLIENTS = 6
MAX_IN_FLIGHT = 64  # the defaults of ECG_MAX_IN_FLIGHT and ECG_MAX_WAITING
MAX_WAITING = 32
RECORD = record()
HEADER = b"r1 2 500 5000\nr1.dat 16 1000/mV 16 0 0 0 0 I\nr1.dat 16 1000/mV 16 0 0 0 0 II\n"


def posted(route: str, **request: Any) -> Ask:
    """Return a function that sends one request and returns the problem."""

    def ask(server: RunningServer) -> Problem:
        with server.client() as client:
            problem: Problem = client.post(route, **request).json()
        return problem

    return ask


def posted_json(route: str, **changes: Any) -> Ask:
    """Send the documentation's record with changes; a value of None leaves the field out."""
    body = {name: value for name, value in (RECORD | changes).items() if value is not None}
    return posted(route, json=body)


def got(path: str) -> Ask:
    def ask(server: RunningServer) -> Problem:
        with server.client() as client:
            problem: Problem = client.get(path).json()
        return problem

    return ask


def files(route: str, *parts: tuple[str, bytes]) -> Ask:
    return posted(route, files=[("file", part) for part in parts])


def pickled() -> bytes:
    """An .npy of Python objects, which only a pickle can hold."""
    buffer = io.BytesIO()
    np.save(buffer, np.array([None, "x"], object), allow_pickle=True)
    return buffer.getvalue()


def of_seconds(seconds: float, **query: str) -> dict[str, Any]:
    """Arguments of a POST of zeros in leads I and II."""
    return {
        "content": npy(np.zeros((2, round(seconds * FS)), np.float32)),
        "headers": NPY,
        "params": {"fs": str(FS), "lead_names": "I,II", "units": "mV", **query},
    }


def _with(lead: int, value: float | None) -> list[list[float | None]]:
    """The documentation's signal with one lead's first sample replaced."""
    signal = [list(samples) for samples in RECORD["signal"]]
    signal[lead][0] = value
    return signal


ORDINARY: dict[str, Ask] = {
    "malformed_body": posted("/analyze", content=b'{"signal": [[0.1, 0.2', headers=JSON),
    "not_found": got("/analyse"),
    "method_not_allowed": got("/analyze"),
    "too_many_records": posted("/analyze", json={"records": [{}] * 300}),
    "recording_too_long": posted("/analyze", **of_seconds(700)),
    "unsupported_media_type": posted("/analyze", content=b"I,II\n", headers=CSV),
    "unknown_format": posted("/analyze", content=b"%PDF-1.7 and so on", headers=OCTETS),
    "missing_field": posted_json("/analyze", fs=None),
    "bad_type": posted_json("/analyze", fs="fifty"),
    "bad_shape": posted_json("/analyze", signal=[RECORD["signal"][0]] * 11, lead_names=None),
    "ragged_signal": posted_json(
        "/analyze", signal=[RECORD["signal"][0], RECORD["signal"][1][:-1]]
    ),
    "unknown_lead": posted_json("/analyze", lead_names=["I", "V9"]),
    "duplicate_lead": posted_json("/analyze", lead_names=["V1", "v1"]),
    "too_few_leads": posted_json(
        "/extract_features", signal={"V1": RECORD["signal"][0]}, lead_names=None
    ),
    "bad_sampling_rate": posted_json("/analyze", fs=5),
    "too_short": posted("/analyze", **of_seconds(1.2)),
    "duration_mismatch": posted_json("/analyze", recording_duration=9),
    "no_samples": posted_json("/analyze", signal=[[None] * 250, [None] * 250]),
    "implausible_values": posted_json("/analyze", signal=_with(1, 1e7)),
    "bad_option": posted_json("/analyze", aggregate="median"),
    "unknown_part": posted_json("/analyze", include=["lables"]),
    "unknown_label": posted_json("/analyze", thresholds={"WPW": 0.5}),
    "layer_out_of_range": posted_json("/extract_features", layer=13),
    "corrupt_file": posted("/analyze", content=npy(recording(0))[:100], headers=OCTETS),
    "unsafe_file": posted("/analyze", content=pickled(), headers=OCTETS),
    "missing_part": files("/analyze", ("r1.hea", HEADER)),
    "several_recordings": files(
        "/analyze", ("a.json", json.dumps(RECORD).encode()), ("b.json", json.dumps(RECORD).encode())
    ),
    "under_age": files(
        "/predict", ("patient.json", b'{"age": 17}'), ("ecg.json", json.dumps(RECORD).encode())
    ),
}


def held_open(server: RunningServer, length: int, sent: bytes = b"") -> socket.socket:
    """Send the head of a request and the beginning of its body."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    head = (
        "POST /analyze HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    )
    connection.sendall(head.encode() + sent)
    return connection


def problem_from(connection: socket.socket) -> Problem:
    response = HTTPResponse(connection)
    response.begin()
    problem: Problem = json.loads(response.read())
    return problem


def body_too_large(server: RunningServer) -> Problem:
    """A body one byte above the default limit, refused by its declared length."""
    with held_open(server, 64 * 2**20 + 1) as connection:
        return problem_from(connection)


def upload_too_slow(server: RunningServer) -> Problem:
    with held_open(server, 100_000, b"{" * 12_000) as connection:
        return problem_from(connection)


def overloaded(server: RunningServer) -> Problem:
    """More requests than are allowed in flight and to wait, with every signal worker stopped."""
    workers = server.workers("signal")
    body = b"{" + b" " * 9 + b"}"
    with ExitStack() as held:
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
            held.callback(os.kill, pid, signal.SIGCONT)
        for _ in range(MAX_IN_FLIGHT + MAX_WAITING // 2):
            held.enter_context(held_open(server, len(body), body))
        short = posted("/assess_quality", json=RECORD, headers={"X-Request-Deadline-Ms": "100"})
        return _until("overloaded", short, server)


def refused(request: bytes) -> Ask:
    """Return a function that sends what is no request and returns the problem."""

    def ask(server: RunningServer) -> Problem:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(request)
            return problem_from(connection)

    return ask


def too_many_connections(server: RunningServer) -> Problem:
    with held_open(server, 1000):
        return _until("too_many_connections", got("/livez"), server)


def starting(server: RunningServer) -> Problem:
    return _until("starting", posted("/analyze", content=b"{}", headers=JSON), server)


def shutting_down(server: RunningServer) -> Problem:
    """Requests between the stop and the closing of the connections, a tenth of a second later.

    They have a content type that is refused at once, so that there are many of them.
    """
    long = posted(
        "/extract_features", content=npy(recording(0, 300.0)), headers=NPY, params={"fs": "100"}
    )
    found: list[Problem] = []
    stopped = threading.Event()

    def hammer() -> None:
        with server.client() as client:
            while not stopped.is_set():
                try:
                    problem = client.post("/analyze", content=b"x", headers=CSV).json()
                except httpx.TransportError:  # the connection is closed
                    return
                if problem.get("code") == "shutting_down":
                    found.append(problem)
                    return

    with ThreadPoolExecutor(2 * CLIENTS) as pool:
        try:
            accepted = [pool.submit(long, server) for _ in range(CLIENTS)]
            hammering = [pool.submit(hammer) for _ in range(CLIENTS)]
            _until_in_flight(server)
            server.process.send_signal(signal.SIGTERM)
            for future in [*accepted, *hammering]:
                future.exception(60)
        finally:
            stopped.set()
    return found[0]


def not_queued(server: RunningServer) -> Problem:
    """A body that is passed on in a memory file, while the HTTP process can open no file."""
    with server.client() as client:
        client.get("/livez")
        with no_descriptors_left(server.http_processes()[0]):
            problem: Problem = client.post(
                "/analyze", content=npy(recording(0, 300.0)), headers=NPY, params={"fs": "100"}
            ).json()
    return problem


def worker_restarting(server: RunningServer) -> Problem:
    """A deadline that passes while the only worker of a stage is being replaced."""
    for pid in server.workers("signal"):
        os.kill(pid, signal.SIGKILL)
    return posted("/analyze", json=RECORD, headers={"X-Request-Deadline-Ms": "200"})(server)


def deadline_exceeded(server: RunningServer) -> Problem:
    """A deadline that passes while the only worker of a stage is stopped."""
    workers = server.workers("signal")
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        return posted("/analyze", json=RECORD, headers={"X-Request-Deadline-Ms": "200"})(server)
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)


def too_costly(server: RunningServer) -> Problem:
    """A table whose numbers take more than 64 MiB while they are read."""
    table = b"I,II\n" + b"0.123,0.456\n" * 1_000_000
    return posted("/analyze", content=table, headers=OCTETS, params={"fs": "500"})(server)


def flat_in(row: int) -> Ask:
    signal_mv = recording(0)
    signal_mv[row] = 0.0
    return posted("/analyze", content=npy(signal_mv), headers=NPY, params={"fs": "100"})


def provoke_access() -> dict[str, Problem]:
    """Return the errors of a server that asks for keys, and whose issuer of tokens is down."""
    with tempfile.TemporaryDirectory(prefix="ecg-keys-") as folder:
        key_file = Path(folder) / "keys.json"
        key = {"X-API-Key": add_key(key_file, "lab", ["analyze"], rate="1/day")}
        settings = {
            "ECG_KEY_FILE": str(key_file),
            "ECG_OIDC_ISSUER": "http://127.0.0.1:9",  # discard (RFC 863): nothing listens
            "ECG_OIDC_AUDIENCE": "ecg",
            "ECG_ALLOWED_HOSTS": "",  # the default
        }
        with RunningServer(ECG_MODEL="none", ECG_SIGNAL_WORKERS="1", **settings) as server:
            foreign = key | {"Origin": "https://other.example"}
            rebound = key | {"Host": "other.example"}
            token = {"Authorization": "Bearer header.payload.signature"}
            return {
                "unauthorized": posted_json("/analyze")(server),
                "forbidden": posted("/extract_features", json=RECORD, headers=key)(server),
                "cross_site": posted("/analyze", json=RECORD, headers=foreign)(server),
                "unknown_host": posted("/analyze", json=RECORD, headers=rebound)(server),
                "issuer_unreachable": posted("/analyze", json=RECORD, headers=token)(server),
                "rate_limited": _until(
                    "rate_limited", posted("/analyze", json=RECORD, headers=key), server
                ),
            }


def _until(code: str, ask: Ask, server: RunningServer) -> Problem:
    """Ask until the answer has this code: first, the server may not listen or not be full."""
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        try:
            problem = ask(server)
        except httpx.TransportError:
            problem = {}
        if problem.get("code") == code:
            return problem
        time.sleep(0.01)
    raise AssertionError(f"{code} was not answered:\n{server.log()[-2000:]}")


def _until_in_flight(server: RunningServer) -> None:
    until_s = time.monotonic() + 30
    with server.client() as client:
        while client.get("/health").json()["in_flight"] < 1:
            assert time.monotonic() < until_s, "no request is in flight"
            time.sleep(0.01)


@contextmanager
def faulty_server() -> Iterator[RunningServer]:
    path = os.pathsep.join([FAULTY, os.environ.get("PYTHONPATH", "")])
    settings = {"ECG_HANG_TIMEOUT": "2", "ECG_READER_MEMORY_MB": "64"}
    with RunningServer(PYTHONPATH=path, **settings) as server:
        yield server


def provoke_all() -> dict[str, Problem]:
    """Return code -> the problem as it was answered, without its request id."""
    problems: dict[str, Problem] = {}
    with RunningServer(wait=False) as server:
        problems["starting"] = starting(server)
        server.wait_until_ready()
        for code, ask in ORDINARY.items():
            problems[code] = ask(server)
        problems["body_too_large"] = body_too_large(server)
        problems["overloaded"] = overloaded(server)
        problems["malformed_request"] = refused(b"GET /livez HTTP/1.1\r\n\r\n")(server)
        problems["head_too_large"] = refused(b"GET /" + b"a" * 2**16 + b" HTTP/1.1\r\n\r\n")(server)
        problems["shutting_down"] = shutting_down(server)
    with RunningServer(ECG_MODEL="none", ECG_BODY_TIMEOUT="1", ECG_SIGNAL_WORKERS="1") as server:
        problems["no_model"] = posted_json("/extract_features")(server)
        problems["upload_too_slow"] = upload_too_slow(server)
        problems["deadline_exceeded"] = deadline_exceeded(server)
        problems["not_queued"] = not_queued(server)
        problems["worker_restarting"] = worker_restarting(server)
    with RunningServer(ECG_MODEL="none", ECG_HEAD_TIMEOUT="1", ECG_MAX_CONNECTIONS="1") as server:
        problems["head_too_slow"] = refused(b"GET /livez HTTP/1.1\r\n")(server)
        problems["too_many_connections"] = too_many_connections(server)
    problems |= provoke_access()
    with faulty_server() as server:
        problems["too_costly"] = too_costly(server)
        problems["internal_error"] = flat_in(V4_RAISES)(server)
        problems["worker_crashed"] = flat_in(V6_ENDS)(server)
    for code, problem in problems.items():
        assert problem.pop("code", None) == code, f"{code} was not provoked: {str(problem)[:500]}"
        problem["code"] = code
        problem.pop("request_id")
    return dict(sorted(problems.items(), key=lambda item: (item[1].get("status", 0), item[0])))


def page_with(problems: dict[str, Problem]) -> str:
    """Return docs/errors.md with the example of each section replaced."""
    sections = re.split(r"(?m)^(?=## )", PAGE.read_text(encoding="utf-8"))
    return "".join(_section_with(section, problems) for section in sections)


def _section_with(section: str, problems: dict[str, Problem]) -> str:
    code = section.removeprefix("## ").partition("\n")[0]
    if code not in problems:
        return section
    text = section.rstrip("\n").partition("\n\n> ")[0]
    return f"{text}\n\n> {problems[code]['detail']}\n\n"


if __name__ == "__main__":
    examples = provoke_all()
    FILE.write_text(json.dumps(examples, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page_with(examples).rstrip("\n") + "\n", encoding="utf-8")
