"""The command line: ecgfm analyze | quality | features | plot | health.

    ecgfm analyze recording.dcm                     a report in the terminal
    ecgfm analyze folder --out report.csv           a row for each recording of a folder
    ecgfm features folder --out embeddings.parquet  embeddings; run again to go on where it stopped
    ecgfm plot recording.hea recording.dat --out ecg.png

The server: --url, else ECGFM_URL, else http://127.0.0.1:8000; its key: ECGFM_API_KEY.
The exit status is 0, 1 if a recording was refused, 2 for wrong arguments, 3 if no server answered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ecgfm_client.client import AsyncEcgClient, EcgClient
from ecgfm_client.errors import NoAnswer, Refused, UnusableInput
from ecgfm_client.folders import Recording, find_recordings

DONE, REFUSED, UNUSABLE, NO_ANSWER = 0, 1, 2, 3
BULK_RETRIES_S = 600.0  # a server that is being restarted or replaced
RECORD_FIELDS = ("fs", "lead_names", "units", "gain", "age", "sex")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except Refused as refusal:
        _say(str(refusal))
        return REFUSED
    except UnusableInput as error:
        _say(str(error))
        return UNUSABLE
    except NoAnswer as error:
        _say(str(error))
        return NO_ANSWER
    except KeyboardInterrupt:
        _say("stopped; the finished rows are kept")
        return 130


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
    health = _command(commands, "health", _health, "whether the server runs, and with which model")
    health.add_argument("--json", action="store_true")
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
        help="the server's answer instead of a report, a line for each recording",
    )
    analyze.add_argument("--out", type=Path, help="for a folder: report.csv or report.parquet")
    analyze.add_argument(
        "--in-flight",
        type=_at_least_one,
        default=16,
        help="the most requests in flight, for a folder (default 16)",
    )
    _record_fields(analyze)


def _add_quality(commands: Any) -> None:
    quality = _command(
        commands, "quality", _quality, "whether the recording can be read, and what to do if not"
    )
    quality.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    quality.add_argument("--json", action="store_true")
    _record_fields(quality)


def _add_features(commands: Any) -> None:
    features = _command(
        commands, "features", _features, "embeddings of a folder's recordings, as Parquet"
    )
    features.add_argument("folder", type=Path, metavar="DIR")
    features.add_argument(
        "--out",
        type=Path,
        required=True,
        help="a .parquet file; recordings that it has already are skipped",
    )
    features.add_argument("--model", help="features (default), clinical, or an encoder's name")
    features.add_argument("--pooling", choices=["mean", "max"])
    features.add_argument("--layer", type=int)
    features.add_argument(
        "--in-flight",
        type=_at_least_one,
        default=48,
        help="the most requests in flight; fewer if answers are slow (default 48)",
    )


def _add_plot(commands: Any) -> None:
    plot = _command(commands, "plot", _plot, "the recording on ECG paper, with the measurements")
    plot.add_argument("paths", nargs="+", type=Path, metavar="FILE")
    plot.add_argument("--out", type=Path, required=True, help="a .png, .svg or .pdf file")
    _record_fields(plot)


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], about: str
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    command.set_defaults(run=run)
    command.add_argument("--url", help="the server's address")
    return command


def _record_fields(command: argparse.ArgumentParser) -> None:
    about = command.add_argument_group("what a file may not state")
    about.add_argument("--fs", type=float, help="sampling rate, Hz")
    about.add_argument("--lead-names", help="comma-separated, e.g. I,II,V1")
    about.add_argument("--units", choices=["mV", "uV", "V"])
    about.add_argument("--gain", type=float, help="ADC units per mV")
    about.add_argument("--age", type=float)
    about.add_argument("--sex")


def _analyze(options: argparse.Namespace) -> int:
    if any(path.is_dir() for path in options.paths):
        return _analyze_folder(options)
    if options.out is not None:
        raise UnusableInput("--out: only for a folder; the report of one recording is printed")
    from ecgfm_client.report import analysis_report

    return _each(
        options,
        lambda client, recording: client.analyze(recording.files, **_about(options)),
        analysis_report,
    )


def _quality(options: argparse.Namespace) -> int:
    from ecgfm_client.report import quality_report

    return _each(
        options,
        lambda client, recording: client.assess_quality(recording.files, **_about(options)),
        quality_report,
    )


def _each(
    options: argparse.Namespace,
    ask: Callable[[EcgClient, Recording], Any],
    report: Callable[[str, Any], str],
) -> int:
    """Print the report of each recording; a refused recording does not stop the others."""
    refused = 0
    with EcgClient(options.url) as client:
        for recording in _recordings(options.paths):
            try:
                result = ask(client, recording)
            except Refused as refusal:
                refused += 1
                _say(f"{recording.name}: {refusal}")
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
    return _bulk(options.paths[0], options, AnalysisRows())


def _features(options: argparse.Namespace) -> int:
    from ecgfm_client.rows import FeatureRows

    if options.out.suffix.lower() != ".parquet":
        raise UnusableInput(f"--out: {options.out.name}; embeddings need a .parquet file")
    return _bulk(
        options.folder,
        options,
        FeatureRows(model=options.model, pooling=options.pooling, layer=options.layer),
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

    async def through() -> Any:
        async with AsyncEcgClient(options.url, retries_s=BULK_RETRIES_S) as client:
            return await run(recordings, ask, table, client, options.in_flight)

    summary = asyncio.run(through())
    _say(finish(table, summary, options.out))
    return REFUSED if summary.failed else DONE


def _plot(options: argparse.Namespace) -> int:
    from ecgfm_client.paper import PARTS, plot

    recordings = _recordings(options.paths)
    if len(recordings) != 1:
        names = ", ".join(recording.name for recording in recordings)
        raise UnusableInput(f"FILE: {len(recordings)} recordings ({names}); a plot shows one")
    with EcgClient(options.url) as client:
        plot(
            client.analyze(recordings[0].files, include=PARTS, **_about(options)),
            options.out,
            recordings[0].name,
        )
    return DONE


def _health(options: argparse.Namespace) -> int:
    from ecgfm_client.report import health_report

    with EcgClient(options.url) as client:
        health = client.health()
        print(json.dumps(health.raw) if options.json else health_report(client.url, health))
    return DONE if health.status == "ok" else REFUSED


def _recordings(paths: Sequence[Path]) -> list[Recording]:
    from ecgfm_client.folders import group_files

    for path in paths:
        if not path.is_file():
            raise UnusableInput(f"{path}: no such file")
    return group_files(paths)


def _about(options: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) for name in RECORD_FIELDS}


def _plain(value: Any) -> Any:
    """Return the value with msgpack's arrays as lists."""
    if isinstance(value, dict) and value.keys() == {"dtype", "shape", "data"}:
        from ecgfm_client.results import array

        return array(value).tolist()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}; at least 1 is needed")
    return number


def _version() -> str:
    try:
        return version("ecgfm-client")
    except PackageNotFoundError:
        return "not installed"


def _say(sentence: str) -> None:
    print(f"ecgfm: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
