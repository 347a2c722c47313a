"""Clients that keep a server busy and check that each gets its own answer."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field

import httpx
import numpy as np
from numpy.typing import NDArray

from tests.server.harness import RunningServer

FS = 100.0


def recording(number: int, seconds: float = 20.0) -> NDArray[np.float32]:
    """Return a synthetic 12-lead recording, (12, samples) in mV, another for each number."""
    rng = np.random.default_rng(number)
    times = np.arange(int(seconds * FS)) / FS
    beats = np.exp(-0.5 * (((times * (1 + number % 7 / 10)) % 1.0 - 0.5) / 0.03) ** 2)
    return (np.outer(rng.normal(1, 0.5, 12), beats) + rng.normal(0, 0.05, (12, times.size))).astype(
        np.float32
    )


def npy(array: NDArray[np.float32]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@dataclass
class Load:
    """`clients` threads that send recordings of a pool until stopped.

    Every answer is compared with the answer of that recording sent alone.
    """

    server: RunningServer
    clients: int = 6
    pool: int = 12
    route: str = "/extract_features"
    answered: int = 0
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._bodies = [npy(recording(number)) for number in range(self.pool)]
        with self.server.client() as client:
            self._expected = [self._ask(client, number) for number in range(self.pool)]
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(number,)) for number in range(self.clients)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(90)

    def _ask(self, client: httpx.Client, number: int) -> tuple[str, NDArray[np.float64]]:
        answer = client.post(
            self.route,
            params={"fs": FS, "id": f"recording-{number}"},
            content=self._bodies[number],
            headers={"Content-Type": "application/x-npy"},
        )
        if answer.status_code != 200:
            raise AssertionError(f"{answer.status_code} {answer.text[:200]}")
        return answer.headers["x-request-id"], np.array(answer.json()["features"])

    def _run(self, client_number: int) -> None:
        rng = np.random.default_rng(client_number)
        with self.server.client() as client:
            while not self._stop.is_set():
                number = int(rng.integers(self.pool))
                try:
                    _, features = self._ask(client, number)
                    fault = (
                        ""
                        if np.allclose(features, self._expected[number][1], atol=1e-5)
                        else "another recording's answer"
                    )
                except (AssertionError, httpx.HTTPError) as error:
                    fault = f"{type(error).__name__}: {error}"
                with self._lock:
                    self.answered += 1
                    if fault:
                        self.faults.append(fault)
