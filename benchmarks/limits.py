"""Measure what the largest valid requests cost: the need behind the limits of a worker.

    python -m benchmarks.limits

Each row is one request of the largest size that the default limits allow (64 MiB, 600 s at 2000 Hz,
256 recordings), in a process of its own. Memory is address space beyond that of the process
without work, which is what ECG_WORKER_MEMORY_MB and ECG_READER_MEMORY_MB limit. CPU time is that of
reading all of it, and of preparing its first recording with every measured part, which is what
ECG_MAX_CPU_SECONDS limits.
"""

from __future__ import annotations

import io
import multiprocessing
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import msgpack
import numpy as np
import orjson
import scipy.io

from analysis.deployment import Deployment
from analysis.measuring import MEASURED_PARTS
from analysis.options import AnalyzeOptions
from analysis.prepare import prepare
from analysis.warm_up import warm_up
from benchmarks.machine import machine
from benchmarks.recordings import LEAD_NAMES, recording
from formats.hints import Hints
from formats.parts import Part
from formats.registry import known_formats, read
from server.ipc.messages import Slot, Task, TaskHead
from server.settings import parse_arguments
from server.stages.parsed_request import Limits
from server.stages.request_body import read_request
from signals.record import EcgRecord

SETTINGS: Final = parse_arguments([])
LONGEST_S: Final = 600
FASTEST_HZ: Final = 2000
LIMITS: Final = Limits(SETTINGS.max_body_bytes, SETTINGS.max_records, SETTINGS.max_seconds)
NO_ENCODER: Final = Deployment("none", "none", "none is asked for", {})
MIB: Final = 1 << 20


def longest() -> np.ndarray:
    """Return twelve leads of 600 s at 2000 Hz, (leads, samples), in mV with one decimal."""
    ten_seconds = recording(0)
    faster = np.repeat(ten_seconds, FASTEST_HZ // 500, axis=1)
    repeats = LONGEST_S * FASTEST_HZ // faster.shape[1]
    return np.round(np.tile(faster, repeats), 1)


def json_body(signals: np.ndarray, fs: float) -> bytes:
    """Return one record, or many for (records, leads, samples), within the size of a body."""
    options = orjson.OPT_SERIALIZE_NUMPY
    if signals.ndim == 2:
        return orjson.dumps({"signal": signals, "fs": fs, "lead_names": LEAD_NAMES}, option=options)
    records = [
        {"signal": np.ascontiguousarray(signal), "fs": fs, "lead_names": LEAD_NAMES}
        for signal in signals
    ]
    return orjson.dumps({"records": records}, option=options)


def msgpack_body(signal: np.ndarray) -> bytes:
    data = {"dtype": "<f4", "shape": list(signal.shape), "data": signal.tobytes()}
    packed: bytes = msgpack.packb({"signal": data, "fs": FASTEST_HZ})
    return packed


def npy_body(signals: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, signals)
    return buffer.getvalue()


def csv_file(signal: np.ndarray) -> bytes:
    head = ",".join(LEAD_NAMES).encode() + b"\n"
    texts = np.char.mod("%.1f", np.arange(-99, 100) / 10)
    cells = texts[np.round(signal.T * 10).astype(int) + 99]
    return head + "\n".join(",".join(row) for row in cells).encode()


def mat_file(signal: np.ndarray, *, compressed: bool) -> bytes:
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {"val": _int16(signal)}, do_compression=compressed)
    return buffer.getvalue()


def wfdb_files(signal: np.ndarray) -> list[Part]:
    lines = [f"r {len(signal)} {FASTEST_HZ} {signal.shape[1]}"]
    lines += [f"r.dat 16 1000/mV 16 0 0 0 0 {name}" for name in LEAD_NAMES]
    header = "\n".join(lines).encode() + b"\n"
    return [Part("r.hea", header), Part("r.dat", _int16(signal).T.tobytes())]


def aecg_file(signal: np.ndarray) -> bytes:
    """Return HL7 aECG, whose samples are text, in steps of 0.1 mV."""
    instance = "xmlns='urn:hl7-org:v3' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'"
    increment = f"<increment value='{1000 / FASTEST_HZ}' unit='ms'/>"
    sequences = [_aecg_sequence("TIME_ABSOLUTE", "GLIST_TS", f"<head value='2024'/>{increment}")]
    steps = np.round(signal * 10).astype(int)
    for name, row in zip(LEAD_NAMES, steps, strict=True):
        digits = " ".join(map(str, row.tolist()))
        units = "<origin value='0' unit='uV'/><scale value='100' unit='uV'/>"
        content = f"{units}<digits>{digits}</digits>"
        sequences.append(_aecg_sequence(f"MDC_ECG_LEAD_{name}", "SLIST_PQ", content))
    sets = f"<component><sequenceSet>{''.join(sequences)}</sequenceSet></component>"
    series = f"<component><series><code code='RHYTHM'/>{sets}</series></component>"
    return f"<AnnotatedECG {instance}>{series}</AnnotatedECG>".encode()


