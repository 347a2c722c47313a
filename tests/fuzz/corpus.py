"""The fuzzer's first inputs: small recordings of every format, and small copies of the attacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode

import msgpack
import numpy as np

import tests.attacks.bodies  # noqa: F401 - registers the attacks
from formats.hints import Hints
from formats.parts import Part
from server.openapi.examples import REQUESTS
from tests.attacks.attack import form, registered
from tests.formats.samples import INVALID, expected, hints_of, parts_of
from tests.formats.test_fuzz import (
    BINARY_RECORD,
    RECORD,
    SIGNAL,
    header_bytes,
    npy_bytes,
    zip_bytes,
)
from tests.fuzz.inputs import FORM, JSON, MEDIA_TYPES, MSGPACK, NPY, OCTET_STREAM, ROUTES, input_of

MAX_BODY_BYTES = 1 << 16  # larger ones make the fuzzer slow and reach nothing more
ATTACK_COUNTS = (1, 3)
STORAGES = ("8", "16", "24", "32", "61", "80", "160", "212", "310", "311")


def write_corpus(folder: Path) -> int:
    """Write every input into a file of its own. Return their number."""
    inputs = {data for data in _inputs() if len(data) <= MAX_BODY_BYTES}
    for data in inputs:
        (folder / sha256(data).hexdigest()[:16]).write_bytes(data)
    return len(inputs)


def _inputs() -> Iterator[bytes]:
    yield from _bodies()
    yield from _attacks()
    yield from _shared()


def _bodies() -> Iterator[bytes]:
    """Yield what tests build: JSON, msgpack, npy, WFDB in every storage format, a zip."""
    for route, record in ((route, record) for route in ROUTES[:3] for record in REQUESTS.values()):
        example = record["value"]
        yield input_of(json.dumps(example).encode(), JSON, route=route)
        yield input_of(msgpack.packb(example), MSGPACK, "include=all", route=route)
    yield input_of(json.dumps(RECORD).encode(), JSON, encoding="packed gzip")
    yield input_of(msgpack.packb(RECORD), MSGPACK, encoding="packed zstd")
    yield input_of(msgpack.packb(BINARY_RECORD), MSGPACK)
    ten_seconds = np.tile(SIGNAL, 67)
    for dtype in ("<f2", ">f4", "<f8", "<i2"):
        yield input_of(npy_bytes(ten_seconds.astype(dtype)), NPY, "fs=100&units=uV")
    yield input_of(zip_bytes(), OCTET_STREAM)
    for storage in STORAGES:
        files = [("rec.hea", header_bytes(storage)), ("rec.dat", bytes(range(160)))]
        yield input_of(form(files).body, FORM)


def _attacks() -> Iterator[bytes]:
    for attack in registered():
        for count in ATTACK_COUNTS:
            upload = attack.make(count)
            media_type = (
                FORM if upload.content_type.startswith("multipart") else upload.content_type
            )
            if media_type in MEDIA_TYPES:
                yield input_of(
                    upload.body, media_type, f"fs={upload.fs}", encoding=upload.content_encoding
                )


def _shared() -> Iterator[bytes]:
    """Yield the collection's valid and invalid files, where it exists."""
    for number, name in enumerate(expected()):
        parts = parts_of(name)
        query = _query(hints_of(name))
        if len(parts) == 1:
            yield input_of(parts[0].data, OCTET_STREAM, query)
        route = ("analyze", "predict", "classify", "diagnosis")[number % 4]
        yield input_of(_form(parts), FORM, query, route)
    for path in sorted(INVALID.iterdir()) if INVALID.is_dir() else ():
        yield input_of(path.read_bytes(), OCTET_STREAM)


def _form(parts: list[Part]) -> bytes:
    return form((part.name, part.data) for part in parts).body


def _query(hints: Hints) -> str:
    given = {"fs": hints.fs, "units": hints.units, "gain": hints.gain}
    return urlencode({name: value for name, value in given.items() if value is not None})
