"""Puts a running server under load and says how fast it answers.

    python -m benchmarks.load --route /analyze --body npy --concurrency 1,8,32 --seconds 5
    python -m benchmarks.load --route /analyze --rate 50        # open loop: 50 arrivals a second, whatever the answers do
    python -m benchmarks.load --as-json                         # a line of JSON a run, for other programs

Closed loop: each of n clients sends its next request when the last is answered. Open loop: latency counts from the
moment a request was due, so a server that falls behind is not flattered. Talks to the address given and to nothing else.
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
STAGES = ("parse", "measure", "segment", "encode", "assemble")  # of Server-Timing, beside the queue
GET_ROUTES = ("/health", "/livez", "/readyz", "/models", "/metrics")


@dataclass
class Outcome:
    """What one run saw: seconds from due (or sent) to answered, and each answer's status or the fault's name.

    overheads_s  what of each latency the server's stages (Server-Timing, without the queue) do not account for
    """

    answered: Counter[str] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    overheads_s: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0
    cpu_before_s: float = 0.0

    def note(self, answer: Answer, took_s: float) -> None:
        self.answered[str(answer.status)] += 1
        if answer.status == 200:
            self.latencies_s.append(took_s)
            self.overheads_s.append(took_s - stages_s(answer.headers.get("server-timing", "")))

    def row(self, load: str) -> str:
        good = self.answered["200"]
        errors = (
            ", ".join(
                f"{name}: {count}" for name, count in sorted(self.answered.items()) if name != "200"
            )
            or "none"
        )
        ms = (
            [f"{1000 * np.percentile(self.latencies_s, q):.1f}" for q in (50, 95, 99)]
            if self.latencies_s
            else ["-"] * 3
        )
        return f"| {load} | {good} | {good / self.elapsed_s:.1f} | {' | '.join(ms)} | {errors} |"

    def values(self) -> dict[str, object]:
        """What `--as-json` prints: milliseconds, and this process's own CPU seconds since the run began."""
        return {
            "answered": dict(self.answered),
            "seconds": self.elapsed_s,
            "latency_ms": percentiles_ms(self.latencies_s),
            "overhead_ms": percentiles_ms(self.overheads_s),
            "client_cpu_s": own_cpu_s() - self.cpu_before_s,
        }


def own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def percentiles_ms(seconds: Sequence[float]) -> list[float]:
    """p50, p95, p99; empty where there is nothing."""
    return (
        [float(1000 * value) for value in np.percentile(seconds, (50, 95, 99))] if seconds else []
    )


def stages_s(server_timing: str) -> float:
    """The stages that Server-Timing names, queue left out, as seconds; of many recordings in one request each stage's longest."""
    entries = [entry.strip().partition(";dur=") for entry in server_timing.split(",")]
    return sum(float(milliseconds) for stage, _, milliseconds in entries if stage in STAGES) / 1000