def _aecg_sequence(code: str, kind: str, content: str) -> str:
    value = f"<value xsi:type='{kind}'>{content}</value>"
    return f"<component><sequence><code code='{code}'/>{value}</sequence></component>"


def spikes(signal: np.ndarray) -> np.ndarray:
    """Return the recording with a spike every 0.25 s, the costliest to prepare that was found."""
    spiked = signal.copy()
    spiked[:, :: FASTEST_HZ // 4] += 5.0
    return spiked


def _int16(signal: np.ndarray) -> np.ndarray:
    return np.round(signal * 1000).astype("<i2")


def read_body(body: bytes, content_type: str) -> EcgRecord:
    head = TaskHead(0, 1, Slot(0, 1), "analyze", "id", "json", 0.0, 0.0)
    params = {"fs": ["2000" if b"records" not in body[:20] else "500"]}
    task = Task(head, content_type, "", body, params if "npy" in content_type else {}, True)
    request = read_request(task, NO_ENCODER, LIMITS)
    records = [pending.read() for pending in request.records]
    return records[0]


def read_files(parts: list[Part]) -> EcgRecord:
    return read(parts, Hints(fs=float(FASTEST_HZ)), max_bytes=SETTINGS.max_body_bytes)


def peak_bytes() -> int:
    (line,) = [
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmPeak:")
    ]
    return 1024 * int(line.split()[1])


def measure(read_one: Callable[[], EcgRecord], connection: Connection) -> None:
    at_start_bytes = peak_bytes()
    began_s = time.process_time()
    record = read_one()
    read_s = time.process_time() - began_s
    read_bytes = peak_bytes() - at_start_bytes
    options = AnalyzeOptions(include=MEASURED_PARTS | {"quality"})
    prepare(record, options, NO_ENCODER, max_seconds=SETTINGS.max_seconds)
    prepare_s = time.process_time() - began_s - read_s
    connection.send((read_s, prepare_s, read_bytes, peak_bytes() - at_start_bytes))


def row(name: str, size: int, read_one: Callable[[], EcgRecord]) -> str:
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    process = context.Process(target=measure, args=(read_one, theirs))
    process.start()
    theirs.close()
    try:
        read_s, prepare_s, read_bytes, bytes_ = ours.recv()
    except EOFError:
        return f"| {name} | {size / MIB:.0f} | failed | | | |"
    process.join()
    cells = [f"{read_s:.1f}", f"{prepare_s:.1f}", f"{read_bytes / MIB:.0f}", f"{bytes_ / MIB:.0f}"]
    return f"| {name} | {size / MIB:.0f} | {' | '.join(cells)} |"


def main() -> None:
    known_formats()
    warm_up()
    print(machine("numpy", "scipy"))
    print("| request | MiB | CPU s to read | to prepare | MiB to read | with preparing |")
    print("|---|---|---|---|---|---|")
    signal = longest()
    many = np.tile(signal[:, :5000], (SETTINGS.max_records, 1, 1))
    bodies = {
        "JSON, 600 s": (json_body(signal, FASTEST_HZ), "application/json"),
        "JSON, 256 recordings": (json_body(many[:, :, :4500], 500), "application/json"),
        "msgpack, 600 s": (msgpack_body(signal), "application/msgpack"),
        "npy, 600 s": (npy_body(signal), "application/x-npy"),
        "npy, 600 s with spikes": (npy_body(spikes(signal)), "application/x-npy"),
        "npy, 256 recordings": (npy_body(many), "application/x-npy"),
    }
    for name, (body, content_type) in bodies.items():
        print(row(name, len(body), partial(read_body, body, content_type)), flush=True)
    del bodies
    files = {
        "CSV, 600 s": [Part("", csv_file(signal))],
        "MATLAB, 600 s": [Part("", mat_file(signal, compressed=False))],
        "MATLAB compressed, 600 s": [Part("", mat_file(signal, compressed=True))],
        "HL7 aECG, 600 s": [Part("", aecg_file(signal))],
        "WFDB, 600 s": wfdb_files(signal),
    }
    for name, parts in files.items():
        size = sum(len(part.data) for part in parts)
        print(row(name, size, partial(read_files, parts)), flush=True)


if __name__ == "__main__":
    main()
