"""Train the embedded model on PTB-XL, score it out of fold, write its bundle and its card.

    python -m training.embedded --data PTBXL --keep FOLDER --cross-validate [--groups 9] [--epochs 30] [--members 2] [--seed 0]
    python -m training.embedded --data PTBXL --keep FOLDER
    python -m training.embedded --data PTBXL --keep FOLDER --without-fold 9 --out BUNDLE

PTBXL is the database as PhysioNet has it, or packed; fold 10 is left alone, whether it is there or not. The first command trains
the networks that are joined into one for each group of folds held out and keeps them and the held-out logits in FOLDER (finished ones
are not trained again).
The second trains what ships on folds 1-9 and takes its calibration, thresholds and figures from what the first one kept. The third
makes a bundle of a kept network that never saw that fold, to check a server with. Seeded: the same again gives the same network.
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
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from encoder.compact import Compact, join_networks
from encoder.config import CompactConfig
from encoder.weights import load_encoder_file
from model_store.choose import EMBEDDED_FOLDER
from model_store.weights_file import weight_shapes, write_weights
from training.embedded import card as embedded_card
from training.embedded.bundle import write_bundle
from training.embedded.data import Examples, read_examples
from training.embedded.fit import config_for, finish, read, train
from training.embedded.robustness import costs, rate_shifts
from training.embedded.scores import calibration, macro_auroc, score

FOLDS = 9
KEPT = "kept.npz"
ALL = "all"  # folds
SEED_STEP = 100  # from member to member
TRAINED, FINISHED = "trained", "finished"


@dataclass(frozen=True, eq=False)
class Kept:
    """What a cross-validation left so far: logits (records, labels) by networks that never saw the record.

    known  (records,) whether its group is done already
    """

    logits: NDArray[np.float32]
    known: NDArray[np.bool_]
    cpu_s: float
    groups: int
    epochs: int
    members: int
    seed: int

    def number(self, fold: int) -> int:
        return group_of(fold, self.groups)


def group_of(fold: int, groups: int) -> int:
    """The folds in so many groups of neighbours."""
    return (fold - 1) * groups // FOLDS


def main(arguments: list[str] | None = None) -> None:
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
        help="where a cross-validation leaves its networks and logits",
    )
    parser.add_argument("--cross-validate", action="store_true")
    parser.add_argument(
        "--groups", type=int, default=FOLDS, help="held-out groups that the nine folds are put into"
    )
    parser.add_argument(
        "--only-group", type=int, help="train this one alone, to share the work among processes"
    )
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument(
        "--members", type=int, default=2, help="networks of other seeds that are joined into one"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--without-fold",
        type=int,
        help="write the bundle of a kept network that never saw this fold",
    )
    parser.add_argument("--limit", type=int, help="so many recordings only, to try it")
    parser.add_argument("--out", type=Path, default=EMBEDDED_FOLDER, help="the bundle's folder")
    parser.add_argument("--card", type=Path, default=embedded_card.PAGE)
    options = parser.parse_args(arguments)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    options.keep.mkdir(parents=True, exist_ok=True)
    examples = read_examples(options.data, options.limit)
    print(f"{len(examples)} recordings, {len(examples.labels)} labels", flush=True)
    if options.cross_validate:
        cross_validate(examples, options)
    elif options.without_fold is not None:
        without_fold(examples, options)
    else:
        ship(examples, options)


def cross_validate(examples: Examples, options: argparse.Namespace) -> None:
    group = np.array([group_of(fold, options.groups) for fold in examples.fold.tolist()])
    for number in range(options.groups) if options.only_group is None else [options.only_group]:
        rows = np.flatnonzero(group != number)
        train_members(
            options.keep,
            _held(number),
            examples,
            rows,
            options.seed + number,
            options.epochs,
            options.members,
        )
    done = [
        number
        for number in range(options.groups)
        if _is_done(options.keep, _held(number), options.members)
    ]
    logits, cpu_s = np.full(examples.truth.shape, np.nan, np.float32), 0.0
    for number in done:
        held = group == number
        logits[held] = read(
            _net(options.keep, _held(number), options.members, examples), examples.signals[held]
        )
        cpu_s += _cpu_s(options.keep, _held(number), options.members)
        print(
            f"group {number + 1} of {options.groups}: macro AUROC {macro_auroc(examples.truth[held], logits[held]):.4f}",
            flush=True,
        )
    known = np.isin(group, done)
    kept = Kept(logits, known, cpu_s, options.groups, options.epochs, options.members, options.seed)
    np.savez(
        options.keep / KEPT,
        allow_pickle=False,
        **{name: np.asarray(value) for name, value in vars(kept).items()},
    )
    found = macro_auroc(examples.truth[known], logits[known])
    print(
        f"{len(done)} of {options.groups} groups: macro AUROC of the superclasses {found:.4f}; {cpu_s:.0f} s of CPU",
        flush=True,
    )


def train_members(
    keep: Path,
    name: str,
    examples: Examples,
    rows: NDArray[np.intp],
    seed: int,
    epochs: int,
    members: int,
) -> None:
    """Each member on these rows, from a seed of its own, trained and finished; what is there already is left."""
    config = config_for(len(examples.labels))
    for member in range(members):
        trained = _weights(keep, name, member, TRAINED)
        _once(
            trained,
            partial(train, examples, rows, config, epochs, seed + SEED_STEP * member, _report),
        )
        _once(
            _weights(keep, name, member),
            partial(_finished, trained, examples, rows, config, seed + SEED_STEP * member),
        )


def _finished(
    trained: Path, examples: Examples, rows: NDArray[np.intp], config: CompactConfig, seed: int
) -> Compact:
    return finish(_member(trained, config), examples, rows, seed, _report)


def _once(path: Path, make: Callable[[], Compact]) -> None:
    """The network that is made and the CPU time that it took are there afterwards, unless they were before."""
    if path.with_suffix(".json").is_file():
        return
    began = time.process_time()
    save(path, make())
    path.with_suffix(".json").write_text(json.dumps({"cpu_s": time.process_time() - began}))


def _report(line: str) -> None:
    print(line, flush=True)


def ship(examples: Examples, options: argparse.Namespace) -> None:
    """The network of all nine folds, and the card with what the others did on what they had not seen."""
    kept = read_kept(options.keep)
    train_members(
        options.keep,
        ALL,
        examples,
        np.arange(len(examples)),
        kept.seed + kept.groups,
        kept.epochs,
        kept.members,
    )
    scores = score(examples, kept.logits, kept.known)
    print(f"out of fold: macro AUROC of the superclasses {scores.macro}", flush=True)
    net = _net(options.keep, ALL, kept.members, examples)
    bundle = write_bundle(
        options.out, net, examples, scores, embedded_card.NAME, embedded_card.CARD
    )
    folds = [int(fold) for fold in np.unique(examples.fold[kept.known])]
    nets = {
        fold: _net(options.keep, _held(kept.number(fold)), kept.members, examples) for fold in folds
    }
    checked = max(folds)  # PTB-XL's last folds are those whose statements people validated
    changed = costs(
        nets[checked], examples, np.flatnonzero(examples.fold == checked), examples.preprocessing
    )
    shifts = rate_shifts(nets, examples, examples.preprocessing, scores.slope, scores.offset)
    cpu_s = _cpu_s(options.keep, ALL, kept.members)
    made = embedded_card.Made(
        tuple(folds),
        kept.groups,
        kept.epochs,
        kept.members,
        kept.seed,
        kept.cpu_s,
        cpu_s,
        len(examples),
        int(kept.known.sum()),
    )
    options.card.write_text(
        embedded_card.card(bundle, scores, changed, shifts, made), encoding="utf-8"
    )
    print(f"{options.out}: {bundle.weights.bytes} bytes, sha256 {bundle.sha256}; {options.card}")


def without_fold(examples: Examples, options: argparse.Namespace) -> None:
    """A kept network's bundle, calibrated on the logits of the other groups; its score on that fold."""
    kept = read_kept(options.keep)
    fold = examples.fold == options.without_fold
    if not kept.known[fold].all():
        raise FileNotFoundError(
            f"no network in {options.keep} was held back from fold {options.without_fold}"
        )
    number = kept.number(options.without_fold)
    others = kept.known & np.array([kept.number(each) != number for each in examples.fold.tolist()])
    scores = score(examples, kept.logits, kept.known)
    fitted_on = (
        others if others.any() else kept.known
    )  # a single group has no others: then only the ranking is out of fold
    slope, offset = calibration(kept.logits[fitted_on], examples.truth[fitted_on])
    net = _net(options.keep, _held(number), kept.members, examples)
    write_bundle(
        options.out,
        net,
        examples,
        replace(scores, slope=slope, offset=offset),
        f"embedded-without-fold-{options.without_fold}",
        None,
    )
    print(
        f"{options.out}: macro AUROC on fold {options.without_fold} {macro_auroc(examples.truth[fold], kept.logits[fold]):.4f}"
    )


