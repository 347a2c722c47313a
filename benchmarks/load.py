"""Puts a running server under load and says how fast it answers.

    python -m benchmarks.load --route /analyze --body npy --concurrency 1,8,32 --seconds 5
    python -m benchmarks.load --route /analyze --rate 50        # open loop: 50 arrivals a second, whatever the answers do

Closed loop: each of n clients sends its next request when the last is answered. Open loop: latency counts from the
moment a request was due, so a server that falls behind is not flattered. Talks to the address given and to nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from urllib.parse import urlencode

import msgpack
import numpy as np

from benchmarks.http_client import Connection, Target, request_bytes
from benchmarks.recordings import LEAD_NAMES, SAMPLING_RATE_HZ, recording

RECORDINGS = 8  # different ones, sent in turn
DEFAULT_URL = "http://127.0.0.1:8000"
GET_ROUTES = ("/health", "/livez", "/readyz", "/models", "/metrics")


@dataclass
class Outcome:
    """What one run saw: seconds from due (or sent) to answered, and each answer's status or the fault's name."""

    answered: Counter[str] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    elapsed_s: float = 0.0

    def row(self, load: str) -> str:
        good = self.answered["200"]
        errors = ", ".join(f"{name}: {count}" for name, count in sorted(self.answered.items()) if name != "200") or "none"
        ms = [f"{1000 * np.percentile(self.latencies_s, q):.1f}" for q in (50, 95, 99)] if self.latencies_s else ["-"] * 3
        return f"| {load} | {good} | {good / self.elapsed_s:.1f} | {' | '.join(ms)} | {errors} |"


def bodies(form: str) -> tuple[str, str, list[bytes]]:
    """Content type, query string and one body per recording."""
    signals = [recording(seed) for seed in range(RECORDINGS)]
    about = {"fs": SAMPLING_RATE_HZ, "lead_names": list(LEAD_NAMES)}
    if form == "npy":
        query = urlencode({"fs": SAMPLING_RATE_HZ, "lead_names": ",".join(LEAD_NAMES)})
        return "application/x-npy", f"?{query}", [_npy(signal) for signal in signals]
    if form == "msgpack":
        arrays = [{"dtype": "<f4", "shape": list(signal.shape), "data": signal.astype("<f4").tobytes()} for signal in signals]
        return "application/msgpack", "", [msgpack.packb({"signal": array} | about) for array in arrays]
    rounded = [np.round(signal.astype(float), 4).tolist() for signal in signals]
    return "application/json", "", [json.dumps({"signal": rows} | about).encode() for rows in rounded]


def _npy(signal: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, signal)
    return buffer.getvalue()


def requests_for(target: Target, route: str, form: str) -> list[bytes]:
    if route in GET_ROUTES:
        return [request_bytes(target, "GET", route)]
    content_type, query, recordings = bodies(form)
    return [request_bytes(target, "POST", route + query, body, content_type) for body in recordings]


async def ask(connection: Connection, request: bytes, outcome: Outcome, due_s: float) -> None:
    try:
        status, _ = await connection.send(request)
    except (OSError, asyncio.IncompleteReadError, ValueError) as fault:
        outcome.answered[type(fault).__name__] += 1
        await asyncio.sleep(0.01)  # a server that is gone should not be hammered
        return
    outcome.answered[str(status)] += 1
    if status == 200:
        outcome.latencies_s.append(time.perf_counter() - due_s)


async def closed_loop(target: Target, requests: Sequence[bytes], clients: int, seconds: float) -> Outcome:
    outcome = Outcome()
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


async def open_loop(target: Target, requests: Sequence[bytes], rate_hz: float, seconds: float) -> Outcome:
    outcome = Outcome()
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
        _, body = await connection.send(request_bytes(target, "GET", "/health"))
        health = json.loads(body)
    except (OSError, asyncio.IncompleteReadError, ValueError):
        return "no /health"
    finally:
        connection.close()
    model = health.get("model") or {}
    encoders = [f"{each.get('name')} {each.get('dtype')} on {each.get('device')}" for each in model.get("encoders") or []]
    return f"server {health.get('version')}, {', '.join(encoders) or 'no encoder'}"


async def run(options: argparse.Namespace) -> None:
    target = Target.from_url(options.url)
    requests = requests_for(target, options.route, options.body)
    sent = "GET" if options.route in GET_ROUTES else f"POST {options.body}"
    print(f"{sent} {options.route}, {len(requests[0]) / 1000:.0f} kB a request; {await describe_server(target)}")
    versions = f"Python {platform.python_version()}, numpy {np.__version__}"
    print(f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, {versions}\n")
    print("| load | answered | a second | p50 ms | p95 ms | p99 ms | errors |\n|---|---|---|---|---|---|---|")
    await closed_loop(target, requests, 1, options.warm_up)
    if options.rate is not None:
        outcome = await open_loop(target, requests, options.rate, options.seconds)
        print(outcome.row(f"{options.rate:g}/s arriving"))
        return
    for clients in options.concurrency:
        outcome = await closed_loop(target, requests, clients, options.seconds)
        print(outcome.row(f"{clients} at once"), flush=True)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description="Load for a running server.")
    parser.add_argument("--url", default=DEFAULT_URL)
    parser.add_argument("--route", default="/analyze", help="a POST route, or one of " + ", ".join(GET_ROUTES))
    parser.add_argument("--body", choices=["json", "npy", "msgpack"], default="json")
    parser.add_argument("--concurrency", type=lambda text: [int(part) for part in text.split(",")], default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each run")
    parser.add_argument("--rate", type=float, default=None, help="open loop with so many arrivals a second")
    parser.add_argument("--warm-up", type=float, default=0.5, help="seconds of load beforehand that don't count")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    asyncio.run(run(parse_arguments()))
