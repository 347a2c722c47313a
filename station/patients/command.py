"""`python -m station patients import FILE`: patients from CSV or FHIR into the database."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from errors import EcgError, MalformedBody, NoDatabase
from station.patients.csv_form import rows_of_csv
from station.patients.fhir_form import rows_of_bundle, rows_of_ndjson
from station.patients.importing import import_rows
from station.patients.merge import Counts, Fault, Row
from station.settings import add_flags, settings_of
from station.store.engine import FAILURES, open_engine
from station.store.migrate import migrate

EXIT_REFUSED: Final = 2
EXIT_SOME_REFUSED: Final = 1
FORMS: Final = {".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "bundle"}
PIECE_BYTES: Final = 1024 * 1024
MAX_BUNDLE_BYTES: Final = 256 * 1024 * 1024  # which is read as a whole; NDJSON is not


def run_patients_command(arguments: Sequence[str]) -> int:
    """Run the command. Return the exit status: 1 where rows were refused, 2 where it cannot run."""
    parser = argparse.ArgumentParser(prog="python -m station patients", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    importing = commands.add_parser("import", help="add and change patients of a file")
    importing.add_argument(
        "file", metavar="FILE", type=Path, help=f"its name ends with {', '.join(FORMS)}"
    )
    importing.add_argument(
        "--system", help="system of the identifier that becomes the name (FHIR); default: any"
    )
    add_flags(importing, ("database",))
    options = parser.parse_args(arguments)
    settings = settings_of(importing, vars(options))
    form = FORMS.get(options.file.suffix.lower())
    if form is None:
        importing.error(f"FILE: its name must end with one of {', '.join(FORMS)}")
    try:
        rows = _rows(options.file, form, options.system)
        counts = _import(settings.database, rows)
    except EcgError as error:
        return _refuse(f"{error.title}: {error.detail}")
    except FAILURES as error:
        return _refuse(f"{NoDatabase.title}: {type(error).__name__}; import the file again")
    except OSError as error:
        return _refuse(f"{error.filename}: {error.strerror}")
    print(", ".join(f"{count} {name}" for name, count in asdict(counts).items()))
    return EXIT_SOME_REFUSED if counts.refused else 0


def _import(database: str, rows: Iterator[Row | Fault]) -> Counts:
    engine = open_engine(database)
    try:
        migrate(engine)
        return import_rows(engine, rows, _report)
    finally:
        engine.dispose()


def _rows(path: Path, form: str, system: str | None) -> Iterator[Row | Fault]:
    if form == "csv":
        return rows_of_csv(_pieces(path))
    if form == "ndjson":
        return rows_of_ndjson(_pieces(path), system)
    if path.stat().st_size > MAX_BUNDLE_BYTES:
        raise MalformedBody(f"FILE: a Bundle above {MAX_BUNDLE_BYTES} bytes; use NDJSON")
    return rows_of_bundle(path.read_bytes(), system)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _report(fault: Fault) -> None:
    print(f"{fault.place}: {fault.reason}", file=sys.stderr)


def _refuse(reason: str) -> int:
    print(reason, file=sys.stderr)
    return EXIT_REFUSED
