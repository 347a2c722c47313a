"""Put a running server under load and print how fast it answers.

    python -m benchmarks.load --route /analyze --body npy --concurrency 1,8,32 --seconds 5
    python -m benchmarks.load --route /analyze --rate 50    # open loop: 50 arrivals a second
    python -m benchmarks.load --as-json                     # a line of JSON a run, for programs

Closed loop: each of n clients sends its next request when the last one is answered. Open loop:
requests are due at a fixed rate, and latency counts from that moment, so that a server which falls
behind shows it. The program connects to the given address only.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from urllib.parse import urlencode

import msgpack
import numpy as np
from numpy.typing import NDArray

from benchmarks.http_client import Answer, Connection, Target, request_bytes
from benchmarks.machine import machine
from benchmarks.recordings import LEAD_NAMES, SAMPLING_RATE_HZ, SECONDS, recording

RECORDINGS = 8  # different ones, sent in turn
DEFAULT_URL = "http://127.0.0.1:8000"
STAGES = (
    "parse",
    "measure",
    "segment",
    "encode",
    "assemble",
)  # of Server-Timing, without the queue
GET_ROUTES = ("/health", "/livez", "/readyz", "/models", "/metrics")
PERCENTILES = (50, 95, 99)
RETRY_DELAY_S = 0.01  # after a failed request, so that a stopped server is not flooded


@dataclass
class Outcome:
    """The results of one run.

    answered      number of answers by status, and of faults by name
    latencies_s   seconds from due (or sent) to answered, of answers with status 200
    overheads_s   the part of each latency that is not in the server's stages (Server-Timing)
    elapsed_s     length of the run
    cpu_before_s  this process's CPU time at the start of the run
    """

    answered: Counter[str] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    overheads_s: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0
    cpu_before_s: float = 0.0

    def add(self, answer: Answer, latency_s: float) -> None:
        """Count an answer."""
        self.answered[str(answer.status)] += 1
        if answer.status == 200:
            stages_s = _stages_s(answer.headers.get("server-timing", ""))
            self.latencies_s.append(latency_s)
            self.overheads_s.append(latency_s - stages_s)

    def row(self, load: str) -> str:
        """Return a row of the printed table."""
        count = self.answered["200"]
        faults = [f"{name}: {self.answered[name]}" for name in sorted(self.answered)]
        errors = ", ".join(fault for fault in faults if not fault.startswith("200:")) or "none"
        latencies = [f"{value:.1f}" for value in _percentiles_ms(self.latencies_s)]
        columns = latencies or ["-"] * len(PERCENTILES)
        rate = count / self.elapsed_s
        return f"| {load} | {count} | {rate:.1f} | {' | '.join(columns)} | {errors} |"

    def values(self) -> dict[str, object]:
        """Return what `--as-json` prints; CPU seconds are this process's since the run began."""
        return {
            "answered": dict(self.answered),
            "seconds": self.elapsed_s,
            "latency_ms": _percentiles_ms(self.latencies_s),
            "overhead_ms": _percentiles_ms(self.overheads_s),
            "client_cpu_s": _own_cpu_s() - self.cpu_before_s,
        }


def _own_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _percentiles_ms(seconds: Sequence[float]) -> list[float]:
    """Return the PERCENTILES in milliseconds, an empty list for no values."""
    if not seconds:
        return []
    return [float(1000 * value) for value in np.percentile(seconds, PERCENTILES)]


def _stages_s(server_timing: str) -> float:
    """Return the sum of the stages in a Server-Timing header.

    With many recordings in a request, the header has each stage's longest time.
    """
    total_ms = 0.0
    for entry in server_timing.split(","):
        stage, _, milliseconds = entry.strip().partition(";dur=")
        if stage in STAGES:
            total_ms += float(milliseconds)
    return total_ms / 1000


