"""`python -m station import FILE`: watches a long recording as fast as it goes, and reports it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from analysis.holter.report import HolterReport
from atomic_files import write_file
from errors import EcgError, NoDatabase
from formats.hints import Hints, hints_from_params
from formats.stretches.opening import NAMES
from report.options import Language
from station.holter.forms import FORMATS, form_of
from station.holter.storing import Store
from station.holter.work import Source, import_recording
from station.settings import add_flags, settings_of
from station.store.engine import FAILURES

EXIT_UNUSABLE: Final = 2
MAX_PROCESSES: Final = 64
DEFAULT_PROCESSES: Final = 2
LANGUAGES: Final[tuple[Language, ...]] = ("en", "de")
_FIELDS: Final = ("fs", "lead_names", "units", "gain")


def run_import_command(arguments: Sequence[str]) -> int:
    """Run the command. Return the exit status: 2 where the recording cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m station import",
        description="Watch a long recording (24 hours of Holter) and write its report.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help=NAMES)
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        type=Path,
        help="where the report is written; default: this folder, or nowhere with --patient",
    )
    parser.add_argument(
        "--patient", metavar="NAME", help="store the report in the station's database, too"
    )
    parser.add_argument(
        "--format",
        default=",".join(FORMATS),
        help=f"comma-separated: {', '.join(FORMATS)}; default: all",
    )
    parser.add_argument("--lang", choices=LANGUAGES, default=LANGUAGES[0], help="of pdf and html")
    parser.add_argument(
        "--processes",
        type=int,
        choices=range(1, MAX_PROCESSES + 1),
        default=min(len(os.sched_getaffinity(0)), DEFAULT_PROCESSES),
        help=f"at once; default: the cores, {DEFAULT_PROCESSES} at most",
        metavar="N",
    )
    for name in _FIELDS:
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, help="as for ecgfm analyze: in place of the file's")
    add_flags(parser, ("database",))
    options = parser.parse_args(arguments)
    settings = settings_of(parser, vars(options))
    formats = options.format.split(",")
    if not set(formats) <= set(FORMATS):
        parser.error(f"--format: {', '.join(FORMATS)} are allowed")
    try:
        store = None if options.patient is None else Store(settings.database, options.patient)
        source = Source(options.file, _hints(options))
        report = import_recording(source, options.processes)
        # First the files: they are there if the database does not answer after the long work.
        if store is None or options.out is not None:
            _write(report, options.out or Path(), options.file.stem, formats, options.lang)
        if store is not None:
            print(f"report {store.add(report, options.lang)} of {options.patient}")
    except EcgError as error:
        return _refuse(f"{error.title}: {error.detail}")
    except FAILURES as error:
        return _refuse(f"{NoDatabase.title}: {type(error).__name__}; import the file again")
    except OSError as error:
        return _refuse(f"{error.filename}: {error.strerror}")
    return 0


def _write(
    report: HolterReport, folder: Path, stem: str, formats: Sequence[str], lang: Language
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in formats:
        path = folder / f"{stem}.holter.{name}"
        write_file(path, form_of(report, name, lang))
        print(path)


def _hints(options: argparse.Namespace) -> Hints:
    """Return the values of the flags. Raises EcgError."""
    given = {name: getattr(options, name) for name in _FIELDS}
    return hints_from_params({name: [text] for name, text in given.items() if text is not None})


def _refuse(reason: str) -> int:
    print(reason, file=sys.stderr)
    return EXIT_UNUSABLE