def save(path: Path, net: Compact) -> None:
    write_weights(
        path,
        weight_shapes(net.config),
        {name: value.numpy() for name, value in net.state_dict().items()},
    )


def _net(keep: Path, name: str, members: int, examples: Examples) -> Compact:
    """The members of that name, joined."""
    config = config_for(len(examples.labels))
    return join_networks(
        [_member(_weights(keep, name, member), config) for member in range(members)]
    )


def _member(path: Path, config: CompactConfig) -> Compact:
    return cast(Compact, load_encoder_file(config, path))


def _held(number: int) -> str:
    return f"group{number}"


def _weights(keep: Path, name: str, member: int, stage: str = FINISHED) -> Path:
    return keep / f"{name}.{member}.{stage}.safetensors"


def _is_done(keep: Path, name: str, members: int) -> bool:
    return all(
        _weights(keep, name, member).with_suffix(".json").is_file() for member in range(members)
    )


def _cpu_s(keep: Path, name: str, members: int) -> float:
    paths = [
        _weights(keep, name, member, stage).with_suffix(".json")
        for member in range(members)
        for stage in (TRAINED, FINISHED)
    ]
    return float(sum(json.loads(path.read_text())["cpu_s"] for path in paths))


def read_kept(keep: Path) -> Kept:
    """What the cross-validation left there. Raises FileNotFoundError that says how to make it."""
    path = keep / KEPT
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: not there; run with --cross-validate first: calibration and figures come from it"
        )
    with np.load(path, allow_pickle=False) as file:
        numbers = {
            name: file[name].item() for name in ("cpu_s", "groups", "epochs", "members", "seed")
        }
        return Kept(file["logits"], file["known"], **numbers)