def _bodies(form: str, seconds: int, records: int) -> tuple[str, str, list[bytes]]:
    """Return content type, query string, and several different bodies of `records` records each."""
    batches: list[list[NDArray[np.float32]]] = []
    for turn in range(max(2, RECORDINGS // records)):
        seeds = range(turn * records, (turn + 1) * records)
        batches.append([recording(seed, seconds) for seed in seeds])
    if form == "npy":
        query = urlencode({"fs": SAMPLING_RATE_HZ, "lead_names": ",".join(LEAD_NAMES)})
        # Several recordings are one array with three axes.
        arrays = [batch[0] if records == 1 else np.stack(batch) for batch in batches]
        return "application/x-npy", f"?{query}", [_npy(array) for array in arrays]
    bodies: list[bytes] = []
    for batch in batches:
        items = [_record(signal, form) for signal in batch]
        value = items[0] if records == 1 else {"records": items}
        bodies.append(msgpack.packb(value) if form == "msgpack" else json.dumps(value).encode())
    return f"application/{form}", "", bodies


def _record(signal: NDArray[np.float32], form: str) -> dict[str, object]:
    array: object = np.round(signal.astype(float), 4).tolist()
    if form == "msgpack":
        data = signal.astype("<f4").tobytes()
        array = {"dtype": "<f4", "shape": list(signal.shape), "data": data}
    return {"signal": array, "fs": SAMPLING_RATE_HZ, "lead_names": list(LEAD_NAMES)}


def _npy(array: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _requests(options: argparse.Namespace, target: Target) -> list[bytes]:
    if options.route in GET_ROUTES:
        return [request_bytes(target, "GET", options.route)]
    content_type, query, bodies = _bodies(options.body, options.length, options.records)
    path = options.route + query
    return [request_bytes(target, "POST", path, body, content_type) for body in bodies]


async def _send(connection: Connection, request: bytes, outcome: Outcome, due_s: float) -> None:
    try:
        answer = await connection.send(request)
    except (OSError, asyncio.IncompleteReadError, ValueError) as fault:
        outcome.answered[type(fault).__name__] += 1
        await asyncio.sleep(RETRY_DELAY_S)
        return
    outcome.add(answer, time.perf_counter() - due_s)


async def _closed_loop(
    target: Target, requests: Sequence[bytes], clients: int, seconds: float
) -> Outcome:
    outcome = Outcome(cpu_before_s=_own_cpu_s())
    next_request = cycle(requests)
    start_s = time.perf_counter()

    async def client() -> None:
        connection = Connection(target)
        while True:
            now_s = time.perf_counter()
            if now_s >= start_s + seconds:
                break
            await _send(connection, next(next_request), outcome, now_s)
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    outcome.elapsed_s = time.perf_counter() - start_s
    return outcome


async def _open_loop(
    target: Target, requests: Sequence[bytes], rate_hz: float, seconds: float
) -> Outcome:
    outcome = Outcome(cpu_before_s=_own_cpu_s())
    idle: list[Connection] = []
    start_s = time.perf_counter()

    async def arrival(request: bytes, due_s: float) -> None:
        connection = idle.pop() if idle else Connection(target)
        await _send(connection, request, outcome, due_s)
        idle.append(connection)

    async with asyncio.TaskGroup() as tasks:
        for number, request in zip(range(round(rate_hz * seconds)), cycle(requests), strict=False):
            due_s = start_s + number / rate_hz
            await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
            tasks.create_task(arrival(request, due_s))
    outcome.elapsed_s = time.perf_counter() - start_s
    for connection in idle:
        connection.close()
    return outcome


async def _describe_server(target: Target) -> str:
    """Return version and encoders of the server, from /health."""
    connection = Connection(target)
    try:
        answer = await connection.send(request_bytes(target, "GET", "/health"))
        health = json.loads(answer.body)
    except (OSError, asyncio.IncompleteReadError, ValueError):
        return "no /health"
    finally:
        connection.close()
    model = health.get("model") or {}
    encoders = [
        f"{encoder.get('name')} {encoder.get('dtype')} on {encoder.get('device')}"
        for encoder in model.get("encoders") or []
    ]
    return f"server {health.get('version')}, {', '.join(encoders) or 'no encoder'}"


async def run(options: argparse.Namespace) -> None:
    """Run every load in turn and print a line for each."""
    target = Target.from_url(options.url)
    requests = _requests(options, target)
    if not options.as_json:
        await _print_heading(options, target, len(requests[0]))
    await _closed_loop(target, requests, 1, options.warm_up)
    for load, outcome in _runs(options, target, requests):
        result = await outcome
        line = result.row(load)
        if options.as_json:
            line = json.dumps({"load": load} | result.values())
        print(line, flush=True)


def _runs(
    options: argparse.Namespace, target: Target, requests: Sequence[bytes]
) -> Iterator[tuple[str, Awaitable[Outcome]]]:
    """Yield the name of each run, and the run, which starts when it is awaited."""
    seconds = options.seconds
    if options.rate is not None:
        yield f"{options.rate:g}/s arriving", _open_loop(target, requests, options.rate, seconds)
        return
    for clients in options.concurrency:
        yield f"{clients} at once", _closed_loop(target, requests, clients, seconds)


async def _print_heading(options: argparse.Namespace, target: Target, request_bytes: int) -> None:
    method = "GET" if options.route in GET_ROUTES else f"POST {options.body}"
    size = f"{request_bytes / 1000:.0f} kB a request"
    print(f"{method} {options.route}, {size}; {await _describe_server(target)}")
    print(f"{machine('numpy')}\n")
    print("| load | answered | a second | p50 ms | p95 ms | p99 ms | errors |")
    print("|---|---|---|---|---|---|---|")


def _parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load", description="Load for a running server."
    )
    get_routes = ", ".join(GET_ROUTES)
    parser.add_argument("--url", default=DEFAULT_URL)
    parser.add_argument("--route", default="/analyze", help=f"a POST route, or one of {get_routes}")
    parser.add_argument("--body", choices=["json", "npy", "msgpack"], default="json")
    parser.add_argument("--length", type=int, default=SECONDS, help="seconds of each recording")
    parser.add_argument("--records", type=int, default=1, help="recordings in each request")
    parser.add_argument(
        "--concurrency",
        type=lambda value: [int(part) for part in value.split(",")],
        default=[1, 8, 32],
        help="numbers of clients, separated by commas",
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each run")
    parser.add_argument("--rate", type=float, help="open loop with this many arrivals a second")
    parser.add_argument(
        "--as-json", action="store_true", help="a line of JSON for each run instead of a table"
    )
    parser.add_argument(
        "--warm-up", type=float, default=0.5, help="seconds of load before the first run"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    asyncio.run(run(_parse_arguments()))
