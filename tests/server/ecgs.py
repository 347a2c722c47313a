"""Recordings in the forms in which clients send them, and checks that hold for every answer."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import msgpack
import numpy as np
import wfdb

from tests.data import CARRIED, SHARED
from tests.server.harness import ANSWER_S, ROOT, RunningServer

CARRIED_NAMES = (
    "a_synthetic_400hz",
    "b_synthetic_1000hz",
    "c_synthetic_100hz",
    "d_synthetic_500hz_permuted_flat",
)
REAL_NAMES = ("a_code15_400hz", "b_ptb_1000hz", "c_ptbxl_100hz", "d_ptb_500hz_permuted_flat")
LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
JSON, NPY = "application/json", "application/x-npy"
MSGPACK, NDJSON = "application/msgpack", "application/x-ndjson"
# What tells one answer from the next to the same question.
PASSING = frozenset({"request_id", "processing_time"})


@dataclass(frozen=True, eq=False)
class Ecg:
    """`signal` (leads, samples) float32 mV; `truth` the golden arrays where there are any."""

    signal: np.ndarray
    fs: float
    lead_names: tuple[str, ...] = LEADS
    truth: dict[str, np.ndarray] = field(default_factory=dict)

    def json(self, **more: Any) -> dict[str, Any]:
        rows = [[None if np.isnan(value) else float(value) for value in row] for row in self.signal]
        return {"signal": rows, "fs": self.fs, "lead_names": list(self.lead_names), **more}

    def msgpack(self, **more: Any) -> bytes:
        little = np.ascontiguousarray(self.signal, "<f4")
        signal = {"dtype": "<f4", "shape": list(little.shape), "data": little.tobytes()}
        packed = msgpack.packb(
            {"signal": signal, "fs": self.fs, "lead_names": list(self.lead_names), **more}
        )
        assert isinstance(packed, bytes)
        return packed

    def query(self, **more: Any) -> dict[str, Any]:
        return {"fs": self.fs, "lead_names": ",".join(self.lead_names), **more}

    def seconds(self, begin: float, end: float) -> Ecg:
        return replace(
            self, signal=self.signal[:, round(begin * self.fs) : round(end * self.fs)], truth={}
        )

    def only(self, *leads: str) -> Ecg:
        return replace(
            self,
            signal=self.signal[[self.lead_names.index(lead) for lead in leads]],
            lead_names=leads,
            truth={},
        )

    def having(self, lead: str, samples: Any) -> Ecg:
        """With one lead's samples replaced."""
        signal = self.signal.copy()
        signal[self.lead_names.index(lead)] = samples
        return replace(self, signal=signal, truth={})

    def times(self, factor: float) -> Ecg:
        return replace(self, signal=(self.signal * factor).astype(np.float32), truth={})


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


@cache
def golden(folder: Path, name: str) -> Ecg:
    with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
        truth = dict(arrays)
    return Ecg(
        truth["signal"], float(truth["fs"]), tuple(str(lead) for lead in truth["lead_names"]), truth
    )


def carried(name: str = "b_synthetic_1000hz") -> Ecg:
    return golden(CARRIED, name)


@cache
def twelve_seconds() -> Ecg:
    """A carried recording of two segments at 500 Hz with the standard names."""
    whole = carried("b_synthetic_1000hz")
    return Ecg(np.ascontiguousarray(whole.signal[:, ::2]), 500.0)


@cache
def ptbxl(name: str, folder: str = "raw500") -> Ecg:
    """A real recording as the wfdb package reads it, which shares no line with this server."""
    record = wfdb.rdrecord(str(SHARED / "ptbxl" / folder / name))
    return Ecg(
        np.ascontiguousarray(record.p_signal.T, np.float32),
        float(record.fs),
        tuple(record.sig_name),
    )


def ptbxl_names(count: int, folder: str = "raw500") -> list[str]:
    return sorted(path.stem for path in (SHARED / "ptbxl" / folder).glob("*.hea"))[:count]


def post(server: RunningServer, path: str, **options: Any) -> httpx.Response:
    # Plain HTTP: without verify=False each call would load the certificates first.
    return httpx.post(server.url + path, timeout=ANSWER_S, verify=False, **options)


def get(server: RunningServer, path: str, **options: Any) -> httpx.Response:
    return httpx.get(server.url + path, timeout=ANSWER_S, verify=False, **options)


def send(
    server: RunningServer,
    content: bytes,
    content_type: str = JSON,
    path: str = "/analyze",
    **headers: str,
) -> httpx.Response:
    return post(server, path, content=content, headers={"Content-Type": content_type, **headers})


def post_npy(server: RunningServer, path: str, ecg: Ecg, **query: Any) -> httpx.Response:
    return post(
        server,
        path,
        content=npy(ecg.signal),
        params=ecg.query(**query),
        headers={"Content-Type": NPY},
    )


def post_msgpack(server: RunningServer, path: str, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else msgpack.packb(body)
    return post(server, path, content=content, headers={"Content-Type": MSGPACK, **headers})


def analyze(server: RunningServer, ecg: Ecg, **more: Any) -> dict[str, Any]:
    return answer_of(post(server, "/analyze", json=ecg.json(**more)))


def answer_of(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text[:500]
    found = response.json()
    assert isinstance(found, dict)
    return found


def array_of(response: httpx.Response) -> np.ndarray:
    assert response.status_code == 200, response.text[:500]
    assert response.headers["content-type"] == NPY
    found = np.load(io.BytesIO(response.content), allow_pickle=False)
    assert isinstance(found, np.ndarray)
    return found


def lasting(answer: dict[str, Any], *without: str) -> dict[str, Any]:
    """Return the parts that are equal in two answers to the same request."""
    kept = {
        name: value for name, value in answer.items() if name not in PASSING and name not in without
    }
    if isinstance(kept.get("quality"), dict):
        kept["quality"] = {
            name: value for name, value in kept["quality"].items() if name not in PASSING
        }
    return kept


def probabilities(answer: dict[str, Any]) -> np.ndarray:
    return np.array([label["probability"] for label in answer["labels"]])


def says(answer: dict[str, Any], *words: str) -> bool:
    """Whether one of the warnings holds all these words."""
    return any(all(word in warning for word in words) for warning in answer["warnings"])


def problem_of(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error of an answer, held to the one form that all have."""
    assert response.status_code == status, (response.status_code, response.text[:500])
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert isinstance(problem, dict)
    assert_is_problem(problem, status, code)
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


def assert_is_problem(problem: dict[str, Any], status: int, code: str) -> None:
    assert (problem["status"], problem["code"], problem["type"]) == (
        status,
        code,
        f"/docs/errors#{code}",
    ), problem
    assert problem["title"]
    assert problem["detail"]
    assert all(set(error) == {"loc", "msg"} for error in problem.get("errors", []))
    assert set(problem) <= {"type", "title", "status", "code", "detail", "errors", "request_id"}
    assert "Traceback" not in problem["detail"]
    assert str(ROOT) not in problem["detail"]


def places(problem: dict[str, Any]) -> list[list[str | int]]:
    return [error["loc"] for error in problem["errors"]]
