"""Many recordings through one server: many requests in flight, one row each, and nothing stops for one that fails."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ecgfm_client.client import AsyncEcgClient
from ecgfm_client.errors import NoAnswer, Refused, UnusableInput
from ecgfm_client.folders import Recording
from ecgfm_client.tables import Table

IN_FLIGHT = 32
Ask = Callable[[AsyncEcgClient, Recording], Awaitable[tuple[dict[str, Any], dict[str, Any]]]]
"""A recording's row, and what it was made with. The row gets its `record_id` here."""


@dataclass(frozen=True)
class Summary:
    rows: int
    new: int
    failed: int
    seconds: float


async def run(recordings: Sequence[Recording], ask: Ask, table: Table, client: AsyncEcgClient, in_flight: int = IN_FLIGHT) -> Summary:
    """All recordings that the table hasn't; raises NoAnswer where the server stays away, after saving what is done."""
    table.open()
    began_s = time.monotonic()
    waiting = [recording for recording in recordings if recording.name not in table.done]
    if len(waiting) < len(recordings):
        print(f"{len(recordings) - len(waiting)} of {len(recordings)} are there already", file=sys.stderr)
    with tqdm(total=len(waiting), unit="ECG", smoothing=0.05, disable=None) as progress:
        work = _Work(iter(waiting), ask, table, client, progress)
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(in_flight, len(waiting))):
                    tasks.create_task(work.through())
        except* (NoAnswer, UnusableInput) as group:
            raise _first(group) from None
        finally:
            table.flush()
            table.close()
    return Summary(len(table.done), work.new, work.failed, time.monotonic() - began_s)


@dataclass
class _Work:
    waiting: Iterator[Recording]
    ask: Ask
    table: Table
    client: AsyncEcgClient
    progress: Any
    new: int = 0
    failed: int = 0

    async def through(self) -> None:
        for recording in self.waiting:
            try:
                row, about = await self.ask(self.client, recording)
            except Refused as refusal:
                self._fail(recording, refusal.code, refusal.detail)
            except UnusableInput as error:
                self._fail(recording, "unusable_file", str(error))
            else:
                self.table.must_match(about)
                self.table.add({"record_id": recording.name, **row})
                self.new += 1
            self.progress.update()

    def _fail(self, recording: Recording, code: str, detail: str) -> None:
        self.failed += 1
        self.table.fail(recording.name, code, detail)
        self.progress.set_postfix_str(f"{self.failed} failed")


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def finish(table: Table, summary: Summary, out: Path) -> str:
    """Join the shards -> a sentence for the terminal."""
    rows = table.finish()
    rate = summary.new / summary.seconds if summary.seconds > 0 else 0.0
    failed = f"; {summary.failed} failed, see {table.failed.name}" if summary.failed else ""
    return f"{out}: {rows} recordings, {summary.new} of them new ({rate:.1f} a second){failed}"
