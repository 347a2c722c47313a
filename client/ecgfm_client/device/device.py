"""`StationDevice`: what a program that records ECGs needs to send them to a station."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

import httpx

from ecgfm_client.device.buffer import Buffer, Note
from ecgfm_client.device.frames import Record, check_name, checked
from ecgfm_client.device.sender import Sender
from ecgfm_client.errors import BufferFull, UnusableInput

DEFAULT_URL: Final = "http://127.0.0.1:8100"
DEFAULT_BUFFER_MB: Final = 256
# Outcomes of records that are stored, as docs/station.md lists them.
STORED: Final = frozenset({"stored", "late", "rate_changed", "doubled"})


@dataclass(frozen=True)
class DeviceStatus:
    """How far a device has got.

    waiting        records that the station has not acknowledged
    waiting_bytes  the bytes of their frames
    outcomes       outcome -> records, since the buffer was made
    fault          why the last post was not acknowledged; None where it was
    is_refused     the fault does not end by waiting: another key, address or limit is needed
    """

    waiting: int
    waiting_bytes: int
    outcomes: Mapping[str, int]
    fault: str | None
    is_refused: bool


class StationDevice:
    """Sends the records of one source to a station, and loses none that `send` has returned.

    Use it in a `with` block, or call `close()` when it is no longer needed. Threads may share it.

    url            default: ECGFM_STATION_URL, else http://127.0.0.1:8100
    source         the name under which the device is registered
    buffer         file on a disk; the same one at each start. Its numbers go on where they were
    api_key        the device's key; default: ECGFM_STATION_KEY
    max_buffer_mb  of records that wait, in MiB; beyond, `send` raises BufferFull
    Raises UnusableInput for a name or address that is not allowed, BadBuffer.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        source: str,
        buffer: str | Path,
        api_key: str | None = None,
        max_buffer_mb: float = DEFAULT_BUFFER_MB,
    ) -> None:
        check_name("source", source)
        address, key = station_address(url), station_key(api_key)
        self._buffer = Buffer(Path(buffer), source, round(max_buffer_mb * 1024 * 1024))
        self._progress = threading.Condition()
        self._sender = Sender(address, key, self._buffer, self._note_progress)
        self._sender.start()

    def __enter__(self) -> StationDevice:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop sending. What waits is sent when the buffer is opened again."""
        self._sender.stop()
        self._buffer.close()

    def send(self, *records: Record, wait_s: float = 0.0) -> range:
        """Store records in the buffer and return their numbers; they are sent in the background.

        wait_s  how long to wait for room in the buffer
        Raises UnusableInput where the station would not take one, BufferFull, BadBuffer. Then none
        of them is stored.
        """
        ready = [checked(record) for record in records]
        until_s = time.monotonic() + wait_s
        with self._progress:
            while True:
                try:
                    seqs = self._buffer.add(ready)
                except BufferFull:
                    left_s = until_s - time.monotonic()
                    if left_s <= 0 or not self._sender.is_running:
                        raise
                    self._progress.wait(left_s)
                else:
                    break
        self._sender.wake()
        return seqs

    def wait_until_sent(self, timeout_s: float) -> bool:
        """Wait until the station has acknowledged all records. Return whether it has."""
        with self._progress:
            self._progress.wait_for(
                lambda: not self._buffer.records or not self._sender.is_running, timeout_s
            )
        return not self._buffer.records

    def status(self) -> DeviceStatus:
        buffer, sender = self._buffer, self._sender
        return DeviceStatus(
            buffer.records, buffer.bytes, buffer.counts(), sender.fault, sender.is_refused
        )

    def outcome(self, seq: int) -> str | None:
        """Return what became of a record: "waiting", or an outcome of docs/station.md.

        None for a number that the buffer does not know, or has forgotten.
        """
        return self._buffer.outcome(seq)

    def dead_letters(self) -> list[Note]:
        """Return the records that the station did not store, with its reasons.

        The station has their frames as dead letters. Only the newest 10,000 notes are kept.
        """
        return [note for note in self._buffer.notes() if note.outcome not in STORED]

    def _note_progress(self) -> None:
        with self._progress:
            self._progress.notify_all()


def station_address(url: str | None) -> str:
    """Return the address of the station, by default the environment's. Raises UnusableInput."""
    address = url or os.environ.get("ECGFM_STATION_URL") or DEFAULT_URL
    try:
        parsed = httpx.URL(address)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise UnusableInput(f"url: {address!r}; http://HOST:PORT or https://HOST is needed")
    return address


def station_key(api_key: str | None) -> str | None:
    """Return the key for the station, by default the environment's. Raises UnusableInput."""
    key = api_key or os.environ.get("ECGFM_STATION_KEY")
    if key is not None and not key.isascii():
        raise UnusableInput("api_key: only ASCII is allowed")
    return key
