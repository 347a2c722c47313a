"""`python -m model_store list | pull | convert | verify | path`: weights on the command line.

Exit codes: 0 success; 1 a comparison or check failed, or a bundle or file is unavailable; 2 wrong
usage.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from errors import ModelStoreError
from model_store.bundle import is_bundle, load_bundle
from model_store.choose import IMPORTED_FOLDER
from model_store.convert import convert
from model_store.labels import Label, ecg_fm_labels, read_labels
from model_store.manifest import default_models_dir, manifest_entries, manifest_entry
from model_store.pull import pull

ENVIRONMENT = """\
environment:
  ECG_MODELS_DIR     folder of the bundles (default: ~/.cache/ecg-fm-server, or in XDG_CACHE_HOME)
  HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE   as documented by huggingface_hub
"""

EXIT_INTERRUPTED = 130  # 128 + SIGINT, the shells' convention
SHOWN_REVISION = 12  # characters of a commit or a checksum in a list

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # httpx2 logs a line for each request at level INFO.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    try:
        code: int = options.run(options)
    except ModelStoreError as error:
        sys.stderr.write(f"{error.title}: {error.detail}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; run the same command again to continue a pull\n")
        return EXIT_INTERRUPTED
    except OSError as error:
        sys.stderr.write(f"{error.filename or 'model store'}: {error.strerror or error}\n")
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_store",
        description=__doc__,
        epilog=ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_list(commands)
    _add_pull(commands)
    _add_convert(commands)
    _add_verify(commands)
    _add_path(commands)
    return parser


def _add_list(commands: Commands) -> None:
    parser = commands.add_parser(
        "list", help="list the bundles that can be pulled or are installed"
    )
    parser.set_defaults(run=_list)


def _add_pull(commands: Commands) -> None:
    names = ", ".join(entry.name for entry in manifest_entries())
    parser = commands.add_parser(
        "pull",
        help="download bundles from the hub (continues an interrupted download; needs no network "
        "if nothing is missing)",
    )
    parser.add_argument("bundle", nargs="*", help=f"{names} (default: all)")
    parser.add_argument(
        "--update",
        action="store_true",
        help="take the newest version and lock later pulls to it",
    )
    parser.set_defaults(run=_pull)


def _add_convert(commands: Commands) -> None:
    parser = commands.add_parser("convert", help="make a bundle from a fairseq-signals checkpoint")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path, help="the bundle's folder")
    parser.add_argument("--name", help="the bundle's name (default: the folder's)")
    parser.add_argument(
        "--labels",
        metavar="ecg-fm|FILE",
        help="meaning of the classifier's rows: ECG-FM's 17 labels, or a JSON list of names or of "
        "objects {name, joining, pos_weight, threshold, description} (default: ecg-fm, if the "
        "checkpoint has 17 rows and does not contradict)",
    )
    parser.set_defaults(run=_convert)


def _add_verify(commands: Commands) -> None:
    parser = commands.add_parser(
        "verify",
        help="check bundles: their files, and their outputs against reference outputs",
    )
    parser.add_argument(
        "bundle", nargs="*", help="names or folders (default: every installed bundle)"
    )
    parser.add_argument(
        "--golden",
        type=Path,
        metavar="FOLDER",
        help="compare with the stored outputs (*.npz) of the original code",
    )
    parser.add_argument(
        "--ecgfm-samples",
        type=Path,
        metavar="FOLDER",
        help="compare the published clinical weights with their published outputs; FOLDER holds "
        "the ECG-FM repository's code_15_org/*.mat",
    )
    parser.add_argument(
        "--reference-python",
        type=Path,
        metavar="PATH",
        help="compare with fairseq-signals run by this interpreter (requirements-fairseq.txt); "
        "needs --checkpoint",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="the checkpoint that the bundle was made from",
    )
    parser.set_defaults(run=_verify)


def _add_path(commands: Commands) -> None:
    parser = commands.add_parser("path", help="print the folder of the bundles or of one bundle")
    parser.add_argument("bundle", nargs="?", help="a bundle's name (default: the models folder)")
    parser.set_defaults(run=_path)


def _list(options: argparse.Namespace) -> int:
    models_dir = default_models_dir()
    names: set[str] = set()
    for entry in manifest_entries():
        names.add(entry.name)
        state = _state(models_dir / entry.name)
        _print(f"{entry.name:28} {state:28} {entry.about} ({entry.repo}: {entry.file})")
    for folder in _bundle_folders(models_dir):
        if folder.name not in names:
            _print(f"{folder.name:28} {_state(folder):28} {folder}")
    return 0


def _state(folder: Path) -> str:
    if not is_bundle(folder):
        return "not installed"
    try:
        bundle = load_bundle(folder, hash_weights=False)
    except ModelStoreError as error:
        return f"damaged: {error.title.lower()}"
    revision = bundle.revision or bundle.sha256
    megabytes = bundle.weights.bytes / 1e6
    return f"installed, {revision[:SHOWN_REVISION]}, {megabytes:.0f} MB"


def _pull(options: argparse.Namespace) -> int:
    models_dir = default_models_dir()
    entries = [manifest_entry(name) for name in options.bundle] or manifest_entries()
    for entry in entries:
        bundle = pull(entry, models_dir, update=options.update)
        provenance = f"revision {bundle.revision}, sha256 {bundle.sha256}"
        _print(f"{bundle.name}: {bundle.folder} ({provenance})")
    return 0


def _convert(options: argparse.Namespace) -> int:
    labels = _labels(options.labels)
    conversion = convert(options.checkpoint, options.folder, name=options.name, labels=labels)
    for line in (conversion.summary(), *conversion.notes):
        _print(line)
    return 0


def _labels(argument: str | None) -> tuple[Label, ...] | None:
    if argument is None:
        return None
    return ecg_fm_labels() if argument == "ecg-fm" else read_labels(Path(argument))


def _verify(options: argparse.Namespace) -> int:
    # Imported here because it needs torch, and the other commands do not.
    from model_store.verify import References, verify

    models_dir = default_models_dir()
    folders = [_folder_of(name) for name in options.bundle] or _bundle_folders(models_dir)
    if not folders:
        raise ModelStoreError(
            f"no bundle in {models_dir}: pull or convert one first, or name a bundle's folder"
        )
    references = References(
        golden=options.golden,
        samples=options.ecgfm_samples,
        reference_python=options.reference_python,
        checkpoint=options.checkpoint,
    )
    checks = verify(folders, references)
    for check in checks:
        _print(check.line())
    return 0 if all(check.passed for check in checks) else 1


def _path(options: argparse.Namespace) -> int:
    folder = default_models_dir() if options.bundle is None else _folder_of(options.bundle)
    _print(str(folder))
    return 0


def _folder_of(name: str) -> Path:
    """Return the folder of a bundle, given its name in the models folder or the folder itself.

    Raises ModelStoreError if there is no such bundle.
    """
    models_dir = default_models_dir()
    for folder in (models_dir / name, models_dir / IMPORTED_FOLDER / name, Path(name)):
        if is_bundle(folder):
            return folder
    hint = "`python -m model_store list` lists the installed ones"
    if any(entry.name == name for entry in manifest_entries()):
        hint = f"`python -m model_store pull {name}` downloads it"
    raise ModelStoreError(f"{name}: no such bundle; {hint}")


def _bundle_folders(models_dir: Path) -> list[Path]:
    files = [
        *models_dir.glob("*/bundle.json"),
        *models_dir.glob(f"{IMPORTED_FOLDER}/*/bundle.json"),
    ]
    # Hidden folders are conversions in progress, or left over from a crash.
    return sorted(file.parent for file in files if not file.parent.name.startswith("."))


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
