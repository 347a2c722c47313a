"""Train the embedded model on PTB-XL, score it out of fold, write its bundle and its card.

    python -m training.embedded --data PTBXL --keep FOLDER --cross-validate
                                [--groups 9] [--epochs 30] [--members 2] [--seed 0]
    python -m training.embedded --data PTBXL --keep FOLDER
    python -m training.embedded --data PTBXL --keep FOLDER --without-fold 9 --out BUNDLE

PTBXL is the database as PhysioNet has it, or packed. Fold 10 is not used. The first command holds
out one group of folds after the other; fold 9 is a group of its own. It trains the members of each
group's network, and keeps them and the out-of-fold logits in FOLDER; members that are there already
are not trained again.

The second command trains what ships on folds 1-9. Its calibration, thresholds and figures come from
what the first command kept. The third writes a bundle of a kept network that was not trained on
that fold, to test a server with. The same seed gives the same network.

Each of the first two may be stopped and given again: it goes on after the last complete epoch, and
ends with the same weights.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray

from encoder.compact import Compact, join_networks
from encoder.config import CompactConfig
from encoder.weights import load_encoder_file
from model_store.choose import EMBEDDED_FOLDER
from model_store.weights_file import weight_shapes, write_weights
from training.embedded.bundle import write_bundle
from training.embedded.card import CARD, CARD_FILE, NAME, Made, card
from training.embedded.data import Examples, read_examples
from training.embedded.fit import config_for, finish, read, train
from training.embedded.headline import write_headline
from training.embedded.progress import spent_cpu_s
from training.embedded.robustness import costs, rate_shifts
from training.embedded.scores import calibration, macro_auroc, score
from training.embedded.validated_fold import VALIDATED_FOLD, score_validated_fold
from training.page import ACCURACY_PAGE

FOLDS: Final = 9
KEPT: Final = "kept.npz"
ALL: Final = "all"  # name of the network of all folds
SEED_STEP: Final = 100  # from member to member
TRAINED: Final = "trained"  # stages of a member
FINISHED: Final = "finished"

Options = argparse.Namespace


@dataclass(frozen=True, eq=False)
class Kept:
    """What a cross-validation has left so far.

    logits  (records, labels) by networks that were not trained on the record
    known   (records,) whether the record's group is done
    """

    logits: NDArray[np.float32]
    known: NDArray[np.bool_]
    cpu_s: float
    groups: int
    epochs: int
    members: int
    seed: int

    def group(self, fold: int) -> int:
        return _group_of(fold, self.groups)


def _group_of(fold: int, groups: int) -> int:
    """Return the group of a fold (1-9).

    Neighbouring folds form the groups; the validated fold, the last, is one of its own.
    """
    if fold == VALIDATED_FOLD:
        return groups - 1
    return (fold - 1) * (groups - 1) // (FOLDS - 1)


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    options.keep.mkdir(parents=True, exist_ok=True)
    examples = read_examples(options.data, options.limit)
    _print(f"{len(examples)} recordings, {len(examples.labels)} labels")
    if options.cross_validate:
        cross_validate(examples, options)
    elif options.without_fold is not None:
        _write_without_fold(examples, options)
    else:
        _write_shipped(examples, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="PTB-XL: a folder with ptbxl_database.csv, or its packed copy",
    )
    parser.add_argument(
        "--keep",
        type=Path,
        required=True,
        help="where a cross-validation keeps its networks and logits",
    )
    parser.add_argument("--cross-validate", action="store_true")
    parser.add_argument(
        "--groups",
        type=int,
        choices=range(2, FOLDS + 1),
        default=FOLDS,
        help="held-out groups that the nine folds are put into; the last is fold 9",
    )
    parser.add_argument(
        "--only-group", type=int, help="train only this one, to share the work among processes"
    )
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument(
        "--members", type=int, default=2, help="networks of different seeds, joined into one"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--without-fold",
        type=int,
        help="write the bundle of a kept network that was not trained on this fold",
    )
    parser.add_argument("--limit", type=int, help="at most this many recordings, for a trial run")
    parser.add_argument("--out", type=Path, default=EMBEDDED_FOLDER, help="the bundle's folder")
    parser.add_argument("--card", type=Path, default=CARD_FILE)
    parser.add_argument(
        "--page", type=Path, default=ACCURACY_PAGE, help="the document with the headline"
    )
    return parser


def cross_validate(examples: Examples, options: Options) -> None:
    """Train the missing members of each group's network; keep the logits of all groups done."""
    group = np.array([_group_of(fold, options.groups) for fold in examples.fold.tolist()])
    selected = range(options.groups) if options.only_group is None else [options.only_group]
    for number in selected:
        _train_members(
            options.keep,
            _group_name(number),
            examples,
            np.flatnonzero(group != number),
            options.seed + number,
            options.epochs,
            options.members,
        )
    kept = _read_groups(examples, group, options)
    values = {name: np.asarray(value) for name, value in vars(kept).items()}
    np.savez(options.keep / KEPT, allow_pickle=False, **values)


