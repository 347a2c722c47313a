"""The process that watches: settings in by a pipe, records in and findings out by the database."""

from __future__ import annotations

import json
import logging
import select
import signal
import sys
from functools import partial
from typing import BinaryIO, Final

from sqlalchemy import Engine

from errors import BadBridge
from heads.beats.single import single_beat_probabilities
from log_lines import log_to_stderr
from station.ingest.intake import clock_of
from station.ingest.kafka.place import kafka_of
from station.labels.running import labelling
from station.outbox.running import sending
from station.settings import Settings
from station.store.engine import open_engine
from station.times import SECOND_MS
from station.watch.step import Watch
from station.worker.parts import Parts, Rules
from station.worker.run import Wait, Watching, run_worker, watch_log

logger = logging.getLogger("ecg.station.watch")

EXIT_REFUSED: Final = 2


def run_from_pipe(pipe: BinaryIO) -> None:
    """The worker's side: run until the pipe ends."""
    settings = Settings(**json.loads(pipe.readline()))
    log_to_stderr(settings.log_level, as_json=settings.log_json)
    for number in (signal.SIGINT, signal.SIGTERM):
        # A terminal and systemd send these to the station as well, which ends the pipe in time.
        signal.signal(number, signal.SIG_IGN)
    engine = open_engine(settings.database)

    def wait(seconds: float) -> bool:
        return bool(select.select([pipe], [], [], seconds)[0])

    try:
        _watch_until(settings, engine, wait)
    except BadBridge as error:
        logger.error("%s: %s", error.title, error.detail)
        sys.exit(EXIT_REFUSED)


def _watch_until(settings: Settings, engine: Engine, wait: Wait) -> None:
    """Watch records and send alarms out in this process until `wait` says that it is to end.

    Raises BadBridge.
    """
    with sending(engine, settings), labelling(engine, settings):
        parts = parts_of(settings)
        run_worker(engine, parts, _watching(settings, engine, parts), wait)
    engine.dispose()


def _watching(settings: Settings, engine: Engine, parts: Parts) -> Watching:
    """Return what watches: the records of the database, or partitions of a topic."""
    kafka = kafka_of(settings)
    if kafka is None:
        return partial(watch_log, engine, parts)
    # Its library is not needed without a broker.
    from station.worker.group import GroupWorker

    return GroupWorker(engine, parts, clock_of(settings), kafka).run


def parts_of(settings: Settings) -> Parts:
    rules = Rules(
        no_data_ms=round(settings.no_data * SECOND_MS),
        stream_end_ms=round(settings.stream_end * SECOND_MS),
        escalate_after_ms=round(settings.escalate_after * SECOND_MS),
        receivers=settings.receivers.count(",") + 1,
        ventricular_beats_per_min=settings.ventricular_beats,
    )
    return Parts(Watch, single_beat_probabilities, rules)
