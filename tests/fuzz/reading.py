"""Read one fuzzed request as the server does, and say what is wrong with the outcome.

    python -m tests.fuzz.reading FILE ...

prints the outcome of each file that the fuzzer kept.
"""

from __future__ import annotations

import sys
import time
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from analysis.deployment import Deployment
from analysis.prepare import prepare
from errors import EcgError, NoModel
from formats.registry import read
from server.stages.parsed_request import Limits, ParsedRequest
from server.stages.request_body import check_content_type, check_not_empty, read_request
from signals.checks import check_record
from signals.leads import LEADS, twelve_leads
from signals.record import EcgRecord
from tests.fuzz.inputs import task_of

MIB = 1 << 20
# As with ECG_MAX_BODY_MB=4: the largest body that a small compressed one becomes takes well under
# MAX_CPU_S, so that more is a reader that hangs.
LIMITS = Limits(max_body_bytes=4 * MIB, max_records=256, max_seconds=600.0)
MAX_CPU_S = 2.0
NO_ENCODER = Deployment("none", "none", "none is asked for", {})
# Preparing a recording costs a hundred times what reading it does.
PREPARED_OF = 64


@dataclass(frozen=True)
class Finding:
    """What a request did that none may do.

    kind    what it is, the same for the same fault: a part of a file's name
    detail  a traceback, or the CPU time
    """

    kind: str
    detail: str


def finding_of(data: bytes) -> Finding | None:
    """Return None where the request gives a recording, or a client's error in time."""
    began_s = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            request, records = _records_of(data)
            cpu_s = time.process_time() - began_s
            check_records(records)
            if records and crc32(data) % PREPARED_OF == 0:
                _prepare(request, records[0])
        except EcgError as error:
            cpu_s = time.process_time() - began_s
            if not is_allowed(error):
                return Finding(f"status_{error.status}", traceback.format_exc())
        except Exception as error:  # noqa: BLE001 - any other exception is the finding
            place = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__}_{Path(place.filename).stem}_{place.lineno}"
            return Finding(kind, traceback.format_exc())
    if cpu_s > MAX_CPU_S:
        return Finding("slow", f"{cpu_s:.1f} CPU s")
    return None


def _records_of(data: bytes) -> tuple[ParsedRequest, list[EcgRecord]]:
    """Return the recordings that were read; a request of many may have some that are not valid."""
    task = task_of(data)
    check_content_type(task.content_type, task.head.route)
    check_not_empty(task)
    request = read_request(task, NO_ENCODER, LIMITS)
    if request.files is not None:
        files = request.files
        request = request.with_record(read(files.parts, files.hints, files.max_bytes))
    records: list[EcgRecord] = []
    for pending in request.records:
        try:
            records.append(pending.read())
        except EcgError as error:
            if not is_allowed(error):
                raise
    return request, records


def is_allowed(error: EcgError) -> bool:
    return 400 <= error.status < 500 or isinstance(error, NoModel)


def check_records(records: list[EcgRecord]) -> None:
    for record in records:
        assert record.signal.ndim == 2
        assert record.signal.dtype == np.float32
        assert record.signal.flags.c_contiguous
        assert record.signal.shape[0] == len(record.lead_names) == len(set(record.lead_names)) > 0
        assert set(record.lead_names) <= set(LEADS)
        for value in record.reported.measurements.values() if record.reported else ():
            assert np.isfinite(value)
        try:
            checked = check_record(record)
            assert not np.isinf(checked.signal).any()
            twelve_leads(checked)
        except EcgError as error:
            if not is_allowed(error):
                raise


def _prepare(request: ParsedRequest, record: EcgRecord) -> None:
    prepare(record, request.options, NO_ENCODER, max_seconds=LIMITS.max_seconds)


def _main(paths: list[str]) -> None:
    for path in paths:
        finding = finding_of(Path(path).read_bytes())
        text = "no finding" if finding is None else f"{finding.kind}\n{finding.detail}"
        sys.stdout.write(f"{path}: {text}\n")


if __name__ == "__main__":
    _main(sys.argv[1:])
