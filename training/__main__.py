"""Train, score, install and promote heads.

    python -m training embed | train | score | install | list | compare | promote | rollback
                       | random-encoder

docs/heads.md explains the steps. Exit codes: 0 done; 1 failed, with the reason; 2 wrong usage; 3
the gate keeps the champion.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, get_args

from errors import ModelStoreError
from training.heads import commands
from training.heads.label_table import SPLITS
from training.heads.recipes import Recipe

INTERRUPTED: Final = 130  # 128 + SIGINT, the convention of shells

Parser = argparse.ArgumentParser


def main(arguments: Sequence[str] | None = None) -> int:
    command_line = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    options = parser.parse_args(command_line)
    options.command_line = command_line
    fault = _usage_fault(options)
    if fault is not None:
        parser.error(fault)
    try:
        code: int = options.run(options)
    except ModelStoreError as error:
        sys.stderr.write(f"{error.title}: {error.detail}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return INTERRUPTED
    except OSError as error:
        sys.stderr.write(f"{error.filename or 'training'}: {error.strerror or error}\n")
        return 1
    return code


def _usage_fault(options: argparse.Namespace) -> str | None:
    """Return what is wrong with a combination of options that argparse cannot check."""
    if options.run is commands.run_embed:
        return None
    if getattr(options, "ptbxl", None) and not options.recipe:
        return "--ptbxl needs --recipe"
    if options.run is commands.run_train and not (options.name or options.recipe):
        return "--name is needed"
    if options.run is commands.run_promote and not options.ungated:
        has_labels = options.labels or options.ptbxl
        if not (options.embeddings and has_labels):
            return "the gate needs --embeddings, and --labels or --ptbxl with --recipe"
    return None


def _parser() -> Parser:
    parser = Parser(
        prog="python -m training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, add_options, summary in COMMANDS:
        add_options(subparsers.add_parser(name, help=summary))
    return parser


def _embed(command: Parser) -> None:
    command.set_defaults(run=commands.run_embed)
    command.add_argument(
        "--url", default="http://127.0.0.1:8000", help="the server (default: %(default)s)"
    )
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--recordings",
        type=Path,
        metavar="FOLDER",
        help="files of any format that the server reads",
    )
    source.add_argument(
        "--ptbxl", type=Path, metavar="FOLDER", help="PTB-XL as downloaded, or the packed copy"
    )
    command.add_argument(
        "--patients",
        type=Path,
        metavar="CSV",
        help="record_id, patient_id of the recordings in the folder",
    )
    command.add_argument(
        "--rate",
        type=int,
        choices=(100, 500),
        default=100,
        help="sampling rate in Hz of PTB-XL's files (default: %(default)s)",
    )
    command.add_argument(
        "--folds", type=_folds, default=(), metavar="N,N", help="only these folds of PTB-XL"
    )
    command.add_argument("--limit", type=int, help="at most this many recordings")
    command.add_argument("--out", type=Path, required=True, metavar="PARQUET")


def _add_data(command: Parser, *, required: bool = True) -> None:
    command.add_argument(
        "--embeddings",
        type=Path,
        action="append",
        required=required,
        default=None,
        metavar="PARQUET",
        help="repeat it for another encoder's embeddings",
    )
    source = command.add_mutually_exclusive_group(required=required)
    source.add_argument(
        "--labels",
        type=Path,
        metavar="TABLE",
        help="CSV or Parquet: record_id, labels of 0, 1 or empty; optionally patient_id, split",
    )
    source.add_argument(
        "--ptbxl", type=Path, metavar="FOLDER", help="labels of PTB-XL, selected by --recipe"
    )
    command.add_argument("--recipe", choices=get_args(Recipe), help="which labels of PTB-XL")
    command.add_argument(
        "--columns", type=_names, default=(), metavar="A,B", help="only these labels"
    )


def _add_models_dir(command: Parser) -> None:
    command.add_argument(
        "--models-dir",
        type=Path,
        metavar="FOLDER",
        help="as ECG_MODELS_DIR (default: that, or the user's cache folder)",
    )


def _train(command: Parser) -> None:
    command.set_defaults(run=commands.run_train)
    _add_data(command)
    command.add_argument("--name", help="the head's name (default: the recipe's)")
    command.add_argument(
        "--kind", choices=("linear", "mlp"), default="linear", help="default: %(default)s"
    )
    command.add_argument(
        "--hidden",
        type=int,
        default=128,
        help="units of an mlp's hidden layer (default: %(default)s)",
    )
    command.add_argument(
        "--class-weights",
        choices=("balanced", "none"),
        default="balanced",
        help="default: %(default)s",
    )
    command.add_argument("--seed", type=int, default=0)
    command.add_argument(
        "--card", help="one or two sentences for users of the head: data, purpose, limits"
    )
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER")


def _score(command: Parser) -> None:
    command.set_defaults(run=commands.run_score)
    command.add_argument(
        "head", help="a head's folder, or NAME, NAME@VERSION, NAME@candidate of the installed ones"
    )
    _add_data(command)
    _add_models_dir(command)
    command.add_argument("--split", choices=SPLITS, default="test", help="default: %(default)s")
    command.add_argument(
        "--random",
        type=Path,
        metavar="PARQUET",
        help="the same recordings' embeddings by a randomly initialised encoder",
    )
    command.add_argument("--seed", type=int, default=0, help="of the bootstrap")
    command.add_argument("--out", type=Path, metavar="FOLDER", help="for scores.json and plots")
    command.add_argument("--no-plots", dest="plots", action="store_false")


def _install(command: Parser) -> None:
    command.set_defaults(run=commands.run_install)
    command.add_argument("folder", type=Path)
    _add_models_dir(command)


def _list(command: Parser) -> None:
    command.set_defaults(run=commands.run_list)
    command.add_argument("name", nargs="?")
    command.add_argument("--audit", action="store_true", help="also print every change")
    _add_models_dir(command)


def _compare(command: Parser) -> None:
    command.set_defaults(run=commands.run_compare)
    command.add_argument("name")
    command.add_argument("version", type=int, nargs="?", help="default: the candidate")
    command.add_argument("against", type=int, nargs="?", help="default: the champion")
    _add_data(command)
    _add_models_dir(command)


def _promote(command: Parser) -> None:
    command.set_defaults(run=commands.run_promote)
    command.add_argument("name")
    command.add_argument("version", type=int, nargs="?", help="default: the candidate")
    command.add_argument(
        "--ungated", metavar="REASON", help="skip the gate, for a reason that the audit records"
    )
    _add_data(command, required=False)
    _add_models_dir(command)


def _rollback(command: Parser) -> None:
    command.set_defaults(run=commands.run_rollback)
    command.add_argument("name")
    command.add_argument("--to", type=int, metavar="VERSION", help="default: the previous champion")
    command.add_argument("--reason", required=True, help="for the audit")
    _add_models_dir(command)


def _random_encoder(command: Parser) -> None:
    command.set_defaults(run=commands.run_random_encoder)
    command.add_argument("bundle", type=Path, help="the bundle whose architecture is used")
    command.add_argument("out", type=Path, help="the new bundle's folder")
    command.add_argument("--seed", type=int, default=0)


# (name, function that adds the command's options, summary)
COMMANDS: Final[tuple[tuple[str, Callable[[Parser], None], str], ...]] = (
    ("embed", _embed, "write embeddings by a running server to a Parquet file"),
    ("train", _train, "train a head on embeddings and labels"),
    ("score", _score, "score a head on patients that it was not trained on, with baselines"),
    ("install", _install, "install a head for the servers of a models folder"),
    ("list", _list, "list the installed heads, their versions and aliases"),
    ("compare", _compare, "compare two versions on the gate set"),
    ("promote", _promote, "make the candidate the champion, if the gate allows it"),
    ("rollback", _rollback, "make the previous champion the champion again"),
    ("random-encoder", _random_encoder, "write a bundle with random weights, for the baseline"),
)


def _folds(text: str) -> tuple[int, ...]:
    return tuple(int(name) for name in _names(text))


def _names(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")]
    return tuple(name for name in names if name)


if __name__ == "__main__":
    sys.exit(main())
