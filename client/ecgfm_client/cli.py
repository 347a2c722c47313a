"""The command line: ecgfm analyze | quality | features | plot | stream | health.

    ecgfm analyze recording.dcm                     a report in the terminal
    ecgfm analyze folder --out report.csv           a row for each recording of a folder
    ecgfm features folder --out embeddings.parquet  embeddings; run again to continue
    ecgfm plot recording.hea recording.dat --out ecg.png
    ecgfm stream recording.dcm --patient p-1 --to http://127.0.0.1:8100   as if recorded now

The server: --url, else ECGFM_URL, else http://127.0.0.1:8000; its key: --api-key, else
ECGFM_API_KEY.
The exit status is 0, 1 if a recording was refused, a record was not stored or `health` is not
"ok", 2 for wrong arguments, 3 if no server answered, 130 after Ctrl-C, 141 if the output's reader
ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ecgfm_client.client import AsyncEcgClient, EcgClient
from ecgfm_client.errors import NoAnswer, Refused, UnusableInput
from ecgfm_client.folders import Recording, find_recordings
from ecgfm_client.layouts import LAYOUTS
from ecgfm_client.variables import misspelt_client_variables

DONE, REFUSED, UNUSABLE, NO_ANSWER = 0, 1, 2, 3  # exit statuses
INTERRUPTED = 130  # the shells' exit status after Ctrl-C: 128 + SIGINT
BROKEN_PIPE = 141  # 128 + SIGPIPE
# A call for a folder is repeated for this time, in seconds, while the server is restarted or
# replaced.
BULK_RETRIES_S = 600.0
RECORD_FIELDS = ("fs", "lead_names", "units", "gain", "age", "sex")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, by default with the arguments of the process. Return the exit status."""
    options = _parser().parse_args(arguments)
    for sentence in misspelt_client_variables(os.environ):
        _print_message(sentence)
    try:
        status = int(options.run(options))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output has ended, such as `head`. Nothing can be written any more, also
        # not by the interpreter when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Refused as refusal:
        _print_message(str(refusal))
        return REFUSED
    except UnusableInput as error:
        _print_message(str(error))
        return UNUSABLE
    except NoAnswer as error:
        _print_message(str(error))
        return NO_ANSWER
    except KeyboardInterrupt:
        _print_message("stopped; the finished rows are kept")
        return INTERRUPTED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ecgfm", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _add_analyze(commands)
    _add_quality(commands)
    _add_features(commands)
    _add_plot(commands)
    _add_stream(commands)
    health = _command(commands, "health", _health, "whether the server runs, and with which model")
    health.add_argument("--json", action="store_true", help="print the server's answer")
    return parser


def _add_analyze(commands: Any) -> None:
    analyze = _command(commands, "analyze", _analyze, "labels, rhythm, measurements and quality")
    analyze.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="recordings (the files of WFDB recordings in any order), or one folder",
    )
    analyze.add_argument(
        "--json",
        action="store_true",
        help="print the server's answers, one line for each recording, instead of reports",
    )
    analyze.add_argument("--out", type=Path, help="for a folder: report.csv or report.parquet")
    analyze.add_argument(
        "--in-flight",
        type=_at_least_one,
        default=16,
        help="for a folder: the largest number of requests in flight (default 16)",
    )
    _add_judge_unreadable(analyze)
    _add_record_fields(analyze)


def _add_quality(commands: Any) -> None:
    quality = _command(
        commands, "quality", _quality, "whether the recording can be read, and what to do if not"
    )
    quality.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    quality.add_argument(
        "--json",
        action="store_true",
        help="print the server's answers, one line for each recording, instead of reports",
    )
    _add_record_fields(quality)


