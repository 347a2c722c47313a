"""`python -m model_store list | pull | convert | verify | path`: weights on the command line.

Exit codes: 0 done; 1 a comparison or check failed, or something could not be had; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from errors import ModelStoreError
from model_store.bundle import is_bundle, load_bundle
from model_store.choose import IMPORTED
from model_store.convert import convert
from model_store.labels import Label, ecg_fm_labels, read_labels
from model_store.manifest import default_models_dir, entries, entry_named
from model_store.pull import pull

ENVIRONMENT = """\
environment:
  ECG_MODELS_DIR     where bundles lie (default: ~/.cache/ecg-fm-server, or under XDG_CACHE_HOME)
  HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE   as everywhere with huggingface_hub
"""


INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line for each request otherwise
    try:
        code: int = options.run(options)
    except ModelStoreError as error:
        sys.stderr.write(f"{error.title}: {error.detail}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted; a pull continues where it was with the same command\n")
        return INTERRUPTED
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
    listing = commands.add_parser("list", help="what can be pulled and what is there")
    listing.set_defaults(run=_list)

    pulling = commands.add_parser(
        "pull",
        help="fetch bundles from the hub (continues a broken download; no network where nothing is missing)",
    )
    pulling.add_argument(
        "bundle", nargs="*", help=f"{', '.join(entry.name for entry in entries())} (default: all)"
    )
    pulling.add_argument(
        "--update", action="store_true", help="take the newest version and hold later pulls to it"
    )
    pulling.set_defaults(run=_pull)

    converting = commands.add_parser(
        "convert", help="make a bundle from a fairseq-signals checkpoint"
    )
    converting.add_argument("checkpoint", type=Path)
    converting.add_argument("folder", type=Path, help="the bundle's folder")
    converting.add_argument("--name", help="the bundle's name (default: the folder's)")
    converting.add_argument(
        "--labels",
        metavar="ecg-fm|FILE",
        help="what the classifier's rows mean: ECG-FM's own 17, or a JSON list of names or of objects {name, joining, pos_weight, "
        "threshold, description} (default: ecg-fm, where the checkpoint has 17 rows and does not contradict)",
    )
    converting.set_defaults(run=_convert)

    verifying = commands.add_parser(
        "verify", help="check bundles: their files, and their answers against reference answers"
    )
    verifying.add_argument(
        "bundle", nargs="*", help="names or folders (default: every bundle that is there)"
    )
    verifying.add_argument(
        "--golden",
        type=Path,
        metavar="FOLDER",
        help="compare with the stored outputs (*.npz) of the original code",
    )
    verifying.add_argument(
        "--ecgfm-samples",
        type=Path,
        metavar="FOLDER",
        help="compare the published clinical weights with their published answers; FOLDER holds the ECG-FM repository's code_15_org/*.mat",
    )
    verifying.add_argument(
        "--reference-python",
        type=Path,
        metavar="PATH",
        help="compare with fairseq-signals run by this interpreter (requirements-fairseq.txt), needs --checkpoint",
    )
    verifying.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="the checkpoint that the bundle was made from",
    )
    verifying.set_defaults(run=_verify)

    finding = commands.add_parser("path", help="where bundles lie")
    finding.add_argument(
        "bundle", nargs="?", help="a bundle's name (default: the models folder itself)"
    )
    finding.set_defaults(run=_path)
    return parser


def _list(options: argparse.Namespace) -> int:
    models_dir = default_models_dir()
    known = {entry.name: entry for entry in entries()}
    for name, entry in known.items():
        state = _state(models_dir / name)
        _say(f"{name:28} {state:28} {entry.about} ({entry.repo}: {entry.file})")
    for folder in _folders(models_dir):
        if folder.name not in known:
            _say(f"{folder.name:28} {_state(folder):28} {folder}")
    return 0


def _state(folder: Path) -> str:
    if not is_bundle(folder):
        return "not there"
    try:
        bundle = load_bundle(folder, hash_weights=False)
    except ModelStoreError as error:
        return f"damaged: {error.title.lower()}"
    return f"there, {(bundle.revision or bundle.sha256)[:12]}, {bundle.weights.bytes / 1e6:.0f} MB"


def _pull(options: argparse.Namespace) -> int:
    models_dir = default_models_dir()
    for entry in [entry_named(name) for name in options.bundle] or entries():
        bundle = pull(entry, models_dir, update=options.update)
        _say(f"{bundle.name}: {bundle.folder} (revision {bundle.revision}, sha256 {bundle.sha256})")
    return 0


def _convert(options: argparse.Namespace) -> int:
    conversion = convert(
        options.checkpoint, options.folder, name=options.name, labels=_labels(options.labels)
    )
    for line in (conversion.summary(), *conversion.notes):
        _say(line)
    return 0


def _labels(given: str | None) -> tuple[Label, ...] | None:
    if given is None:
        return None
    return ecg_fm_labels() if given == "ecg-fm" else read_labels(Path(given))


def _verify(options: argparse.Namespace) -> int:
    from model_store.verify import (  # here: it needs torch, the other commands do not
        Against,
        verify,
    )

    folders = [_folder(name) for name in options.bundle] or _folders(default_models_dir())
    if not folders:
        raise ModelStoreError(
            f"no bundle in {default_models_dir()}: pull or convert one first, or name a bundle's folder"
        )
    checks = verify(
        folders,
        Against(
            options.golden, options.ecgfm_samples, options.reference_python, options.checkpoint
        ),
    )
    for check in checks:
        _say(check.line())
    return 0 if all(check.passed for check in checks) else 1


def _path(options: argparse.Namespace) -> int:
    _say(str(default_models_dir() if options.bundle is None else _folder(options.bundle)))
    return 0


def _folder(name: str) -> Path:
    """Where a bundle lies, by its name in the models folder or by its folder."""
    for folder in (default_models_dir() / name, default_models_dir() / IMPORTED / name, Path(name)):
        if is_bundle(folder):
            return folder
    known = any(entry.name == name for entry in entries())
    hint = (
        f"`python -m model_store pull {name}` fetches it"
        if known
        else "`python -m model_store list` shows those that are there"
    )
    raise ModelStoreError(f"{name}: no such bundle; {hint}")


def _folders(models_dir: Path) -> list[Path]:
    found = [*models_dir.glob("*/bundle.json"), *models_dir.glob(f"{IMPORTED}/*/bundle.json")]
    return sorted(path.parent for path in found if not path.parent.name.startswith("."))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
