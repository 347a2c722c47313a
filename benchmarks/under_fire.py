"""What a client gets while others attack or overload the server.

    python -m benchmarks.under_fire [--seconds 20]

Starts a server with an encoder that computes almost nothing (benchmarks.null_encoder), pins it to
the first core and this program, which sends all requests, to the second. It prints a table of

- a client alone, and the same beside 2,000 idle connections, beside 2,000 that have sent part of a
  head, and beside 200 that have sent part of a body; all have one address, so that the server
  closes all but 1,024 (ECG_MAX_CONNECTIONS_PER_CLIENT);
- 64 clients at once, as many as may be in flight: the capacity;
- ten times that in new clients a second, each with one request;
- 200 clients that come again when Retry-After says so, on a new server, and the share of each.

docs/reliability.md has the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import numpy as np

from benchmarks.http_client import Connection, Target, request_bytes
from benchmarks.machine import machine
from benchmarks.null_encoder import write_null_bundle
from benchmarks.recordings import LEAD_NAMES, SAMPLING_RATE_HZ, recording
from benchmarks.running import RunningServer

ATTACKERS: Final = 2000
IN_FLIGHT: Final = 64  # the default of ECG_MAX_IN_FLIGHT
UPLOADS: Final = 200  # of the 256 that ECG_MAX_UPLOADS allows
OVERLOAD: Final = 10.0  # times the capacity
OBEDIENT: Final = 200
FAIR_SHARE: Final = 15  # answers of each obedient client, if all had the same
ATTACK_S: Final = 8.0  # less than ECG_HEAD_TIMEOUT, which ends an attack
MAX_OPEN: Final = 1500  # of this program's connections
RECORDING_SECONDS: Final = 5
PARTIAL_HEAD: Final = b"POST /analyze HTTP/1.1\r\nHost: x\r\n"
PARTIAL_BODY: Final = (
    PARTIAL_HEAD + b"Content-Type: application/x-npy\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100
)


@dataclass
class Outcome:
    """Seconds to the answers of one run, by status; 0 stands for no answer."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    elapsed_s: float = 0.0

    def add(self, status: int, seconds: float) -> None:
        self.seconds.setdefault(status, []).append(seconds)

    def of(self, status: int) -> list[float]:
        return self.seconds.get(status, [])


def _percentile_ms(seconds: Sequence[float], percentile: float) -> str:
    return f"{1000 * np.percentile(seconds, percentile):.1f}" if seconds else "-"


def _row(name: str, outcome: Outcome) -> str:
    answered, refused = outcome.of(200), outcome.of(429)
    other = sum(len(found) for status, found in outcome.seconds.items() if status not in (200, 429))
    columns = [
        f"{len(answered) / outcome.elapsed_s:.0f}",
        _percentile_ms(answered, 50),
        _percentile_ms(answered, 99),
        f"{len(refused) / outcome.elapsed_s:.0f}",
        _percentile_ms(refused, 50),
        _percentile_ms(refused, 99),
        str(other),
    ]
    return f"| {name} | {' | '.join(columns)} |"


async def _ask(connection: Connection, request: bytes, outcome: Outcome) -> int | None:
    """Send a request. Return Retry-After in seconds, where the server refused."""
    began_s = time.perf_counter()
    try:
        answer = await connection.send(request)
    except (OSError, asyncio.IncompleteReadError):
        outcome.add(0, time.perf_counter() - began_s)
        return None
    outcome.add(answer.status, time.perf_counter() - began_s)
    return int(answer.headers["retry-after"]) if answer.status == 429 else None


async def _at_once(target: Target, request: bytes, clients: int, seconds: float) -> Outcome:
    """Closed loop: each client sends its next request when the last one is answered."""
    outcome = Outcome()
    began_s = time.perf_counter()

    async def client() -> None:
        connection = Connection(target)
        while time.perf_counter() < began_s + seconds:
            await _ask(connection, request, outcome)
        connection.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    outcome.elapsed_s = time.perf_counter() - began_s
    return outcome


async def _arriving(target: Target, request: bytes, per_second: float, seconds: float) -> Outcome:
    """Open loop: each request has a new connection, as of a new client, and is sent once."""
    outcome = Outcome()
    began_s = time.perf_counter()
    open_now: set[asyncio.Task[None]] = set()

    async def client() -> None:
        connection = Connection(target)
        await _ask(connection, request, outcome)
        connection.close()

    for number in range(round(per_second * seconds)):
        await asyncio.sleep(max(0.0, began_s + number / per_second - time.perf_counter()))
        if len(open_now) < MAX_OPEN:
            task = asyncio.create_task(client())
            open_now.add(task)
            task.add_done_callback(open_now.discard)
    outcome.elapsed_s = time.perf_counter() - began_s
    await asyncio.gather(*open_now)
    return outcome


