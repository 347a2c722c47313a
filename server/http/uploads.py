"""The bodies that one HTTP process receives or has in memory: how many, how large, how fast.

Bodies are counted as they arrive and not as announced, or an announcement alone would take all of
the memory. What is announced and cannot fit is refused before it is sent.

Where there is no room, the client that has most of it makes room for one that has less: its
slowest upload ends. So no client can take all of it, and a client alone may use all of it.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from errors import EcgError, Overloaded, UploadTooSlow
from server.http.limits import HttpLimits

LOOK_EVERY_S: Final = 0.5
# Before, the rate of an upload says nothing about its client.
MIN_AGE_S: Final = 2.0

# From the uploads of a client, and the number of those that it would like to begin.
Weight = Callable[[dict["Upload", None], int], int]


class Upload:
    """One body: while it is received, and then until its request is answered.

    received_bytes  of the body; counted until the upload is closed
    is_open         it is still being received
    """

    def __init__(self, uploads: Uploads, client: str, limit_bytes: int, now_s: float) -> None:
        self.client = client
        self.received_bytes = 0
        self.is_open = True
        self._uploads = uploads
        self._limit_bytes = limit_bytes
        self._began_s = now_s
        self._watched_since_s = now_s
        self._watched_from_bytes = 0
        self._fault: EcgError | None = None
        self._stop: Callable[[], None] | None = None

    def on_fault(self, stop: Callable[[], None]) -> None:
        """Set what ends the reading of the body; it is called from the event loop."""
        self._stop = stop

    def add(self, size: int) -> None:
        """Count received bytes. Raises Overloaded where they find no room."""
        self.received_bytes += size
        self._uploads.make_room_for_bytes(self, size)

    def close(self) -> None:
        """Forget everything that could refer to the body."""
        self.received_bytes = 0
        # Its traceback has the frames that read the body.
        self._fault = None
        self._stop = None

    def raise_fault(self) -> None:
        """Raises the error that ended this upload, if one did."""
        if self._fault is not None:
            raise self._fault

    def rate(self, now_s: float) -> float:
        """Return the bytes per second of late."""
        watched_s = max(now_s - self._watched_since_s, 1e-3)
        return (self.received_bytes - self._watched_from_bytes) / watched_s

    def can_give_way(self, now_s: float) -> bool:
        return self._fault is None and now_s - self._began_s >= MIN_AGE_S

    def fail(self, error: EcgError) -> None:
        if self._fault is None:
            self._fault = error
            self._uploads.received(self)
            if self._stop is not None:
                self._stop()

    def check_rate(self, limits: HttpLimits, now_s: float) -> None:
        """End the upload if it was slower than ECG_MIN_RATE over ECG_STALL_TIMEOUT."""
        watched_s = now_s - self._watched_since_s
        if watched_s < limits.stall_timeout_s:
            return
        if self.rate(now_s) < limits.min_bytes_per_s:
            new_bytes = self.received_bytes - self._watched_from_bytes
            self.fail(
                UploadTooSlow(
                    f"body incomplete: {new_bytes} bytes received in {watched_s:.1f} s, "
                    f"{self.received_bytes} in all; the minimum is {limits.min_bytes_per_s:g} "
                    "bytes per second (ECG_MIN_RATE, ECG_STALL_TIMEOUT)"
                )
            )
        self._watched_since_s = now_s
        self._watched_from_bytes = self.received_bytes


class Uploads:
    """All uploads of this process. Its methods run on the event loop.

    retry_after_s  returns when a refused client is to come again
    """

    def __init__(
        self,
        limits: HttpLimits,
        retry_after_s: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._retry_after_s = retry_after_s
        self._clock = clock
        self._open: defaultdict[str, dict[Upload, None]] = defaultdict(dict)
        self._timer: asyncio.TimerHandle | None = None
        self.open_count = 0
        self.held_bytes = 0

    def open(self, client: str, announced_bytes: int | None) -> Upload:
        """Begin to receive a body. Raises Overloaded where there is no room for it."""
        now_s = self._clock()
        limits = self._limits
        if self.open_count >= limits.uploads:
            slowest = self._slowest_of_largest(client, now_s, _count)
            if slowest is None:
                raise self._refusal(
                    f"{self.open_count} bodies are being received, the limit (ECG_MAX_UPLOADS)"
                )
            self._end(slowest)
        free_bytes = limits.bodies_bytes - self.held_bytes
        is_too_large = announced_bytes is not None and announced_bytes > free_bytes
        # Where another client could make room, it has to when the bytes arrive.
        if is_too_large and self._slowest_of_largest(client, now_s, _bytes) is None:
            raise self._no_memory()
        upload = Upload(self, client, limits.body_bytes, now_s)
        self._open[client][upload] = None
        self.open_count += 1
        if self._timer is None:
            self._look_later()
        return upload

    def received(self, upload: Upload) -> None:
        """Note that a body is complete, or given up. Its bytes stay counted."""
        if not upload.is_open:
            return
        upload.is_open = False
        self.open_count -= 1
        uploads = self._open[upload.client]
        del uploads[upload]
        if not uploads:
            del self._open[upload.client]

    def close(self, upload: Upload) -> None:
        """Note that the body is no longer in memory."""
        self.received(upload)
        self.held_bytes -= upload.received_bytes
        upload.close()

    def make_room_for_bytes(self, upload: Upload, size: int) -> None:
        """Count bytes that have arrived. Raises Overloaded."""
        self.held_bytes += size
        excess_bytes = self.held_bytes - self._limits.bodies_bytes
        while excess_bytes > 0:
            slowest = self._slowest_of_largest(upload.client, self._clock(), _bytes)
            if slowest is None:
                raise self._no_memory()
            excess_bytes -= slowest.received_bytes
            self._end(slowest)

    def _slowest_of_largest(self, client: str, now_s: float, weight: Weight) -> Upload | None:
        """Return the upload that is to end for another one of `client`; None to refuse that one."""
        largest = max(self._open, key=lambda other: weight(self._open[other], 0), default=client)
        own = weight(self._open.get(client, {}), 1)
        if largest == client or own >= weight(self._open[largest], 0):
            return None
        old_enough = [upload for upload in self._open[largest] if upload.can_give_way(now_s)]
        return min(old_enough, key=lambda upload: upload.rate(now_s), default=None)

    def _end(self, upload: Upload) -> None:
        upload.fail(
            self._refusal(
                "no room for more bodies (ECG_MAX_UPLOADS, ECG_MAX_BODIES_MB): this one was the "
                "slowest of the client that sends most"
            )
        )

    def _no_memory(self) -> Overloaded:
        return self._refusal(
            f"{self.held_bytes} bytes of bodies are in memory; the limit is "
            f"{self._limits.bodies_bytes} (ECG_MAX_BODIES_MB)"
        )

    def end_slow(self) -> None:
        """End the uploads that are slower than the minimum rate."""
        now_s = self._clock()
        for uploads in list(self._open.values()):
            for upload in list(uploads):
                upload.check_rate(self._limits, now_s)

    def _refusal(self, detail: str) -> Overloaded:
        return Overloaded(detail, retry_after_s=self._retry_after_s())

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._open:
            # First, so that an error below does not end the looking at all uploads.
            self._look_later()
        self.end_slow()


def _count(uploads: dict[Upload, None], more: int) -> int:
    return len(uploads) + more


def _bytes(uploads: dict[Upload, None], more: int) -> int:
    return sum(upload.received_bytes for upload in uploads)
