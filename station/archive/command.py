"""`python -m station archive`: moves what is old to the archive; `archive read` reads it back."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import orjson
from sqlalchemy import Connection

from atomic_files import write_file
from errors import EcgError, NoDatabase
from station.archive.moving import Busy, Moved, Mover
from station.archive.parquet import encode
from station.archive.place import BadArchive, Place
from station.archive.reading import rows_of
from station.archive.signal import signal_of
from station.settings import Settings, add_flags, settings_of
from station.store.archive import datasets
from station.store.archive.datasets import Dataset
from station.store.engine import FAILURES, open_engine
from station.store.lease import LeaseLost
from station.store.migrate import migrate
from station.times import DAY_MS, SECOND_MS

EXIT_REFUSED: Final = 2
EXIT_BUSY: Final = 3
WAVEFORM: Final = "waveform"
READABLE: Final[Mapping[str, Dataset]] = {
    dataset.name: dataset
    for dataset in (datasets.RECORDS_SET, datasets.PROBLEMS_SET, *datasets.OF_STREAMS)
}
_SETTINGS: Final = (
    *("database", "archive", "keep_records", "keep_findings", "keep_events"),
    *("clock_behind", "clock_ahead", "deliver_within"),
)
_MILLISECONDS: Final = re.compile(r"\d{1,15}")


def run_archive_command(arguments: Sequence[str]) -> int:
    """Run the command. Return the exit status: 2 where it cannot run, 3 where another one runs."""
    run = _read if arguments[:1] == ["read"] else _move
    try:
        return run(arguments)
    except EcgError as error:
        return _refuse(f"{error.title}: {error.detail}", EXIT_REFUSED)
    except FAILURES as error:
        return _refuse(f"{NoDatabase.title}: {type(error).__name__}; run it again", EXIT_REFUSED)
    except (Busy, LeaseLost):
        return _refuse("another process moves rows to the archive", EXIT_BUSY)
    except OSError as error:
        return _refuse(f"{error.filename}: {error.strerror}", EXIT_REFUSED)


def _move(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m station archive", description=__doc__)
    add_flags(parser, _SETTINGS)
    settings = settings_of(parser, vars(parser.parse_args(arguments)))
    place = _place(settings)
    keep_ms = _keep_ms(settings)
    if not keep_ms:
        raise BadArchive("nothing is ever moved: set STATION_KEEP_RECORDS, _FINDINGS or _EVENTS")
    engine = open_engine(settings.database)
    try:
        migrate(engine)
        clock_behind_ms = round(settings.clock_behind * SECOND_MS)
        moved = Mover(engine, place, keep_ms, clock_behind_ms).run()
    finally:
        engine.dispose()
    for name, found in moved.items():
        print(f"{name}: {_said(found)}")
    return 0


def _said(moved: Moved) -> str:
    held = "; older rows stay until the watch has passed their records" if moved.is_held else ""
    return f"{moved.rows} rows moved, {moved.files} files, {moved.bytes} bytes{held}"


def _keep_ms(settings: Settings) -> dict[str, int]:
    """Return name of a dataset -> age from which its rows are moved, of those that are."""
    findings = (datasets.PROBLEMS_SET, *datasets.OF_STREAMS)
    ages = {
        datasets.RECORDS_SET: settings.keep_records,
        datasets.DEAD_LETTERS_SET: settings.keep_records,
        **dict.fromkeys(findings, settings.keep_findings),
        datasets.EVENTS_SET: settings.keep_events,
    }
    return {
        dataset.name: round(days * DAY_MS) for dataset, days in ages.items() if days is not None
    }


def _read(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m station archive",
        description="Write a patient's rows, from the archive and the database, to a file.",
    )
    commands = parser.add_subparsers(required=True)
    reading = commands.add_parser("read")
    reading.add_argument("patient", metavar="PATIENT")
    for name in ("from", "to"):
        reading.add_argument(
            f"--{name}",
            dest=f"{name}_ms",
            type=_time,
            required=True,
            metavar="TIME",
            help="ISO 8601 with a time zone, or milliseconds since 1970",
        )
    reading.add_argument("--what", choices=(WAVEFORM, *READABLE), default=WAVEFORM)
    reading.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="JSON for waveform, else Parquet"
    )
    add_flags(reading, ("database", "archive"))
    options = parser.parse_args(arguments)
    settings = settings_of(parser, vars(options))
    place = _place(settings)
    engine = open_engine(settings.database)
    try:
        with engine.connect() as connection:
            content, said = _content(place, connection, options)
    finally:
        engine.dispose()
    write_file(options.out, content)
    print(f"{options.out}: {said}")
    return 0


def _content(
    place: Place, connection: Connection, options: argparse.Namespace
) -> tuple[bytes, str]:
    """Return the content of the file, and what it has."""
    stretch = {"from_ms": options.from_ms, "to_ms": options.to_ms}
    if options.what == WAVEFORM:
        parts = signal_of(place, connection, options.patient, **stretch)
        shown = orjson.dumps({"waveforms": parts}, option=orjson.OPT_SERIALIZE_NUMPY)
        return shown, f"{len(parts)} waveforms"
    dataset = READABLE[options.what]
    table = rows_of(place, connection, dataset, options.patient, **stretch)
    return encode(dataset, table), f"{len(table)} rows"


def _place(settings: Settings) -> Place:
    if settings.archive is None:
        raise BadArchive("STATION_ARCHIVE: set the URL of the archive")
    return Place(settings.archive)


def _time(text: str) -> int:
    if _MILLISECONDS.fullmatch(text):
        return int(text)
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError
    return (time - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def _refuse(reason: str, status: int) -> int:
    print(reason, file=sys.stderr)
    return status
