"""The requests: arrays as npy with everything else in the query, files as an upload."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from ecgfm_client.errors import UnusableInput

MSGPACK = "application/msgpack"
Ecg = NDArray[Any] | str | Path | bytes | Sequence[str | Path]
"""An array (leads, samples), a file's path or bytes, or the paths of one recording's files."""


@dataclass(frozen=True)
class Call:
    """A request that can be sent again: its content is bytes, not a stream."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    files: Sequence[tuple[str, tuple[str, bytes]]] = ()

    def request(self, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        files = list(self.files) or None
        return client.build_request(
            self.method,
            self.path,
            params=dict(self.params),
            headers=dict(self.headers),
            content=self.content,
            files=files,
        )


def ecg_call(path: str, ecg: Ecg, options: Mapping[str, Any], accept: str = MSGPACK) -> Call:
    """Return a POST of one recording. Raises UnusableInput if `ecg` is not a recording."""
    params = {name: _text(value) for name, value in options.items() if value is not None}
    headers = {"Accept": accept}
    if isinstance(ecg, np.ndarray):
        if ecg.ndim != 2:
            raise UnusableInput(f"ecg: an array of shape {ecg.shape}; (leads, samples) is needed")
        if "fs" not in params:
            raise UnusableInput("fs: missing; an array needs its sampling rate in Hz")
        return Call(
            "POST",
            path,
            params,
            {**headers, "Content-Type": "application/x-npy"},
            content=_npy(ecg),
        )
    return Call("POST", path, params, headers, files=[("files", part) for part in _parts(ecg)])


def upload_call(
    path: str, files: Sequence[str | Path], options: Mapping[str, Any], part: str = "files"
) -> Call:
    """Return a POST of files only, for /predict and /classify."""
    params = {name: _text(value) for name, value in options.items() if value is not None}
    return Call(
        "POST",
        path,
        params,
        {"Accept": "application/json"},
        files=[(part, each) for each in _parts(list(files))],
    )


def _parts(ecg: str | Path | bytes | Sequence[str | Path]) -> list[tuple[str, bytes]]:
    """Return the name and the bytes of each file.

    Only the last component of a path is sent: WFDB headers name their files by it.
    """
    if isinstance(ecg, bytes):
        return [("recording", ecg)]
    paths = [Path(ecg)] if isinstance(ecg, str | Path) else [Path(path) for path in ecg]
    if not paths:
        raise UnusableInput("ecg: no file is given")
    try:
        return [(path.name, path.read_bytes()) for path in paths]
    except OSError as error:
        raise UnusableInput(f"{error.filename}: {error.strerror}") from error


def _npy(array: NDArray[Any]) -> bytes:
    """Return an .npy in float32; int16 is kept, which the server reads with `units` or `gain`."""
    buffer = io.BytesIO()
    np.save(
        buffer, array if array.dtype == np.int16 else array.astype(np.float32), allow_pickle=False
    )
    return buffer.getvalue()


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return json.dumps(dict(value))
    if isinstance(value, Sequence):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