def _add_features(commands: Any) -> None:
    features = _command(
        commands, "features", _features, "embeddings of a folder's recordings, as Parquet"
    )
    features.add_argument("folder", type=Path, metavar="DIR")
    features.add_argument(
        "--out",
        type=Path,
        required=True,
        help="a .parquet file; recordings that it already has are skipped",
    )
    features.add_argument("--model", help="features (default), clinical, or an encoder's name")
    features.add_argument(
        "--pooling", choices=["mean", "max"], help="of a segment's tokens (default mean)"
    )
    features.add_argument(
        "--layer",
        type=int,
        help="0 is the transformer's input, i the output of layer i, -1 the pooled layer (default)",
    )
    features.add_argument(
        "--in-flight",
        type=_at_least_one,
        default=48,
        help="the largest number of requests in flight; fewer if answers are slow (default 48)",
    )
    _add_record_fields(features)


def _add_plot(commands: Any) -> None:
    plot = _command(commands, "plot", _plot, "the recording on ECG paper, with the measurements")
    plot.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    plot.add_argument("--out", type=Path, required=True, help="a .png, .svg or .pdf file")
    plot.add_argument(
        "--layout",
        choices=LAYOUTS,
        default="auto",
        help="4 columns of 2.5 s with a rhythm strip, 2 columns of 5 s, or 12 rows of 10 s; "
        "auto: the first, or a row for each lead of up to six, or rows of 10 s of a single lead",
    )
    _add_judge_unreadable(plot)
    _add_record_fields(plot)


def _add_stream(commands: Any) -> None:
    from ecgfm_client.device.stream import add_stream_flags

    stream = _command(
        commands,
        "stream",
        _stream,
        "replay recordings to a station, as if a device recorded them now; the server reads the "
        "files, except those of --beats",
    )
    stream.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    add_stream_flags(stream)
    _add_record_fields(stream)


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], about: str
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    command.set_defaults(run=run)
    command.add_argument("--url", help="the server's address")
    command.add_argument(
        "--api-key",
        help="the server's key; other users of the machine may see it here, so prefer "
        "ECGFM_API_KEY",
    )
    return command


def _add_judge_unreadable(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--judge-unreadable",
        action="store_true",
        # None is not sent.
        default=None,
        help="labels, superclass, rhythm and pacemaker of unreadable recordings too, with warnings",
    )


