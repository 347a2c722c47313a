"""Requests whose answers can be told apart, and whether an answer belongs to its request.

Every recording of the pool has its own amplitudes, one of several rates and lengths, and every
request its own ids.
The fingerprint of an answer is all numbers that the server computed from the recording. It must be
that of the recording which the client sent, as the quiet server answered it before.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final
from urllib.parse import urlencode

import numpy as np

from tests.server.ecgs import JSON, LEADS, MSGPACK, NDJSON, NPY, PASSING, Ecg
from tests.server.load import FS, npy, recording

RECORDINGS: Final = 24
GROUPS: Final = 4  # of recordings of one length, which may be in one request
RECORDS_OF_MANY: Final = 4
# Of answers that a server gave to the same recording in another batch; two recordings of the pool
# differ by far more, which `check_pool` verifies.
TOLERANCE: Final = 1e-4
MARGIN: Final = 20 * TOLERANCE

# What is asked, and how often.
KINDS: Final = {
    "features": 0.4,
    "quality": 0.2,
    "measurements": 0.15,
    "many": 0.08,
    "lines": 0.07,
    "upload": 0.1,
}
# Answers with the same fingerprint as features.
FEATURES_OF_MANY: Final = ("many", "lines")
BOUNDARY: Final = "chaos-boundary"


class WrongAnswer(Exception):
    """The answer is not that of the request."""


class SwappedAnswer(WrongAnswer):
    """The answer is that of another request."""


class PartlyRefused(Exception):
    """A recording of several has an error. The argument is its problem."""


@dataclass(frozen=True)
class Question:
    """One request. `numbers` are its recordings in the pool; its ids begin with `name`."""

    kind: str
    numbers: tuple[int, ...]
    name: str

    @property
    def ids(self) -> list[str]:
        return [f"{self.name}-{index}" for index in range(len(self.numbers))]

    def head_and_body(self) -> tuple[bytes, bytes]:
        """Return the request's head, which asks for 100 Continue, and its body."""
        path, content_type, accept = _FORMS[self.kind]
        query: list[tuple[str, object]] = [("fs", FS), *(("id", name) for name in self.ids)]
        if self.kind == "measurements":
            query.append(("include", "measurements"))
        body = _body(self.kind, self.numbers, self.ids)
        lines = [
            f"POST {path}?{urlencode(query)} HTTP/1.1",
            "Host: x",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
            f"Accept: {accept}",
            f"X-Request-ID: {self.name}",
            "Expect: 100-continue",
        ]
        return "\r\n".join([*lines, "", ""]).encode(), body

    def results(self, body: bytes) -> list[Mapping[str, Any]]:
        """Return the answer's result of each recording. Raises WrongAnswer, PartlyRefused."""
        if self.kind == "lines":
            lines = [json.loads(line) for line in body.splitlines()]
            results = sorted(lines, key=lambda result: int(result["index"]))
        elif self.kind == "many":
            results = json.loads(body)["results"]
        else:
            results = [json.loads(body)]
        if len(results) != len(self.numbers):
            raise WrongAnswer(f"{len(results)} results for {len(self.numbers)} recordings")
        for result in results:
            if "error" in result:
                raise PartlyRefused(result["error"])
        return list(results)


