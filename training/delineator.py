"""Train the delineator on LUDB, score it out of fold, write what ships.

    python -m training.delineator --data /path/to/ludb [--folds 5] [--epochs 70] [--seed 0]

Folds are by record, one patient each. The figures printed, and written to docs/accuracy.md and to the card beside the weights, are
out of fold; what ships is then trained on all records. Seeded: the same command gives the same weights on the same machine.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from intervals import delineator as shipped
from intervals.beats import BEAT_SAMPLES
from training.delineation_beats import BeatSource, Example, beat_source, draw
from training.delineation_scores import Scores, score
from training.delineator_net import DelineatorNet, export
from training.ludb import read_ludb

BATCH: Final = 16
DRAWS: Final = 1.8  # examples a record and epoch
PEAK_RATE: Final = 4e-3
WEIGHT_DECAY: Final = 0.01
LEAD_SD_SAMPLES: Final = 2.0  # 8 ms
GLOBAL_SD_SAMPLES: Final = 1.5  # 6 ms
CLASS_LOSS, EXPECTATION_LOSS, P_LOSS = 2.0, 0.03, 0.5
# Leads a batch: mostly all, else some, seldom one to three, so that an incomplete recording is nothing new.
LEAD_COUNTS: Final = (12, 12, 12, 12, 8, 8, 6, 6, 3, 1)
CARD_ABOUT: Final = "P, QRS and T boundaries of a representative beat; U-Net over time, weights shared over leads"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="LUDB: a folder with ludb.csv and data/")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=70)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=shipped.WEIGHTS_FILE.parent, help="where the weights and their card go")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    records = read_ludb(options.data)
    sources = [source for source in map(beat_source, records) if source is not None]
    print(f"{len(records)} records, {len(sources)} with beats to train on", flush=True)
    scores = cross_validate(sources, options)
    print(scores.table("out of fold"), flush=True)
    weights = train(sources, options.epochs, options.seed)
    write(options.out, weights, scores, vars(options) | {"records": len(sources)})


def cross_validate(sources: list[BeatSource], options: argparse.Namespace) -> Scores:
    """Every record measured by a network that never saw it."""
    fold = np.random.default_rng(options.seed).permutation(len(sources)) % options.folds
    held: dict[int, dict[str, NDArray[np.float32]]] = {}
    for number in range(options.folds):
        began = time.monotonic()
        held[number] = train([s for s, f in zip(sources, fold, strict=True) if f != number], options.epochs, options.seed + number)
        np.savez(options.out / f"fold{number}.npz", **held[number]) if options.out != shipped.WEIGHTS_FILE.parent else None
        mine = [source for source, f in zip(sources, fold, strict=True) if f == number]
        print(f"fold {number + 1} of {options.folds}, {time.monotonic() - began:.0f} s", flush=True)
        print(score(mine, [held[number]] * len(mine), np.zeros(len(mine), np.intp)).table("this fold, bias not removed"), flush=True)
    return score(sources, [held[number] for number in fold.tolist()], fold)


def train(sources: list[BeatSource], epochs: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """The weights, ready for `intervals/delineator.py`."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = DelineatorNet().to(memory_format=torch.contiguous_format)
    steps = max(1, round(epochs * len(sources) * DRAWS / BATCH))
    optimiser = torch.optim.AdamW(net.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_RATE, total_steps=steps, pct_start=0.2)
    share = np.array([source.weight for source in sources])
    share /= share.sum()
    net.train()
    for _ in range(steps):
        leads = int(rng.choice(LEAD_COUNTS))
        examples = [draw(sources[int(index)], leads, rng) for index in rng.choice(len(sources), BATCH, p=share)]
        optimiser.zero_grad()
        loss = _loss(net, examples)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        schedule.step()
    return export(net.eval())


def _loss(net: DelineatorNet, examples: list[Example]) -> Tensor:
    features = torch.from_numpy(np.stack([each.features for each in examples]))
    alive = torch.from_numpy(np.stack([each.alive for each in examples]).astype(np.float32))
    classes, lead, overall, present = net(features, alive)
    class_target = torch.from_numpy(np.stack([each.classes for each in examples]))
    class_target = torch.where(alive[:, :, None] > 0, class_target, torch.full_like(class_target, -1))
    lead_target = torch.from_numpy(np.stack([np.where(each.alive, each.leads, np.nan) for each in examples]))
    overall_target = torch.from_numpy(np.stack([each.overall for each in examples]))
    p_target = torch.tensor([each.p_present for each in examples])
    loss: Tensor = CLASS_LOSS * functional.cross_entropy(classes, class_target, ignore_index=-1)
    loss = loss + _time_loss(lead.transpose(1, 2).transpose(1, 2), lead_target, LEAD_SD_SAMPLES)
    loss = loss + _time_loss(overall, overall_target, GLOBAL_SD_SAMPLES)
    return loss + P_LOSS * functional.binary_cross_entropy_with_logits(present, p_target)


def _time_loss(logits: Tensor, target: Tensor, sd: float) -> Tensor:
    """Cross-entropy against a Gaussian about the time, and the expectation's distance from it; where there is a time."""
    known = torch.isfinite(target) & (target > 0) & (target < BEAT_SAMPLES - 1)
    if not bool(known.any()):
        return logits.sum() * 0.0
    chosen, at = logits[known], target[known].to(torch.float32)[:, None]
    places = torch.arange(BEAT_SAMPLES, dtype=torch.float32)
    gaussian = torch.exp(-0.5 * ((places - at) / sd) ** 2)
    gaussian = gaussian / gaussian.sum(dim=1, keepdim=True)
    log_probability = functional.log_softmax(chosen, dim=1)
    expectation = (log_probability.exp() * places).sum(dim=1)
    return -(gaussian * log_probability).sum(dim=1).mean() + EXPECTATION_LOSS * (expectation - at[:, 0]).abs().mean()


def write(folder: Path, weights: dict[str, NDArray[np.float32]], scores: Scores, made: dict[str, Any]) -> None:
    """delineator.npz (float16 is exact enough: 0.1 ms) and delineator.json beside it."""
    arrays: dict[str, Any] = {name: value.astype(np.float16) for name, value in weights.items()}
    np.savez_compressed(folder / shipped.WEIGHTS_FILE.name, **arrays)
    said = {key: str(value) if isinstance(value, Path) else value for key, value in made.items() if key not in ("out", "data")}
    card = {"about": CARD_ABOUT, "made": said, **scores.card()}
    (folder / shipped.CARD_FILE.name).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