async def _obedient(target: Target, request: bytes, seconds: float) -> tuple[Outcome, list[int]]:
    """Return what OBEDIENT clients got that do as Retry-After says, and the answers of each."""
    outcome = Outcome()
    served = [0] * OBEDIENT
    began_s = time.perf_counter()

    async def client(number: int) -> None:
        connection = Connection(target)
        while time.perf_counter() < began_s + seconds:
            delay_s = await _ask(connection, request, outcome)
            if delay_s is None:
                served[number] += 1
            else:
                await asyncio.sleep(delay_s)
        connection.close()

    await asyncio.gather(*(client(number) for number in range(OBEDIENT)))
    outcome.elapsed_s = time.perf_counter() - began_s
    return outcome, served


@asynccontextmanager
async def _attackers(target: Target, count: int, sent: bytes) -> AsyncIterator[None]:
    """Hold connections on which something was sent, and nothing follows."""
    held = []
    for _ in range(count):
        _, writer = await asyncio.open_connection(target.host, target.port)
        writer.write(sent)
        held.append(writer)
    await asyncio.sleep(0.5)
    try:
        yield
    finally:
        for writer in held:
            writer.close()


def _request(target: Target) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, recording(0, RECORDING_SECONDS))
    query = urlencode({"fs": SAMPLING_RATE_HZ, "lead_names": ",".join(LEAD_NAMES)})
    return request_bytes(
        target, "POST", f"/analyze?{query}", buffer.getvalue(), "application/x-npy"
    )


async def _attacks_and_overload(target: Target, seconds: float) -> float:
    """Print the rows but the last; return the answers a second under overload."""
    request = _request(target)
    await _at_once(target, request, 4, 2.0)  # to warm up
    print("| load | answered/s | p50 ms | p99 ms | refused/s | p50 ms | p99 ms | other |")
    print("|---|---|---|---|---|---|---|---|")
    print(_row("one client alone", await _at_once(target, request, 1, ATTACK_S)), flush=True)
    whole = request_bytes(target, "GET", "/livez")
    for name, count, sent in (
        (f"beside {ATTACKERS} idle connections", ATTACKERS, whole),
        (f"beside {ATTACKERS} incomplete heads", ATTACKERS, PARTIAL_HEAD),
        (f"beside {UPLOADS} incomplete bodies", UPLOADS, PARTIAL_BODY),
    ):
        async with _attackers(target, count, sent):
            print(_row(name, await _at_once(target, request, 1, ATTACK_S)), flush=True)
    capacity = await _at_once(target, request, IN_FLIGHT, seconds)
    print(_row(f"{IN_FLIGHT} clients at once: the capacity", capacity), flush=True)
    per_second = OVERLOAD * len(capacity.of(200)) / capacity.elapsed_s
    overload = await _arriving(target, request, per_second, seconds)
    print(_row(f"{OVERLOAD:g} x the capacity", overload), flush=True)
    return len(overload.of(200)) / overload.elapsed_s


async def _fairness(target: Target, answers_per_s: float) -> None:
    """Print the last row, and the shares of the clients."""
    request = _request(target)
    await _at_once(target, request, 4, 2.0)  # to warm up
    obedient, served = await _obedient(target, request, FAIR_SHARE * OBEDIENT / answers_per_s)
    print(_row(f"{OBEDIENT} obedient clients", obedient), flush=True)
    fair = sum(served) / OBEDIENT
    print(
        f"\nOf {OBEDIENT} obedient clients each was answered {min(served)} to {max(served)} times; "
        f"the fair share is {fair:.1f}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.under_fire")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run under load")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * ATTACKERS), hard))
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="ecg-under-fire-") as folder:
        write_null_bundle(Path(folder) / "null")
        print(machine("numpy") + "\n")
        with _pinned_server(folder, cores) as target:
            answers_per_s = asyncio.run(_attacks_and_overload(target, options.seconds))
        # Another one: in the overload the first has promised its next minute to clients that do
        # not come again.
        with _pinned_server(folder, cores) as target:
            asyncio.run(_fairness(target, answers_per_s))


@contextmanager
def _pinned_server(folder: str, cores: Sequence[int]) -> Iterator[Target]:
    """Run a server on the first core, and this process on the second."""
    # The server inherits it.
    os.sched_setaffinity(0, cores[:1])
    with RunningServer({"ECG_MODEL": f"{folder}/null"}) as server:
        os.sched_setaffinity(0, cores[1:2] or cores)
        yield Target.from_url(server.url)


if __name__ == "__main__":
    main()