def _read_groups(examples: Examples, group: NDArray[np.int64], options: Options) -> Kept:
    """Return the out-of-fold logits of the groups whose networks are complete.

    group  (records,)
    """
    logits = np.full(examples.truth.shape, np.nan, np.float32)
    known = np.zeros(len(examples), np.bool_)
    cpu_s = 0.0
    done = 0
    for number in range(options.groups):
        name = _group_name(number)
        if not _is_done(options.keep, name, options.members):
            continue
        held = group == number
        net = _joined_net(options.keep, name, options.members, examples)
        logits[held] = read(net, examples.signals[held])
        known |= held
        cpu_s += _cpu_s(options.keep, name, options.members)
        done += 1
        score_of_group = macro_auroc(examples.truth[held], logits[held])
        _print(f"group {number + 1} of {options.groups}: macro AUROC {score_of_group:.4f}")
    macro = macro_auroc(examples.truth[known], logits[known])
    _print(
        f"{done} of {options.groups} groups: macro AUROC of the superclasses {macro:.4f}; "
        f"{cpu_s:.0f} s of CPU"
    )
    return Kept(logits, known, cpu_s, options.groups, options.epochs, options.members, options.seed)


def _train_members(
    keep: Path,
    name: str,
    examples: Examples,
    rows: NDArray[np.intp],
    seed: int,
    epochs: int,
    members: int,
) -> None:
    """Train and finish each missing member of a network on these rows, with a seed for each."""
    config = config_for(len(examples.labels))
    for member in range(members):
        member_seed = seed + SEED_STEP * member
        settings = {"epochs": epochs, "seed": member_seed, "recordings": len(rows)}
        trained = _member_file(keep, name, member, TRAINED)
        _make_once(
            trained, settings, partial(train, examples, rows, config, epochs, member_seed, _print)
        )
        _make_once(
            _member_file(keep, name, member),
            settings,
            partial(_finished, trained, examples, rows, config, member_seed),
        )


def _finished(
    trained: Path,
    examples: Examples,
    rows: NDArray[np.intp],
    config: CompactConfig,
    seed: int,
    progress: Path,
) -> Compact:
    return finish(_load_member(trained, config), examples, rows, seed, _print, progress)


def _make_once(path: Path, settings: dict[str, int], make: Callable[[Path], Compact]) -> None:
    """Write a network, the CPU time it took and its settings, unless they are there.

    make  makes the network; it is given the file of its progress
    Raises ValueError if those that are there have other settings.
    """
    log = path.with_suffix(".json")
    if log.is_file():
        found = json.loads(log.read_text())["settings"]
        if found != settings:
            raise ValueError(
                f"{path}: trained with {found}, asked for {settings}; name another folder"
            )
        return
    progress = path.with_suffix(".progress")
    earlier_s = spent_cpu_s(progress)
    began = time.process_time()
    save(path, make(progress))
    cpu_s = earlier_s + time.process_time() - began
    log.write_text(json.dumps({"cpu_s": cpu_s, "settings": settings}))
    progress.unlink(missing_ok=True)


