"""Asks the inference server for labels of windows of twelve leads, beside the rules of alarm.

Only the newest window of a stream is asked for: what was missed while the server did not answer is
not made up for, so that it delays nothing. The server gets the signal without the patient's name.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import traceback
from collections.abc import Sequence
from typing import Final

import httpx
import orjson
from ecgfm_client import Analysis, AsyncEcgClient, NoAnswer, Refused
from sqlalchemy import Connection, Engine

from errors import BadBridge, RecordingTooLong
from station.store import lease
from station.store.engine import FAILURES, writing
from station.store.external.labels import (
    LEADS,
    WindowLabels,
    add_labels,
    note_server,
    windows_to_label,
)
from station.store.lease import LeaseLost
from station.store.tables import AnyRow
from station.store.waveforms import Waveform, waveforms
from station.times import SECOND_MS, now_ms

logger = logging.getLogger("ecg.station.labels")

POLL_S: Final = 1.0
# Requests at once: the server makes batches of what comes together.
AT_ONCE: Final = 8
# Of one window. The station asks again for a later window, not for this one.
ANSWER_LIMIT_S: Final = 20.0
# After this time without an answer nothing is asked, then one window at a time is tried.
AGAIN_S: Final = 5.0
_LEASE: Final = "labels"
# Renewed before and after the answers of a group, which take ANSWER_LIMIT_S at most.
_LEASE_MS: Final = 30_000
_HOLDER_BYTES: Final = 8
# The server refuses the window, not the station: another window may have labels.
_OF_WINDOW: Final = range(400, 500)
_NOT_OF_WINDOW: Final = (401, 403, 404, 408, 421, 429)


class _ServerFails(Exception):
    """The server gives no labels now. `reason` is its code, or no_answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Labeller:
    """Labels one window in `every_s` of each stream of twelve leads."""

    def __init__(self, engine: Engine, url: str, key: str | None, every_s: float) -> None:
        """Raises BadBridge."""
        self._engine, self._url, self._key = engine, _url(url), _key(key)
        self._every_ms = round(every_s * SECOND_MS)
        self._holder = secrets.token_hex(_HOLDER_BYTES)
        self._has_lease = False
        self._failed_ms: int | None = None
        # The last stream that was asked for: the others are before it, whatever became of it.
        self._last_stream = 0

    async def run(self, stopping: asyncio.Event) -> None:
        """Ask until it is to end."""
        async with AsyncEcgClient(
            self._url, api_key=self._key, timeout_s=ANSWER_LIMIT_S, retries_s=0
        ) as client:
            while not stopping.is_set():
                if await self._safe_turn(client):
                    continue
                pause_s = POLL_S if self._failed_ms is None else AGAIN_S
                try:
                    async with asyncio.timeout(pause_s):
                        await stopping.wait()
                except TimeoutError:
                    continue
        if self._has_lease:
            await asyncio.to_thread(self._give_back)

    async def _safe_turn(self, client: AsyncEcgClient) -> bool:
        """Return whether the next turn is due at once."""
        try:
            return await self.turn(client)
        except LeaseLost as error:
            self._has_lease = False
            logger.warning("%s", error)
        except FAILURES as error:
            logger.error("the database failed: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: a bug costs a turn
            frame = traceback.extract_tb(error.__traceback__)[-1]
            logger.error("labelling failed: %s in %s", type(error).__name__, frame.name)
        return False

    async def turn(self, client: AsyncEcgClient) -> bool:
        """Ask for some of the windows that are due, where no other process does.

        Return whether more may be due now. A failure of one window loses no answer of another.
        Raises LeaseLost: nothing is stored then.
        """
        limit = AT_ONCE if self._failed_ms is None else 1
        group = await asyncio.to_thread(self._due, limit)
        if not group:
            return False
        self._last_stream = group[-1].stream
        answers = await asyncio.gather(
            *(self._label(client, row) for row in group), return_exceptions=True
        )
        rows = [answer for answer in answers if isinstance(answer, WindowLabels)]
        failures = [answer.reason for answer in answers if isinstance(answer, _ServerFails)]
        if rows or failures:
            await asyncio.to_thread(self._store, rows, failures[0] if failures else None)
        for answer in answers:
            if not isinstance(answer, WindowLabels | _ServerFails):
                raise answer
        return not failures and len(group) == limit

    def _renew(self, connection: Connection) -> None:
        """Raises LeaseLost: what the transaction has written must not stay."""
        lease.renew(connection, _LEASE, self._holder, until_ms=now_ms() + _LEASE_MS)

    def _give_back(self) -> None:
        try:
            with writing(self._engine) as connection:
                lease.give_back(connection, _LEASE, self._holder)
        except (LeaseLost, *FAILURES) as error:
            logger.warning("the lease is not given back: %s", type(error).__name__)

    def _due(self, limit: int) -> Sequence[AnyRow]:
        at_ms = now_ms()
        with writing(self._engine) as connection:
            if self._has_lease:
                self._renew(connection)
            elif lease.take(
                connection, _LEASE, self._holder, now_ms=at_ms, until_ms=at_ms + _LEASE_MS
            ):
                self._has_lease = True
                note_server(connection, None, None)
        if not self._has_lease:
            return []
        with self._engine.connect() as connection:
            return windows_to_label(
                connection, self._every_ms, after=self._last_stream, limit=limit
            )

    async def _label(self, client: AsyncEcgClient, row: AnyRow) -> WindowLabels:
        """Return what the server says of one window. Raises _ServerFails."""
        waveform = await asyncio.to_thread(self._signal, row)
        if waveform is None:
            return _unlabelled(row, "no_signal")
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                analysis = await client.analyze(
                    waveform.signal,
                    fs=waveform.fs_hz,
                    lead_names=",".join(waveform.leads),
                    include="labels",
                )
        except (NoAnswer, TimeoutError):
            raise _ServerFails("no_answer") from None
        except Refused as error:
            if error.status in _OF_WINDOW and error.status not in _NOT_OF_WINDOW:
                return _unlabelled(row, error.code)
            raise _ServerFails(error.code) from None
        return _labelled(row, analysis)

    def _signal(self, row: AnyRow) -> Waveform | None:
        """Return the signal of a window; None where it has no twelve leads of one rate."""

        def read(connection: Connection) -> list[Waveform]:
            return waveforms(connection, row.patient_id, from_ms=row.start_ms, to_ms=row.end_ms)

        try:
            with self._engine.connect() as connection:
                found = read(connection)
        except RecordingTooLong:
            return None
        own = [each for each in found if each.source == row.source and len(each.leads) >= LEADS]
        return own[0] if len(own) == 1 else None

    def _store(self, rows: Sequence[WindowLabels], reason: str | None) -> None:
        """Store labels, and why the server failed for the other windows; None where it did not."""
        failed_ms = None if reason is None else self._failed_ms or now_ms()
        if reason is not None and self._failed_ms is None:
            logger.warning("no labels: the server at %s: %s", self._url, reason)
        with writing(self._engine) as connection:
            self._renew(connection)
            add_labels(connection, rows)
            if failed_ms != self._failed_ms or reason is not None:
                note_server(connection, failed_ms, reason)
        self._failed_ms = failed_ms


def _url(text: str) -> str:
    """Return the server's URL. Raises BadBridge, whose message does not quote it."""
    wanted = "STATION_SERVER: http[s]://HOST:PORT without a password"
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        raise BadBridge(wanted) from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query:
        raise BadBridge(wanted)
    return text


def _key(text: str | None) -> str | None:
    if text is not None and not (text.isascii() and text.isprintable()):
        raise BadBridge("STATION_SERVER_KEY: allowed are printable characters of ASCII")
    return text


def _unlabelled(row: AnyRow, reason: str) -> WindowLabels:
    return WindowLabels(row.stream, row.start_ms, row.end_ms, None, None, None, reason, now_ms())


def _labelled(row: AnyRow, analysis: Analysis) -> WindowLabels:
    encoder = analysis.encoder
    if encoder is None or analysis.labels is None:
        return _unlabelled(row, "no_labels")
    labels = {
        label.name: {
            "probability": label.probability,
            "threshold": label.threshold,
            "positive": label.positive,
        }
        for label in analysis.labels
    }
    return WindowLabels(
        row.stream,
        row.start_ms,
        row.end_ms,
        encoder.name,
        encoder.sha256,
        orjson.dumps(labels).decode(),
        None,
        now_ms(),
    )
