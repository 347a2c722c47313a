"""`python -m training embed | train | score | install | list | compare | promote | rollback | random-encoder`: heads from start to end.

docs/heads.md leads through them. Exit codes: 0 done; 1 could not be done, and why; 2 wrong usage; 3
the gate keeps the champion.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from errors import ModelStoreError
from training.heads import commands as commands
from training.heads.label_table import SPLITS
from training.heads.recipes import Recipe

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    typed = list(sys.argv[1:] if arguments is None else arguments)
    known = parser()
    options = known.parse_args(typed)
    options.typed = typed
    if (fault := _fault(options)) is not None:
        known.error(fault)
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


def _fault(options: argparse.Namespace) -> str | None:
    """What argparse cannot say: which options need each other."""
    if options.run is commands.run_embed:
        return None
    if getattr(options, "ptbxl", None) and not options.recipe:
        return "--ptbxl needs --recipe"
    if options.run is commands.run_train and not (options.name or options.recipe):
        return "--name is needed"
    if (
        options.run is commands.run_promote
        and not options.ungated
        and not (options.embeddings and (options.labels or options.ptbxl))
    ):
        return "the gate needs --embeddings, and --labels or --ptbxl with --recipe"
    return None


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(
        prog="python -m training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    each = whole.add_subparsers(required=True, metavar="COMMAND")
    _embed(each.add_parser("embed", help="a Parquet of embeddings, by a running server"))
    _train(each.add_parser("train", help="a head from embeddings and labels"))
    _score(
        each.add_parser(
            "score", help="how good a head is on patients it never saw, beside baselines"
        )
    )
    _install(each.add_parser("install", help="give a head to the servers of a models folder"))
    _list(each.add_parser("list", help="the installed heads, their versions and aliases"))
    _compare(each.add_parser("compare", help="two versions on the gate set"))
    _promote(
        each.add_parser("promote", help="make the candidate the champion, if the gate lets it")
    )
    _rollback(
        each.add_parser("rollback", help="make the champion before this one the champion again")
    )
    _random_encoder(
        each.add_parser("random-encoder", help="a bundle with random weights, for the baseline")
    )
    return whole


def _embed(command: argparse.ArgumentParser) -> None:
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
        help="PTB-XL's files of that rate (default: %(default)s)",
    )
    command.add_argument(
        "--folds", type=_folds, default=(), metavar="N,N", help="these folds of PTB-XL only"
    )
    command.add_argument("--limit", type=int, help="so many recordings only")
    command.add_argument("--out", type=Path, required=True, metavar="PARQUET")


def _data(command: argparse.ArgumentParser, *, required: bool = True) -> None:
    command.add_argument(
        "--embeddings",
        type=Path,
        action="append",
        required=required,
        default=None,
        metavar="PARQUET",
        help="repeat it for another encoder's",
    )
    source = command.add_mutually_exclusive_group(required=required)
    source.add_argument(
        "--labels",
        type=Path,
        metavar="TABLE",
        help="CSV or Parquet: record_id, labels of 0, 1 or empty; patient_id, split",
    )
    source.add_argument("--ptbxl", type=Path, metavar="FOLDER", help="labels of PTB-XL by --recipe")
    command.add_argument("--recipe", choices=get_args(Recipe), help="what to take from PTB-XL")
    command.add_argument(
        "--columns", type=_names, default=(), metavar="A,B", help="these labels only"
    )


def _models(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--models-dir",
        type=Path,
        metavar="FOLDER",
        help="as ECG_MODELS_DIR (default: that, or the user's cache folder)",
    )


def _train(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=commands.run_train)
    _data(command)
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
        "--card", help="a sentence or two for whoever meets the head: data, purpose, limits"
    )
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER")


def _score(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=commands.run_score)
    command.add_argument(
        "head", help="a head's folder, or NAME, NAME@VERSION, NAME@candidate of the installed ones"
    )
    _data(command)
    _models(command)
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


def _install(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=commands.run_install)
    command.add_argument("folder", type=Path)
    _models(command)


def _list(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=commands.run_list)
    command.add_argument("name", nargs="?")
    command.add_argument("--audit", action="store_true", help="with every change")
    _models(command)


def _compare(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=commands.run_compare)
    command.add_argument("name")
    command.add_argument("version", type=int, nargs="?", help="default: the candidate")
    command.add_argument("against", type=int, nargs="?", help="default: the champion")
    _data(command)
    _models(command)


def _promote(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=commands.run_promote)
    command.add_argument("name")
    command.add_argument("version", type=int, nargs="?", help="default: the candidate")
    command.add_argument(
        "--ungated", metavar="REASON", help="without the gate, for a reason that the audit keeps"
    )
    _data(command, required=False)
    _models(command)


def _rollback(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=commands.run_rollback)
    command.add_argument("name")
    command.add_argument("--to", type=int, metavar="VERSION", help="default: the champion before")
    command.add_argument("--reason", required=True, help="for the audit")
    _models(command)


def _random_encoder(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=commands.run_random_encoder)
    command.add_argument("bundle", type=Path, help="the folder of the bundle to be like")
    command.add_argument("out", type=Path, help="the new bundle's folder")
    command.add_argument("--seed", type=int, default=0)


def _folds(text: str) -> tuple[int, ...]:
    return tuple(int(name) for name in _names(text))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


if __name__ == "__main__":
    sys.exit(main())