def _write_shipped(examples: Examples, options: Options) -> None:
    """Write the bundle of the network of all nine folds, and the card with out-of-fold figures."""
    kept = read_kept(options.keep)
    validated = score_validated_fold(examples, kept.logits, kept.known)
    rows = np.arange(len(examples))
    seed = kept.seed + kept.groups
    _train_members(options.keep, ALL, examples, rows, seed, kept.epochs, kept.members)
    scores = score(examples, kept.logits, kept.known)
    _print(
        f"macro AUROC of the superclasses: out of fold {scores.macro}, fold {VALIDATED_FOLD} "
        f"{validated.macro}, its largest calibration error {validated.largest_error:.3f}"
    )
    net = _joined_net(options.keep, ALL, kept.members, examples)
    bundle = write_bundle(options.out, net, examples, scores, NAME, CARD)
    folds = [int(fold) for fold in np.unique(examples.fold[kept.known])]
    nets = {
        fold: _joined_net(options.keep, _group_name(kept.group(fold)), kept.members, examples)
        for fold in folds
    }
    held = np.flatnonzero(examples.fold == VALIDATED_FOLD)
    changed = costs(nets[VALIDATED_FOLD], examples, held, examples.preprocessing)
    shifts = rate_shifts(nets, examples, examples.preprocessing, scores.slope, scores.offset)
    made = Made(
        folds=tuple(folds),
        groups=kept.groups,
        epochs=kept.epochs,
        members=kept.members,
        seed=kept.seed,
        validation_cpu_s=kept.cpu_s,
        cpu_s=_cpu_s(options.keep, ALL, kept.members),
        recordings=len(examples),
        judged=int(kept.known.sum()),
    )
    text = card(bundle, scores, validated, changed, shifts, made)
    options.card.write_text(text, encoding="utf-8")
    write_headline(options.page, scores, validated, made.judged)
    _print(f"{options.out}: {bundle.weights.bytes} bytes, sha256 {bundle.sha256}; {options.card}")


def _write_without_fold(examples: Examples, options: Options) -> None:
    """Write the bundle of a kept network, calibrated on the logits of the other groups.

    Prints its score on the fold that it was not trained on.
    Raises FileNotFoundError if there is no such network, or no logits of other groups.
    """
    kept = read_kept(options.keep)
    fold = options.without_fold
    of_fold = examples.fold == fold
    if not kept.known[of_fold].all():
        raise FileNotFoundError(f"no network in {options.keep} was trained without fold {fold}")
    number = kept.group(fold)
    group = np.array([kept.group(each) for each in examples.fold.tolist()])
    calibrated_on = kept.known & (group != number)
    if not calibrated_on.any():
        raise FileNotFoundError(f"no network in {options.keep} holds out another group of folds")
    slope, offset = calibration(kept.logits[calibrated_on], examples.truth[calibrated_on])
    scores = replace(score(examples, kept.logits, kept.known), slope=slope, offset=offset)
    net = _joined_net(options.keep, _group_name(number), kept.members, examples)
    write_bundle(options.out, net, examples, scores, f"embedded-without-fold-{fold}", None)
    macro = macro_auroc(examples.truth[of_fold], kept.logits[of_fold])
    _print(f"{options.out}: macro AUROC on fold {fold} {macro:.4f}")


def save(path: Path, net: Compact) -> None:
    weights = {name: value.numpy() for name, value in net.state_dict().items()}
    write_weights(path, weight_shapes(net.config), weights)


def _joined_net(keep: Path, name: str, members: int, examples: Examples) -> Compact:
    """Return the members of that name, joined into one network."""
    config = config_for(len(examples.labels))
    paths = [_member_file(keep, name, member) for member in range(members)]
    return join_networks([_load_member(path, config) for path in paths])


def _load_member(path: Path, config: CompactConfig) -> Compact:
    return cast(Compact, load_encoder_file(config, path))


def _group_name(number: int) -> str:
    """Return the name of the network that was trained without this group."""
    return f"group{number}"


def _member_file(keep: Path, name: str, member: int, stage: str = FINISHED) -> Path:
    return keep / f"{name}.{member}.{stage}.safetensors"


def _is_done(keep: Path, name: str, members: int) -> bool:
    logs = [_member_file(keep, name, member).with_suffix(".json") for member in range(members)]
    return all(log.is_file() for log in logs)


def _cpu_s(keep: Path, name: str, members: int) -> float:
    """Return the CPU time that all members took, trained and finished."""
    seconds = 0.0
    for member in range(members):
        for stage in (TRAINED, FINISHED):
            log = _member_file(keep, name, member, stage).with_suffix(".json")
            seconds += json.loads(log.read_text())["cpu_s"]
    return seconds


def read_kept(keep: Path) -> Kept:
    """Return what a cross-validation kept in the folder.

    Raises FileNotFoundError that names the command to run.
    """
    path = keep / KEPT
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: not there; run with --cross-validate first: calibration and figures come "
            "from it"
        )
    names = ("cpu_s", "groups", "epochs", "members", "seed")
    with np.load(path, allow_pickle=False) as file:
        numbers = {name: file[name].item() for name in names}
        return Kept(file["logits"], file["known"], **numbers)


def _print(line: str) -> None:
    print(line, flush=True)
