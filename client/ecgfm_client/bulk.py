"""Many recordings through one server: many requests in flight, one row for each answer.

A recording that fails does not stop the others.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ecgfm_client.client import AsyncEcgClient
from ecgfm_client.errors import NoAnswer, Refused, UnusableInput
from ecgfm_client.folders import Recording
from ecgfm_client.tables import Table

# Below ECG_MAX_IN_FLIGHT's default of 64, so that other clients are served too.
IN_FLIGHT = 48
# The number in flight follows the time that answers take: enough for the device to have the next
# batch ready, few enough that none waits longer than the server's limit of 30 s. A full-size
# encoder takes half a second for a recording on two cores, a millisecond on a GPU.
FIRST_IN_FLIGHT = 8
FEWEST_IN_FLIGHT = 2
QUICK_S = 2.5
SLOW_S = 10.0
# Errors that every recording of the run would get: in its options, the key or the server's models.
REFUSED_FOR_ALL = frozenset({"layer_out_of_range", "no_model", "unauthorized", "forbidden"})
# Of `bad_option`, those in these options of a run. The same error is given for a value in a file,
# such as an unknown unit.
OPTIONS_OF_A_RUN = frozenset({"model", "pooling", "layer", "judge_unreadable"})
# Recordings with a row that are asked for until one is answered, to compare what it is made with.
MAX_COMPARED = 10
Ask = Callable[[AsyncEcgClient, Recording], Awaitable[tuple[dict[str, Any], dict[str, Any]]]]
"""Returns a recording's row, without its `record_id`, and what the row was made with."""


@dataclass(frozen=True)
class Summary:
    rows: int
    new: int
    failed: int
    seconds: float


async def run(
    recordings: Sequence[Recording],
    ask: Ask,
    table: Table,
    client: AsyncEcgClient,
    in_flight: int = IN_FLIGHT,
) -> Summary:
    """Ask for all recordings that the table does not have.

    Raises NoAnswer if the server does not answer, Refused if it refuses the options, and
    UnusableInput if the table's rows were made with others or with another model; the rows made
    until then are saved.
    """
    table.open()
    try:
        await _check_what_rows_are_made_with(recordings, ask, table, client)
    except BaseException:
        table.close()
        raise
    began_s = time.monotonic()
    waiting = [recording for recording in recordings if recording.name not in table.done]
    if len(waiting) < len(recordings):
        print(
            f"{len(recordings) - len(waiting)} of {len(recordings)} recordings have a row already",
            file=sys.stderr,
        )
    with tqdm(total=len(waiting), unit="ECG", smoothing=0.05, disable=None) as progress:
        work = _Work(iter(waiting), ask, table, client, progress, in_flight)
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(in_flight, FIRST_IN_FLIGHT)):
                    work.add_to(tasks)
        except* (NoAnswer, Refused, UnusableInput) as group:
            raise _first(group) from None
        finally:
            table.flush()
            table.close()
    return Summary(len(table.done), work.new, work.failed, time.monotonic() - began_s)


async def _check_what_rows_are_made_with(
    recordings: Sequence[Recording], ask: Ask, table: Table, client: AsyncEcgClient
) -> None:
    """Ask for a recording that has a row already.

    Without this, options that differ from the table's would go unnoticed where no row is missing.
    """
    with_row = (recording for recording in recordings if recording.name in table.done)
    for recording in islice(with_row, MAX_COMPARED):
        try:
            _, about = await ask(client, recording)
        except Refused as refusal:
            if _is_for_all(refusal):
                raise
        except UnusableInput:
            continue
        else:
            table.must_match(about)
            return


def _is_for_all(refusal: Refused) -> bool:
    """Return whether the server would refuse every recording of the run for the same reason."""
    if refusal.code != "bad_option":
        return refusal.code in REFUSED_FOR_ALL
    return any(not OPTIONS_OF_A_RUN.isdisjoint(fault["loc"]) for fault in refusal.errors)


@dataclass
class _Work:
    waiting: Iterator[Recording]
    ask: Ask
    table: Table
    client: AsyncEcgClient
    progress: Any
    most: int
    in_flight: int = 0
    new: int = 0
    failed: int = 0

    def add_to(self, tasks: asyncio.TaskGroup) -> None:
        self.in_flight += 1
        tasks.create_task(self.through(tasks))

    async def through(self, tasks: asyncio.TaskGroup) -> None:
        """Ask for one recording after the other.

        Starts another such task if an answer is quick, ends this one if it is slow.
        """
        for recording in self.waiting:
            began_s = time.monotonic()
            await self.one(recording)
            took_s = time.monotonic() - began_s
            if took_s < QUICK_S and self.in_flight < self.most:
                self.add_to(tasks)
            elif took_s > SLOW_S and self.in_flight > FEWEST_IN_FLIGHT:
                break
        self.in_flight -= 1

    async def one(self, recording: Recording) -> None:
        try:
            row, about = await self.ask(self.client, recording)
        except Refused as refusal:
            if _is_for_all(refusal):
                raise
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
    """Join the shards; return a sentence for the terminal."""
    rows = table.finish()
    rate = summary.new / summary.seconds if summary.seconds > 0 else 0.0
    failed = f"; {summary.failed} failed, see {table.failed.name}" if summary.failed else ""
    return f"{out}: {rows} recordings, {summary.new} of them new ({rate:.1f} a second){failed}"