class Fingerprints:
    """The fingerprints of the pool, by kind of request and number of the recording."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], np.ndarray] = {}

    def learn(self, question: Question, body: bytes) -> None:
        """Keep the answer of a quiet server to one recording."""
        (number,) = question.numbers
        (result,) = question.results(body)
        self._known[question.kind, number] = _fingerprint(question.kind, result)

    def check_pool(self) -> None:
        """Raises AssertionError where two recordings have fingerprints that are too close."""
        for one, two in combinations(self._known, 2):
            if one[0] == two[0]:
                assert not _are_close(self._known[one], self._known[two], MARGIN), (one, two)

    def check(self, question: Question, request_id: str, body: bytes) -> None:
        """Raises WrongAnswer, SwappedAnswer, PartlyRefused."""
        results = question.results(body)
        if request_id != question.name:
            raise SwappedAnswer(f"request {request_id} in the answer to {question.name}")
        for result, number, name in zip(results, question.numbers, question.ids, strict=True):
            if result["id"] != name or result.get("request_id", question.name) != question.name:
                raise SwappedAnswer(f"id {result['id']} in the answer to {name}")
            self._check_numbers(question, number, result)

    def _check_numbers(self, question: Question, number: int, result: Mapping[str, Any]) -> None:
        kind = "features" if question.kind in FEATURES_OF_MANY else question.kind
        found = _fingerprint(kind, result)
        if _are_close(found, self._known[kind, number], TOLERANCE):
            return
        for (other_kind, other), fingerprint in self._known.items():
            if other_kind == kind and _are_close(found, fingerprint, TOLERANCE):
                raise SwappedAnswer(f"{kind}: recording {number} has the answer of {other}")
        raise WrongAnswer(f"{kind}: recording {number} has an answer of no recording")


SINGLE_KINDS: Final = tuple(kind for kind in KINDS if kind not in FEATURES_OF_MANY)


def draw_question(rng: np.random.Generator, name: str) -> Question:
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    count = RECORDS_OF_MANY if kind in FEATURES_OF_MANY else 1
    group = int(rng.integers(GROUPS))
    members = range(group, RECORDINGS, GROUPS)
    numbers = tuple(int(number) for number in rng.choice(members, size=count))
    return Question(kind, numbers, name)


def signal_of(number: int) -> np.ndarray:
    """Return a recording of the pool, (12, samples) in mV, at FS."""
    return recording(number, 8.0 + number % GROUPS)


def _body(kind: str, numbers: Sequence[int], ids: Sequence[str]) -> bytes:
    if kind == "quality":
        return Ecg(signal_of(numbers[0]), FS).msgpack(id=ids[0])
    if kind == "upload":
        return _UPLOADS[numbers[0]]
    if kind in FEATURES_OF_MANY:
        return npy(np.stack([_SIGNALS[number] for number in numbers]))
    return _NPY[numbers[0]]


def _csv_form(signal: np.ndarray) -> bytes:
    text = io.StringIO()
    np.savetxt(text, signal.T, "%.4f", ",", header=",".join(LEADS), comments="")
    disposition = 'Content-Disposition: form-data; name="file"; filename="recording.csv"'
    return (
        f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: text/csv\r\n\r\n"
        f"{text.getvalue()}\r\n--{BOUNDARY}--\r\n"
    ).encode()


def _fingerprint(kind: str, result: Mapping[str, Any]) -> np.ndarray:
    if kind in ("features", "upload"):
        return np.array(result["features"], float)
    return np.array(list(_numbers(result)), float)


def _numbers(value: object) -> Iterator[float]:
    """Yield all numbers in a part of an answer that are equal whenever it is computed."""
    if isinstance(value, bool):
        return
    if isinstance(value, int | float):
        yield float(value)
    elif isinstance(value, Mapping):
        for name, part in value.items():
            if name not in PASSING:
                yield from _numbers(part)
    elif isinstance(value, list):
        for part in value:
            yield from _numbers(part)


def _are_close(one: np.ndarray, two: np.ndarray, tolerance: float) -> bool:
    return one.shape == two.shape and bool(np.allclose(one, two, rtol=0.0, atol=tolerance))


# Path, Content-Type and Accept of each kind.
_FORMS: Final = {
    "features": ("/extract_features", NPY, JSON),
    "quality": ("/assess_quality", MSGPACK, JSON),
    "measurements": ("/analyze", NPY, JSON),
    "many": ("/extract_features", NPY, JSON),
    "lines": ("/extract_features", NPY, NDJSON),
    "upload": ("/extract_features", f"multipart/form-data; boundary={BOUNDARY}", JSON),
}
_SIGNALS: Final = [signal_of(number) for number in range(RECORDINGS)]
_NPY: Final = [npy(signal) for signal in _SIGNALS]
_UPLOADS: Final = [_csv_form(signal) for signal in _SIGNALS]
