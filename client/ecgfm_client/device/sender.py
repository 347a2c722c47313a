"""Posts what waits in a buffer, in its order, one post at a time, from a thread of its own.

A record is forgotten when the station has said what became of it, and only then. Everything else
is a reason to send it again: no answer, a timeout, an error, an answer that is not a station's.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from ecgfm_client.device.buffer import Buffer, Note, Waiting
from ecgfm_client.device.frames import is_whole
from ecgfm_client.errors import BadBuffer
from ecgfm_client.retries import backoff_s, retry_after_s

logger = logging.getLogger("ecgfm_client.device")

PATH: Final = "/station/v1/records"
FRAMES: Final = "application/vnd.ecg-station.records"
# Of a post. The station's defaults are 5000 records and 4 MiB; a frame has at most 1 MiB.
MOST_RECORDS: Final = 500
MOST_BYTES: Final = 1024 * 1024
CONNECT_TIMEOUT_S: Final = 10.0
POST_TIMEOUT_S: Final = 60.0  # from the first byte sent to the last byte received
LONGEST_WAIT_S: Final = 60.0
LONGEST_RETRY_AFTER_S: Final = 600.0  # whatever a proxy asks for
TOO_LARGE: Final = 413
# Of the errors of clients, those that end by waiting: a slow upload, a full or a limited station.
_TRANSIENT: Final = (408, 425, 429)


@dataclass(frozen=True)
class _Answer:
    """What the station said of a post.

    acknowledged  records that it has decided on, in the order of the post
    counts        of each outcome
    notes         of those that were not simply stored
    """

    acknowledged: Sequence[Waiting]
    counts: Counter[str]
    notes: Sequence[Note]


class Sender:
    """The thread. `on_progress` is called in it when records were acknowledged, or when it ends."""

    def __init__(
        self, url: str, key: str | None, buffer: Buffer, on_progress: Callable[[], None]
    ) -> None:
        self._url, self._key, self._buffer, self._on_progress = url, key, buffer, on_progress
        self._most_records, self._most_bytes = MOST_RECORDS, MOST_BYTES
        self._loop = asyncio.new_event_loop()
        self._has_records = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._fault: str | None = None
        self.is_refused = False
        self._thread = threading.Thread(target=self._run, name="station-sender", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    @property
    def fault(self) -> str | None:
        """Why the last post was not acknowledged; None where it was."""
        return self._fault if self.is_running else "the thread that sends has ended"

    def wake(self) -> None:
        """Say that there are records."""
        self._call(self._has_records.set)

    def stop(self) -> None:
        """End the thread. A post in flight is given up: its records are sent again later."""
        self._call(self._stop)
        self._thread.join()

    def _call(self, function: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(function)
            except RuntimeError:  # it was closed in this moment
                return

    def _stop(self) -> None:
        self._is_stopping = True
        if self._task is not None:
            self._task.cancel()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._send_until_stopped())
        finally:
            self._on_progress()

    async def _send_until_stopped(self) -> None:
        self._task = asyncio.current_task()
        try:
            async with self._client() as http:
                while not self._is_stopping:
                    await self._send_what_waits(http)
                    await self._has_records.wait()
        except asyncio.CancelledError:
            if not self._is_stopping:
                raise

    def _client(self) -> httpx.AsyncClient:
        headers = {"Content-Type": FRAMES, **({"X-API-Key": self._key} if self._key else {})}
        timeout = httpx.Timeout(POST_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        return httpx.AsyncClient(base_url=self._url, headers=headers, timeout=timeout)

    async def _send_what_waits(self, http: httpx.AsyncClient) -> None:
        """Send until nothing waits."""
        tries = 0
        while True:
            self._has_records.clear()
            wait_s = 0.0
            try:
                batch = self._buffer.batch(self._most_records, self._most_bytes)
                if not batch:
                    return
                self._fault, wait_s = await self._post(http, batch)
            except BadBuffer as error:
                self._fault = str(error)
            if self._fault is None:
                tries = 0
                continue
            tries += 1
            if tries == 1:
                logger.warning("%s: %s", self._url, self._fault)
            await asyncio.sleep(wait_s + backoff_s(tries, LONGEST_WAIT_S))

    async def _post(
        self, http: httpx.AsyncClient, batch: Sequence[Waiting]
    ) -> tuple[str | None, float]:
        """Send a batch. Return why not all of it is acknowledged, and how long to wait at least."""
        content = b"".join(waiting.frame for waiting in batch)
        try:
            async with asyncio.timeout(POST_TIMEOUT_S):
                response = await http.post(PATH, content=content)
        except (httpx.RequestError, TimeoutError) as error:
            self.is_refused = False
            return f"no answer ({str(error) or type(error).__name__})", 0.0
        if response.status_code == TOO_LARGE and len(batch) > 1:
            self._most_records = max(1, len(batch) // 2)
            self._most_bytes = max(1, len(content) // 2)
            return None, 0.0
        self.is_refused = response.is_client_error and response.status_code not in _TRANSIENT
        if response.status_code != httpx.codes.OK:
            return _refusal(response), least_wait_s(response)
        answer = _read_answer(response, batch)
        if answer is None:
            return "the answer is not a station's", 0.0
        self._buffer.forget(answer.acknowledged, answer.counts, answer.notes)
        self._on_progress()
        if len(answer.acknowledged) < len(batch):
            return "frames arrived damaged", 0.0
        return None, 0.0


def least_wait_s(response: httpx.Response) -> float:
    """Return how long a refused device waits at least: what the answer asks for, within limits."""
    return min(retry_after_s(response), LONGEST_RETRY_AFTER_S)


def _refusal(response: httpx.Response) -> str:
    """Return the status with the station's code and detail, where it is the station's answer."""
    problem = _json_object(response) or {}
    texts = [str(problem[name]) for name in ("code", "detail") if name in problem]
    return " ".join([f"HTTP {response.status_code}", *texts])


def _read_answer(response: httpx.Response, batch: Sequence[Waiting]) -> _Answer | None:
    """Return what the station said of a batch; None where it is not a station's answer.

    A frame that arrived damaged, though it is whole in the buffer, is not acknowledged: it, and
    what the station could not read after it, is sent again.
    """
    body = _json_object(response) or {}
    count, notes = body.get("records"), body.get("notes")
    if not isinstance(count, int) or not isinstance(notes, list) or count > len(batch):
        return None
    outcomes = dict.fromkeys(range(count), "stored")
    details: dict[int, str] = {}
    for note in notes:
        index = note.get("index") if isinstance(note, dict) else None
        if not isinstance(index, int) or not isinstance(note.get("outcome"), str):
            return None
        if index not in outcomes:
            return None
        outcomes[index], details[index] = note["outcome"], str(note.get("detail", ""))
    decided = {
        index: outcome
        for index, outcome in outcomes.items()
        if outcome != "corrupt" or not is_whole(batch[index].frame)
    }
    return _Answer(
        [batch[index] for index in decided],
        Counter(decided.values()),
        [
            Note(batch[index].seq, outcome, details[index])
            for index, outcome in decided.items()
            if outcome != "stored"
        ],
    )


def _json_object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