def _add_record_fields(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("values that a file lacks, or that replace the file's")
    group.add_argument("--fs", type=float, help="sampling rate, Hz")
    group.add_argument(
        "--lead-names",
        help="a lead for each channel in order, or - to leave a channel out: I,-,V1; or names of "
        "single channels with their leads: ECG1=II. A value that begins with - needs an equals "
        "sign: --lead-names=-,I,II",
    )
    group.add_argument("--units", choices=["mV", "uV", "V"], help="unit of the samples")
    group.add_argument("--gain", type=float, help="ADC units per mV")
    group.add_argument("--age", type=float, help="years")
    group.add_argument("--sex", help="male, female, m, f or other")


def _analyze(options: argparse.Namespace) -> int:
    if any(path.is_dir() for path in options.paths):
        return _analyze_folder(options)
    if options.out is not None:
        raise UnusableInput("--out: only for a folder; the report of one recording is printed")
    from ecgfm_client.report import PARTS, analysis_report

    return _print_each(
        options,
        lambda client, recording: client.analyze(
            recording.files,
            include=PARTS,
            judge_unreadable=options.judge_unreadable,
            **_record_fields(options),
        ),
        analysis_report,
    )


def _quality(options: argparse.Namespace) -> int:
    from ecgfm_client.report import quality_report

    return _print_each(
        options,
        lambda client, recording: client.assess_quality(recording.files, **_record_fields(options)),
        quality_report,
    )


def _print_each(
    options: argparse.Namespace,
    ask: Callable[[EcgClient, Recording], Any],
    report: Callable[[str, Any], str],
) -> int:
    """Print the report of each recording; return the exit status.

    A refused recording does not stop the others.
    """
    refused = 0
    with EcgClient(options.url, api_key=options.api_key) as client:
        for recording in _recordings(options.paths):
            try:
                result = ask(client, recording)
            except Refused as refusal:
                refused += 1
                _print_message(f"{recording.name}: {refusal}")
                continue
            print(
                json.dumps({"file": recording.name, **_plain(result.raw)})
                if options.json
                else report(recording.name, result)
            )
    return REFUSED if refused else DONE


def _analyze_folder(options: argparse.Namespace) -> int:
    from ecgfm_client.rows import AnalysisRows

    if len(options.paths) > 1:
        raise UnusableInput("FILE: a folder among several paths; give the folder alone")
    if options.out is None:
        raise UnusableInput("--out: missing; a folder's report needs a .csv or .parquet file")
    rows = AnalysisRows(judge_unreadable=options.judge_unreadable, **_record_fields(options))
    return _bulk(options.paths[0], options, rows)


def _features(options: argparse.Namespace) -> int:
    from ecgfm_client.rows import FeatureRows

    if options.out.suffix.lower() != ".parquet":
        raise UnusableInput(f"--out: {options.out.name}; embeddings need a .parquet file")
    return _bulk(
        options.folder,
        options,
        FeatureRows(
            model=options.model,
            pooling=options.pooling,
            layer=options.layer,
            **_record_fields(options),
        ),
    )


def _bulk(folder: Path, options: argparse.Namespace, ask: Any) -> int:
    from ecgfm_client.bulk import finish, run
    from ecgfm_client.tables import Table

    if not folder.is_dir():
        raise UnusableInput(f"{folder}: no such folder")
    recordings = find_recordings(folder)
    if not recordings:
        raise UnusableInput(f"{folder}: the folder has no recordings")
    table = Table(options.out)

    async def ask_all() -> Any:
        async with AsyncEcgClient(
            options.url, api_key=options.api_key, retries_s=BULK_RETRIES_S
        ) as client:
            return await run(recordings, ask, table, client, options.in_flight)

    summary = asyncio.run(ask_all())
    _print_message(finish(table, summary, options.out))
    return REFUSED if summary.failed else DONE


def _plot(options: argparse.Namespace) -> int:
    from ecgfm_client.paper import PARTS, plot

    recordings = _recordings(options.paths)
    if len(recordings) != 1:
        names = ", ".join(recording.name for recording in recordings)
        raise UnusableInput(f"FILE: {len(recordings)} recordings ({names}); a plot shows one")
    with EcgClient(options.url, api_key=options.api_key) as client:
        plot(
            client.analyze(
                recordings[0].files,
                include=PARTS,
                judge_unreadable=options.judge_unreadable,
                **_record_fields(options),
            ),
            options.out,
            recordings[0].name,
            options.layout,
        )
    return DONE


def _stream(options: argparse.Namespace) -> int:
    from ecgfm_client.device.read_by_server import beat_tables, read_by_server
    from ecgfm_client.device.stream import stream

    recordings = _recordings(options.paths)
    if options.beats:
        return stream(options, beat_tables(options.paths), _print_message)
    with EcgClient(options.url, api_key=options.api_key) as client:
        readings = read_by_server(client, recordings, _record_fields(options))
        return stream(options, readings, _print_message)


def _health(options: argparse.Namespace) -> int:
    from ecgfm_client.report import health_report

    with EcgClient(options.url, api_key=options.api_key) as client:
        health = client.health()
        print(json.dumps(health.raw) if options.json else health_report(client.url, health))
    return DONE if health.status == "ok" else REFUSED


def _recordings(paths: Sequence[Path]) -> list[Recording]:
    from ecgfm_client.folders import group_files

    for path in paths:
        if not path.is_file():
            raise UnusableInput(f"{path}: no such file")
    return group_files(paths)


def _record_fields(options: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) for name in RECORD_FIELDS}


def _plain(value: Any) -> Any:
    """Return the value with its binary arrays as lists, which JSON can hold."""
    if isinstance(value, dict) and value.keys() == {"dtype", "shape", "data"}:
        from ecgfm_client.results import array

        return array(value).tolist()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _at_least_one(text: str) -> int:
    # Without this, argparse's message would show the name of this function.
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"found {text!r}; a whole number of at least 1 is allowed"
        ) from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"found {number}; at least 1 is allowed")
    return number


def _version() -> str:
    try:
        return version("ecgfm-client")
    except PackageNotFoundError:
        return "not installed"


def _print_message(message: str) -> None:
    print(f"ecgfm: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