def bodies(form: str, seconds: int = SECONDS, records: int = 1) -> tuple[str, str, list[bytes]]:
    """Content type, query string, and a few different bodies of so many records each (npy: an array of three axes)."""
    different = max(2, RECORDINGS // records)
    turns = [
        [recording(turn * records + number, seconds) for number in range(records)]
        for turn in range(different)
    ]
    about = {"fs": SAMPLING_RATE_HZ, "lead_names": list(LEAD_NAMES)}
    if form == "npy":
        query = urlencode({"fs": SAMPLING_RATE_HZ, "lead_names": ",".join(LEAD_NAMES)})
        return (
            "application/x-npy",
            f"?{query}",
            [_npy(signals[0] if records == 1 else np.stack(signals)) for signals in turns],
        )
    pack, kind = (
        (msgpack.packb, "application/msgpack") if form == "msgpack" else (_json, "application/json")
    )
    listed = [[{"signal": _array(signal, form)} | about for signal in signals] for signals in turns]
    return kind, "", [pack(each[0] if records == 1 else {"records": each}) for each in listed]


def _array(signal: NDArray[np.float32], form: str) -> object:
    if form == "msgpack":
        return {"dtype": "<f4", "shape": list(signal.shape), "data": signal.astype("<f4").tobytes()}
    return np.round(signal.astype(float), 4).tolist()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _npy(signal: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, signal)
    return buffer.getvalue()


def requests_for(
    target: Target, route: str, form: str, seconds: int = SECONDS, records: int = 1
) -> list[bytes]:
    if route in GET_ROUTES:
        return [request_bytes(target, "GET", route)]
    content_type, query, recordings = bodies(form, seconds, records)
    return [request_bytes(target, "POST", route + query, body, content_type) for body in recordings]


async def ask(connection: Connection, request: bytes, outcome: Outcome, due_s: float) -> None:
    try:
        answer = await connection.send(request)
    except (OSError, asyncio.IncompleteReadError, ValueError) as fault:
        outcome.answered[type(fault).__name__] += 1
        await asyncio.sleep(0.01)  # a server that is gone should not be hammered
        return
    outcome.note(answer, time.perf_counter() - due_s)


async def closed_loop(
    target: Target, requests: Sequence[bytes], clients: int, seconds: float
) -> Outcome:
    outcome = Outcome(cpu_before_s=own_cpu_s())
    turn = cycle(requests)
    start_s = time.perf_counter()

    async def client() -> None:
        connection = Connection(target)
        while (now_s := time.perf_counter()) < start_s + seconds:
            await ask(connection, next(turn), outcome, now_s)
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    outcome.elapsed_s = time.perf_counter() - start_s
    return outcome


async def open_loop(
    target: Target, requests: Sequence[bytes], rate_hz: float, seconds: float
) -> Outcome:
    outcome = Outcome(cpu_before_s=own_cpu_s())
    idle: list[Connection] = []
    start_s = time.perf_counter()

    async def arrival(request: bytes, due_s: float) -> None:
        connection = idle.pop() if idle else Connection(target)
        await ask(connection, request, outcome, due_s)
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


async def describe_server(target: Target) -> str:
    """Version and encoder as /health tells them."""
    connection = Connection(target)
    try:
        health = json.loads((await connection.send(request_bytes(target, "GET", "/health"))).body)
    except (OSError, asyncio.IncompleteReadError, ValueError):
        return "no /health"
    finally:
        connection.close()
    model = health.get("model") or {}
    encoders = [
        f"{each.get('name')} {each.get('dtype')} on {each.get('device')}"
        for each in model.get("encoders") or []
    ]
    return f"server {health.get('version')}, {', '.join(encoders) or 'no encoder'}"


async def run(options: argparse.Namespace) -> None:
    target = Target.from_url(options.url)
    requests = requests_for(target, options.route, options.body, options.length, options.records)
    if not options.as_json:
        await print_heading(options, target, len(requests[0]))
    await closed_loop(target, requests, 1, options.warm_up)
    for load, started in runs(options, target, requests):
        outcome = await started
        print(
            json.dumps({"load": load} | outcome.values()) if options.as_json else outcome.row(load),
            flush=True,
        )


def runs(
    options: argparse.Namespace, target: Target, requests: Sequence[bytes]
) -> Iterator[tuple[str, Awaitable[Outcome]]]:
    """Each run's name, and what starts it."""
    if options.rate is not None:
        yield (
            f"{options.rate:g}/s arriving",
            open_loop(target, requests, options.rate, options.seconds),
        )
        return
    for clients in options.concurrency:
        yield f"{clients} at once", closed_loop(target, requests, clients, options.seconds)


async def print_heading(options: argparse.Namespace, target: Target, request_size: int) -> None:
    sent = "GET" if options.route in GET_ROUTES else f"POST {options.body}"
    print(
        f"{sent} {options.route}, {request_size / 1000:.0f} kB a request; {await describe_server(target)}"
    )
    print(f"{machine('numpy')}\n")
    print(
        "| load | answered | a second | p50 ms | p95 ms | p99 ms | errors |\n|---|---|---|---|---|---|---|"
    )


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load", description="Load for a running server."
    )
    parser.add_argument("--url", default=DEFAULT_URL)
    parser.add_argument(
        "--route", default="/analyze", help="a POST route, or one of " + ", ".join(GET_ROUTES)
    )
    parser.add_argument("--body", choices=["json", "npy", "msgpack"], default="json")
    parser.add_argument("--length", type=int, default=SECONDS, help="seconds of each recording")
    parser.add_argument("--records", type=int, default=1, help="recordings in each request")
    parser.add_argument(
        "--concurrency",
        type=lambda text: [int(part) for part in text.split(",")],
        default=[1, 8, 32],
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each run")
    parser.add_argument(
        "--rate", type=float, default=None, help="open loop with so many arrivals a second"
    )
    parser.add_argument(
        "--as-json", action="store_true", help="a line of JSON for each run instead of a table"
    )
    parser.add_argument(
        "--warm-up", type=float, default=0.5, help="seconds of load beforehand that don't count"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    asyncio.run(run(parse_arguments()))
