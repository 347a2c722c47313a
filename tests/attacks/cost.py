"""What reading a body costs: CPU seconds and peak memory, each measured in a process of its own."""

from __future__ import annotations

import ctypes
import gc
import gzip
import io
import json
import os
import re
import resource
import time
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from analysis.deployment import Deployment
from errors import EcgError
from formats.archive import is_zip
from formats.registry import known_formats, read
from server.ipc.messages import Slot, Task, TaskHead
from server.stages.parsed_request import Limits
from server.stages.request_body import read_request

MIB = 1 << 20
# The defaults of ECG_MAX_BODY_MB, ECG_MAX_RECORDS and ECG_MAX_SECONDS.
LIMITS = Limits(max_body_bytes=64 * MIB, max_records=256, max_seconds=600.0)
_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # proc(5): resets VmHWM
_KIB = 1024
CPU_LIMIT_S = 30  # a reader that takes longer is ended


OCTETS = "application/octet-stream"


@dataclass(frozen=True)
class Upload:
    """A request's body with the headers that say how it is read."""

    body: bytes
    content_type: str = OCTETS
    content_encoding: str = ""
    fs: str = "500"


@dataclass(frozen=True)
class Cost:
    """What one body took.

    outcome      "read", or the code of the error; another exception's name is a bug
    detail       the error's detail
    peak_bytes   memory above that of the process before, the body itself not counted
    body_bytes   of the body as sent
    unpacked_bytes  of the body without its compression, and of the files of an archive in it
    """

    outcome: str
    detail: str
    cpu_s: float
    peak_bytes: int
    body_bytes: int
    unpacked_bytes: int


def read_upload(upload: Upload) -> None:
    """Parse a body and read all its recordings as a signal worker does."""
    head = TaskHead(0, 1, Slot(0, 0), "assess_quality", "attack", "json", 0.0, 1e9)
    params = {"fs": [upload.fs]} if upload.content_type == OCTETS else {}
    task = Task(head, upload.content_type, upload.content_encoding, upload.body, params, False)
    # /assess_quality reads nothing of the deployment.
    request = read_request(task, cast(Deployment, None), LIMITS)
    if request.files is not None:
        read(request.files.parts, request.files.hints, request.files.max_bytes)
    for pending in request.records:
        pending.read()


def cost_of(make: Callable[[], Upload]) -> Cost:
    """Return what reading an upload costs.

    A forked child makes and reads it, so that one measurement leaves nothing for the next.
    """
    known_formats()  # imports the readers
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            json.dump(_measured(make), pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return Cost(**json.loads(text)) if text else Cost("process died", "", 0.0, 0, 0, 0)


def _measured(make: Callable[[], Upload]) -> dict[str, Any]:
    upload = make()
    # From here on, as the making of a body may take seconds itself.
    limit_s = int(time.process_time()) + CPU_LIMIT_S
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
    outcome, detail = "read", ""
    gc.freeze()  # the collector need not look through the tests' own objects
    # Memory that other tests have freed would hold a small body, and not one of twice the size.
    ctypes.CDLL(None).malloc_trim(0)
    reset_peak_memory()
    before = memory("VmRSS")
    began_s = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read_upload(upload)
        except EcgError as error:
            outcome, detail = error.code, error.detail
        except Exception as error:  # noqa: BLE001 - any other exception is the finding
            outcome, detail = type(error).__name__, str(error)
    cpu_s = time.process_time() - began_s
    peak = max(memory("VmHWM") - before, 0)
    return {
        "outcome": outcome,
        "detail": detail[:20_000],
        "cpu_s": cpu_s,
        "peak_bytes": peak,
        "body_bytes": len(upload.body),
        "unpacked_bytes": _unpacked_bytes(upload),
    }


def _unpacked_bytes(upload: Upload) -> int:
    body = gzip.decompress(upload.body) if upload.content_encoding == "gzip" else upload.body
    if not is_zip(body):
        return len(body)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return sum(info.file_size for info in archive.infolist())


def reset_peak_memory() -> None:
    """Let VmHWM of this process count from now on."""
    _CLEAR_REFS.write_text(_RESET_PEAK)


def memory(field: str) -> int:
    """Return a field of /proc/self/status in bytes: VmRSS, VmHWM."""
    match = re.search(rf"^{field}:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    assert match, field
    return int(match[1]) * _KIB
