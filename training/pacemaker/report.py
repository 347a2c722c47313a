"""What the training of the pacemaker head says about it: figures as tables, and their section of docs/accuracy.md."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from heads.pacemaker import PacemakerEvidence, PacemakerHead
from training.pacemaker.fit import spike_limits, threshold_at
from training.pacemaker.rows import Spiked

if TYPE_CHECKING:
    from training.pacemaker.train import OutOfFold

BEGIN: Final = "<!-- pacemaker: written by python -m training.pacemaker -->\n"
END: Final = "<!-- end of pacemaker -->\n"
SPECIFICITIES: Final = (0.98, 0.99, 0.995, 0.998)
BINS: Final = (0.0, 0.01, 0.05, 0.2, 0.5, 0.8, 1.0)

Flags = NDArray[np.bool_]


def section(
    scored: Flags,
    paced: Flags,
    fold: NDArray[np.int64],
    unseen: OutOfFold,
    head: PacemakerHead,
    spiked: list[Spiked],
) -> str:
    """The section's text."""
    # A recording whose beats cannot be judged is as likely paced as any.
    log_odds = np.where(np.isnan(unseen.log_odds), head.prior_log_odds, unseen.log_odds)
    probability = 1 / (1 + np.exp(-log_odds[scored]))
    parts = [
        "## Pacemaker",
        "Written by `python -m training.pacemaker --ptbxl PTBXL --ludb LUDB`.",
        _of_beats(
            probability,
            paced[scored],
            fold[scored],
            int(np.isnan(unseen.log_odds[scored]).sum()),
            unseen,
        ),
        _calibration(probability, paced[scored]),
        _of_spikes(head, unseen, spiked),
    ]
    return "\n\n".join(parts) + "\n"


def _of_beats(
    probability: NDArray[np.float64],
    paced: Flags,
    fold: NDArray[np.int64],
    unjudged: int,
    unseen: OutOfFold,
) -> str:
    own = [
        float(roc_auc_score(paced[fold == number], probability[fold == number]))
        for number in unseen.heads
    ]
    lines = [
        f"**PTB-XL at 100 Hz**, folds 1-9, {paced.size} recordings, {int(paced.sum())} of them paced. Spikes cannot be seen at 100 Hz,",
        "so this is the form of the beats alone. Out of fold (PTB-XL's folds, patients apart; trees, calibration and threshold from",
        "the other folds).",
        f"{unjudged} recordings whose beats cannot be judged count as having the overall probability.",
        "",
        f"AUROC {roc_auc_score(paced, probability):.4f} (single folds {min(own):.3f} to {max(own):.3f}).",
        "",
        "| specificity | sensitivity |",
        "|---|---|",
    ]
    for specificity in SPECIFICITIES:
        sensitivity = float(
            (probability[paced] >= threshold_at(specificity, probability, paced)).mean()
        )
        lines.append(f"| {specificity} | {sensitivity:.3f} |")
    called = np.array(
        [
            value >= unseen.heads[number].threshold
            for value, number in zip(probability, fold.tolist(), strict=True)
        ]
    )
    lines += [
        "",
        f"As called, each fold by the threshold that the others set at a specificity of 0.995: sensitivity {called[paced].mean():.3f}, "
        f"specificity {1 - called[~paced].mean():.4f}.",
    ]
    return "\n".join(lines)


def _calibration(probability: NDArray[np.float64], paced: Flags) -> str:
    lines = [
        f"Calibrated to PTB-XL's prevalence of {paced.mean():.2%}; Brier score {np.mean((probability - paced) ** 2):.4f} "
        f"(that of always saying the prevalence: {paced.mean() * (1 - paced.mean()):.4f}).",
        "",
        "| probability | recordings | mean probability | share paced |",
        "|---|---|---|---|",
    ]
    for low, high in pairwise(BINS):
        inside = (probability >= low) & ((probability < high) | (high == 1.0))
        if inside.any():
            lines.append(
                f"| {low} to {high} | {inside.sum()} | {probability[inside].mean():.3f} | {paced[inside].mean():.3f} |"
            )
    return "\n".join(lines)


def _of_spikes(head: PacemakerHead, unseen: OutOfFold, spiked: list[Spiked]) -> str:
    probability = np.array([_unseen_probability(each, head, unseen, spiked) for each in spiked])
    called = np.array(
        [
            each is not None and value >= head.threshold
            for each, value in zip(spiked, probability, strict=True)
        ]
    )
    paced = np.array([each.paced for each in spiked])
    found = np.array([each.chamber is not None for each in spiked])
    sources = {
        "LUDB": np.array([each.fold == 0 for each in spiked]),
        "PTB-XL": np.array([each.fold > 0 for each in spiked]),
    }
    lines = [
        "**At 500 Hz**, spikes and form together, no encoder: LUDB (none of its recordings took part in learning the form of beats),",
        "and the recordings of PTB-XL that come at 500 Hz with a packed copy (each by the trees and calibration of the other folds).",
        "The likelihood ratio of the spikes is counted on the other recordings. The rule that finds spikes was made on these",
        "recordings: for it they are in sample.",
        "",
        "| recordings | paced | found | specificity | by spikes alone |",
        "|---|---|---|---|---|",
    ]
    for source, own in sources.items():
        if own.any():
            specificity, of_paced = 1 - called[own & ~paced].mean(), own & paced
            lines.append(
                f"| {source} | {of_paced.sum()} of {own.sum()} | {called[of_paced].sum()} | {specificity:.3f} | {found[of_paced].sum()} |"
            )
    lines += [
        "",
        "| paced recording | spikes pace | by the form | probability |",
        "|---|---|---|---|",
    ]
    for each, value in zip(spiked, probability, strict=True):
        if each.paced:
            form = _form(each, head, unseen)
            lines.append(
                f"| {each.name} | {each.chamber or ''} | {'' if form is None else f'{_sigmoid(form):.3f}'} | {value:.3f} |"
            )
    low, high = head.spike_limits
    lines += [
        "",
        f"What ships: threshold {head.threshold:.3f} on the probability; spikes multiply the odds by {np.exp(low):.2f} to "
        f"{np.exp(high):.0f}.",
    ]
    return "\n".join(lines)


def _unseen_probability(
    each: Spiked, head: PacemakerHead, unseen: OutOfFold, spiked: list[Spiked]
) -> float:
    others = replace(
        head, spike_limits=spike_limits([other for other in spiked if other is not each])
    )
    low, high = others.spike_limits
    ratio = min(max(each.log_ratio, low), high) if each.visible else 0.0
    found = PacemakerEvidence(None, None, ratio, _form(each, head, unseen), each.visible)
    probability = others.probability(found)
    return _sigmoid(head.prior_log_odds) if probability is None else probability


def _form(each: Spiked, head: PacemakerHead, unseen: OutOfFold) -> float | None:
    """Log odds by the form of the beats: PTB-XL's recordings by the head that had not seen their fold, LUDB's by what ships."""
    if each.row is None:
        return None
    model = unseen.heads[each.fold].beats if each.fold in unseen.heads else head.beats
    return float(model.log_odds(each.row[np.newaxis])[0])


def _sigmoid(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))
