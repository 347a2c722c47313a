"""The process that watches: settings in by a pipe, records in and findings out by the database."""

from __future__ import annotations

import json
import select
import signal
from typing import BinaryIO

from sqlalchemy import Engine

from heads.beats.single import single_beat_probabilities
from log_lines import log_to_stderr
from station.outbox.running import sending
from station.settings import Settings
from station.store.engine import open_engine
from station.times import SECOND_MS
from station.watch.step import Watch
from station.worker.parts import Parts, Rules
from station.worker.run import Wait, run_worker


def run_from_pipe(pipe: BinaryIO) -> None:
    """The worker's side: run until the pipe ends."""
    settings = Settings(**json.loads(pipe.readline()))
    log_to_stderr(settings.log_level, as_json=settings.log_json)
    for number in (signal.SIGINT, signal.SIGTERM):
        # A terminal and systemd send these to the station as well, which ends the pipe in time.
        signal.signal(number, signal.SIG_IGN)
    engine = open_engine(settings.database)
    _watch_until(settings, engine, lambda seconds: bool(select.select([pipe], [], [], seconds)[0]))


def _watch_until(settings: Settings, engine: Engine, wait: Wait) -> None:
    """Watch records and send alarms out in this process until `wait` says that it is to end.

    Raises BadBridge.
    """
    with sending(engine, settings):
        run_worker(engine, parts_of(settings), wait)
    engine.dispose()


def parts_of(settings: Settings) -> Parts:
    rules = Rules(
        no_data_ms=round(settings.no_data * SECOND_MS),
        stream_end_ms=round(settings.stream_end * SECOND_MS),
        escalate_after_ms=round(settings.escalate_after * SECOND_MS),
        receivers=settings.receivers.count(",") + 1,
        ventricular_beats_per_min=settings.ventricular_beats,
    )
    return Parts(Watch, single_beat_probabilities, rules)
