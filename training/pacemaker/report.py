"""The section of docs/accuracy.md on the pacemaker head."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from heads.pacemaker import PacemakerEvidence, PacemakerHead
from training.pacemaker.fit import spike_limits, threshold_at
from training.pacemaker.out_of_fold import OutOfFold, sigmoid
from training.pacemaker.rows import LUDB_FOLD, SpikeRecording

BEGIN: Final = "<!-- pacemaker: written by python -m training.pacemaker -->\n"
END: Final = "<!-- end of pacemaker -->\n"
SPECIFICITIES: Final = (0.98, 0.99, 0.995, 0.998)
BINS: Final = (0.0, 0.01, 0.05, 0.2, 0.5, 0.8, 1.0)

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def page_section(
    scored: Flags,
    paced: Flags,
    fold: NDArray[np.int64],
    out_of_fold: OutOfFold,
    head: PacemakerHead,
    recordings: list[SpikeRecording],
) -> str:
    """Return the section in Markdown.

    scored, paced, fold  (recordings of PTB-XL,); `scored` are those of the training folds
    head                 the head that ships
    recordings           those whose spikes are judged
    """
    unjudged = np.isnan(out_of_fold.log_odds)
    # A recording whose beats cannot be judged gets the overall probability.
    log_odds = np.where(unjudged, head.prior_log_odds, out_of_fold.log_odds)
    probability = sigmoid(log_odds[scored])
    unjudged_count = int(unjudged[scored].sum())
    parts = [
        "## Pacemaker",
        "Written by `python -m training.pacemaker --ptbxl PTBXL --ludb LUDB`.",
        _morphology(probability, paced[scored], fold[scored], unjudged_count, out_of_fold),
        _calibration(probability, paced[scored]),
        _spikes(head, out_of_fold, recordings),
    ]
    return "\n\n".join(parts) + "\n"


def _morphology(
    probability: Array,
    paced: Flags,
    fold: NDArray[np.int64],
    unjudged: int,
    out_of_fold: OutOfFold,
) -> str:
    aurocs = [
        float(roc_auc_score(paced[fold == number], probability[fold == number]))
        for number in out_of_fold.heads
    ]
    lines = [
        f"**PTB-XL at 100 Hz**, folds 1-9, {paced.size} recordings, {paced.sum()} of them paced.",
        "Spikes cannot be seen at 100 Hz, so this is the morphology of the beats alone.",
        "Out of fold (PTB-XL's folds, patients apart; trees, calibration and threshold from the",
        "other folds).",
        f"{unjudged} recordings whose beats cannot be judged count as having the overall",
        "probability.",
        "",
        f"AUROC {roc_auc_score(paced, probability):.4f} "
        f"(single folds {min(aurocs):.3f} to {max(aurocs):.3f}).",
        "",
        "| specificity | sensitivity |",
        "|---|---|",
    ]
    for specificity in SPECIFICITIES:
        threshold = threshold_at(specificity, probability, paced)
        sensitivity = float((probability[paced] >= threshold).mean())
        lines.append(f"| {specificity} | {sensitivity:.3f} |")
    thresholds = np.array([out_of_fold.heads[number].threshold for number in fold.tolist()])
    positive = probability >= thresholds
    lines += [
        "",
        "With each fold's threshold set on the other folds at a specificity of 0.995: sensitivity",
        f"{positive[paced].mean():.3f}, specificity {1 - positive[~paced].mean():.4f}.",
    ]
    return "\n".join(lines)


def _calibration(probability: Array, paced: Flags) -> str:
    prevalence = paced.mean()
    brier = np.mean((probability - paced) ** 2)
    lines = [
        f"Calibrated to PTB-XL's prevalence of {prevalence:.2%}; Brier score {brier:.4f} (of the",
        f"prevalence as a constant answer: {prevalence * (1 - prevalence):.4f}).",
        "",
        "| probability | recordings | mean probability | share paced |",
        "|---|---|---|---|",
    ]
    for low, high in pairwise(BINS):
        below = probability < high if high < 1.0 else probability <= high
        inside = (probability >= low) & below
        if inside.any():
            mean = probability[inside].mean()
            share = paced[inside].mean()
            lines.append(f"| {low} to {high} | {inside.sum()} | {mean:.3f} | {share:.3f} |")
    return "\n".join(lines)


def _spikes(head: PacemakerHead, out_of_fold: OutOfFold, recordings: list[SpikeRecording]) -> str:
    probability = np.array(
        [_probability(recording, head, out_of_fold, recordings) for recording in recordings]
    )
    low, high = head.spike_limits
    lines = [
        "**At 500 Hz**, spikes and morphology together, no encoder: LUDB (none of its recordings",
        "took part in learning the morphology), and the 500 Hz recordings of a packed PTB-XL (each",
        "by the trees and calibration of the other folds). The likelihood ratio of the spikes is",
        "counted on the other recordings. The rule that finds spikes was developed on these",
        "recordings, so they are in sample for it.",
        "",
        *_source_table(head, recordings, probability),
        "",
        *_paced_table(head, out_of_fold, recordings, probability),
        "",
        f"What ships: threshold {head.threshold:.3f} on the probability; spikes multiply the odds",
        f"by {np.exp(low):.2f} to {np.exp(high):.0f}.",
    ]
    return "\n".join(lines)


def _source_table(
    head: PacemakerHead, recordings: list[SpikeRecording], probability: Array
) -> list[str]:
    positive = probability >= head.threshold
    paced = np.array([recording.paced for recording in recordings])
    by_spikes = np.array([recording.chamber is not None for recording in recordings])
    of_ludb = np.array([recording.fold == LUDB_FOLD for recording in recordings])
    lines = [
        "| recordings | paced | found | specificity | by spikes alone |",
        "|---|---|---|---|---|",
    ]
    for source, members in (("LUDB", of_ludb), ("PTB-XL", ~of_ludb)):
        if not members.any():
            continue
        specificity = 1 - positive[members & ~paced].mean()
        of_paced = members & paced
        lines.append(
            f"| {source} | {of_paced.sum()} of {members.sum()} | {positive[of_paced].sum()} "
            f"| {specificity:.3f} | {by_spikes[of_paced].sum()} |"
        )
    return lines


def _paced_table(
    head: PacemakerHead,
    out_of_fold: OutOfFold,
    recordings: list[SpikeRecording],
    probability: Array,
) -> list[str]:
    lines = [
        "| paced recording | spikes pace | by the morphology | probability |",
        "|---|---|---|---|",
    ]
    for recording, value in zip(recordings, probability, strict=True):
        if not recording.paced:
            continue
        log_odds = _morphology_log_odds(recording, head, out_of_fold)
        morphology = "" if log_odds is None else f"{sigmoid(np.array(log_odds)):.3f}"
        lines.append(
            f"| {recording.name} | {recording.chamber or ''} | {morphology} | {value:.3f} |"
        )
    return lines


def _probability(
    recording: SpikeRecording,
    head: PacemakerHead,
    out_of_fold: OutOfFold,
    recordings: list[SpikeRecording],
) -> float:
    """Return the probability with limits that are counted on the other recordings."""
    others = [other for other in recordings if other is not recording]
    limited = replace(head, spike_limits=spike_limits(others))
    low, high = limited.spike_limits
    ratio = min(max(recording.log_ratio, low), high) if recording.visible else 0.0
    morphology = _morphology_log_odds(recording, head, out_of_fold)
    evidence = PacemakerEvidence(None, None, ratio, morphology, recording.visible)
    probability = limited.probability(evidence)
    return float(sigmoid(np.array(head.prior_log_odds))) if probability is None else probability


def _morphology_log_odds(
    recording: SpikeRecording, head: PacemakerHead, out_of_fold: OutOfFold
) -> float | None:
    """Return the log odds from the morphology; None where it cannot be judged.

    A recording of PTB-XL is judged by the head that was not fitted to its fold, others by what
    ships.
    """
    if recording.row is None:
        return None
    unseen = out_of_fold.heads.get(recording.fold, head)
    return float(unseen.beats.log_odds(recording.row[np.newaxis])[0])
