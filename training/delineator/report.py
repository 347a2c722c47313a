"""What a training of the delineator reaches: its tables, out of fold and in sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from intervals.calibration import Calibration
from intervals.measure import measure_conditioned
from intervals.unet import build_network
from signals.conditioned import condition
from signals.leads import LEADS
from signals.r_peaks import r_peaks_of
from training.datasets.annotated import AnnotatedRecord
from training.delineator.beats import BeatSource, beat_source
from training.delineator.calibrate import (
    Held,
    Trial,
    Weights,
    calibration_without,
    fit_calibration,
    hold_out,
    reading_bias_ms,
    trials_of,
)
from training.delineator.p_presence import hold_out_p
from training.delineator.scores import Scores, measure_source, score, scores_of
from training.delineator.variants import Variant, variants

VARIANT_HEADER: Final = (
    "| what | value | recordings | true, median | given | bias | median abs | 90th pct abs | within"
    " uncertainty |\n|---|---|---|---|---|---|---|---|---|"
)
# Two leads of LUDB's recordings, in turn, that the calibration for two leads is fitted on beside
# QTDB. Every fourth recording makes QTDB two thirds of all: two leads mostly come from Holter
# recorders, as QTDB does.
PAIRS: Final = (("I", "II"), ("II", "V5"), ("V1", "V5"))
EVERY: Final = 4
# Lengths of PR, ms, by which the held variants are counted.
PR_EDGES_MS: Final = (100, 200, 280, 320, 360, 440)


@dataclass(frozen=True, eq=False)
class Collection:
    """The recordings of a collection, their trials, and the fold of each."""

    sources: list[BeatSource]
    trials: list[list[Trial]]
    fold: NDArray[np.intp]

    @classmethod
    def of(cls, sources: list[BeatSource], folds: int) -> Collection:
        """Make the trials, and divide the recordings into folds."""
        trials = [trials_of(source) for source in sources]
        return cls(sources, trials, fold_numbers(len(sources), folds))

    def outside(self, number: int) -> list[BeatSource]:
        """Return the recordings that are not in a fold."""
        return [self.sources[index] for index in np.flatnonzero(self.fold != number)]

    def with_others(self, others: Collection) -> Collection:
        """Return the recordings of both, the others last."""
        return Collection(
            [*self.sources, *others.sources],
            [*self.trials, *others.trials],
            np.concatenate([self.fold, others.fold]),
        )


def pairs_of(ludb: Collection) -> Collection:
    """Return two leads alone of LUDB's recordings, in their recordings' folds.

    Their references are the boundaries that the cardiologists saw in these leads.
    """
    sources, fold = [], []
    for turn, index in enumerate(range(0, len(ludb.sources), EVERY)):
        rows = [LEADS.index(lead) for lead in PAIRS[turn % len(PAIRS)]]
        source = beat_source(_with_leads(ludb.sources[index].record, rows))
        if source is not None:
            sources.append(source)
            fold.append(ludb.fold[index])
    return Collection(sources, [trials_of(source) for source in sources], np.array(fold, np.intp))


def _with_leads(record: AnnotatedRecord, rows: list[int]) -> AnnotatedRecord:
    """Return a recording with these leads alone; it has no variants."""
    signal, marks = np.full_like(record.signal, np.nan), np.full_like(record.marks, np.nan)
    signal[rows], marks[:, rows] = record.signal[rows], record.marks[:, rows]
    return replace(record, signal=signal, marks=marks, is_regular=False)


def fold_numbers(records: int, folds: int) -> NDArray[np.intp]:
    """Return the fold (records,) of each record.

    It does not depend on the training's seed, so that the figures of different seeds compare.
    """
    return np.random.default_rng(0).permutation(records) % folds


@dataclass(frozen=True)
class VariantResult:
    """What is measured of a variant; None where no value or no uncertainty is given."""

    variant: Variant
    measured: float | None
    uncertainty: float | None


@dataclass(frozen=True, eq=False)
class Report:
    """The scores of a training.

    ludb, qtdb, pairs  out of fold: neither network nor calibration has seen the recording; pairs
                are two leads of LUDB alone
    in_sample   what ships, on LUDB
    variants    out of fold
    calibration, two_leads_calibration  of what ships
    """

    ludb: Scores
    qtdb: Scores
    pairs: Scores
    in_sample: Scores
    variants: list[VariantResult]
    calibration: Calibration
    two_leads_calibration: Calibration

    def text(self) -> str:
        """Return all tables, for the terminal."""
        parts = [
            f"LUDB, out of fold\n{self.ludb.table()}\n{self.ludb.worst()}",
            f"QTDB, out of fold\n{self.qtdb.table()}\n{self.qtdb.worst()}",
            f"two leads of LUDB, out of fold\n{self.pairs.table()}\n{self.pairs.worst()}",
            f"variants of LUDB, out of fold\n{self.variant_table()}",
            f"in sample: what ships, on the records it was trained on\n{self.in_sample.table()}",
        ]
        return "\n".join(parts)

    def variant_table(self) -> str:
        """Return a row for each change and value, then for the lengths of PR."""
        groups: dict[tuple[str, str], list[VariantResult]] = {}
        for result in self.variants:
            key = (result.variant.kind, f"{result.variant.value:g}")
            groups.setdefault(key, []).append(result)
        for low, high in pairwise(PR_EDGES_MS):
            in_range = [
                result
                for result in self.variants
                if result.variant.kind == "pr" and low <= result.variant.truth < high
            ]
            if in_range:
                groups["pr, true length", f"{low}-{high} ms"] = in_range
        rows = [_variant_row(*key, results) for key, results in groups.items()]
        return "\n".join([VARIANT_HEADER, *rows])


def _variant_row(kind: str, value: str, results: Sequence[VariantResult]) -> str:
    truth = np.array([result.variant.truth for result in results])
    measured = np.array(
        [np.nan if result.measured is None else result.measured for result in results]
    )
    given = np.isfinite(measured)
    error = (measured - truth)[given]
    cells = [
        kind,
        value,
        f"{len(results)}",
        f"{np.median(truth):.0f}",
        f"{100 * given.mean():.0f} %",
    ]
    if error.size:
        absolute = np.abs(error)
        cells += [
            f"{np.median(error):+.1f}",
            f"{np.median(absolute):.1f}",
            f"{np.percentile(absolute, 90):.1f}",
        ]
        within = [
            abs(result.measured - result.variant.truth) <= result.uncertainty
            for result in results
            if result.measured is not None and result.uncertainty is not None
        ]
        if kind == "t":
            doubled = int(np.sum(measured[given] > 1.5 * truth[given]))
            close = np.mean(np.abs(error) <= 0.05 * truth[given])
            cells.append(f"{100 * close:.0f} % within 5 %, {doubled} doubled")
        else:
            cells.append(f"{100 * np.mean(within):.0f} %" if within else "")
    return f"| {' | '.join(cells)} |"


def report_of(
    ludb: Collection,
    qtdb: Collection,
    fold_weights: dict[int, Weights],
    shipped_weights: Weights,
) -> Report:
    """Score the networks of the folds, and the one that ships."""
    shipped = build_network(shipped_weights)
    held = hold_out(ludb.sources, ludb.trials, fold_weights, ludb.fold)
    p_outcomes = hold_out_p(ludb.sources, fold_weights, held.biases, ludb.fold)
    held = replace(held, p_outcomes=p_outcomes)
    two = qtdb.with_others(pairs_of(ludb))
    held_two = hold_out(two.sources, two.trials, fold_weights, two.fold)
    calibration = fit_calibration(
        reading_bias_ms(ludb.sources, shipped), held.all_outcomes(), held.all_p_outcomes()
    )
    two_leads_calibration = fit_calibration(
        reading_bias_ms(two.sources, shipped), held_two.all_outcomes()
    )
    two_scores = score(two.sources, fold_weights, two.fold, held_two)
    in_sample = [measure_source(source, shipped, calibration) for source in ludb.sources]
    return Report(
        ludb=score(ludb.sources, fold_weights, ludb.fold, held),
        qtdb=two_scores.of(slice(len(qtdb.sources))),
        pairs=two_scores.of(slice(len(qtdb.sources), None)),
        in_sample=scores_of(ludb.sources, in_sample),
        variants=_measure_variants(ludb, fold_weights, held),
        calibration=calibration,
        two_leads_calibration=two_leads_calibration,
    )


def _measure_variants(
    ludb: Collection, fold_weights: dict[int, Weights], held: Held
) -> list[VariantResult]:
    """Measure every variant as the server does, by the network of its recording's fold."""
    results = []
    for number, weights in fold_weights.items():
        network = build_network(weights)
        calibration = calibration_without(held, ludb.fold, number)
        for index in np.flatnonzero(ludb.fold == number):
            record = ludb.sources[index].record
            for variant in variants(record):
                ready = condition(variant.signal, record.fs)
                measured = measure_conditioned(
                    ready, r_peaks_of(ready), network=network, calibration=calibration
                )
                value = getattr(measured, variant.measure)
                uncertainty = measured.uncertainty_ms.get(variant.measure)
                results.append(VariantResult(variant, value, uncertainty))
    return sorted(results, key=lambda result: (result.variant.kind, result.variant.value))


def page_section(report: Report, made: dict[str, Any]) -> str:
    """Return the section on intervals of docs/accuracy.md."""
    command = (
        f"python -m training.delineator --data LUDB --qtdb QTDB --folds {made['folds']} --epochs"
        f" {made['epochs']} --seed {made['seed']} --final-seed {made['final_seed']}"
    )
    worst = "\n".join("- " + line for line in report.ludb.worst().splitlines())
    return f"""## Intervals

LUDB 1.0.1 and the QT Database 1.0.0, {made["records"]} recordings. LUDB's references are the
cardiologists' boundaries on each lead, joined to global ones (25th percentile of the onsets, 75th
of the offsets); QTDB's are the first expert's boundaries, on two leads at once. Errors are measured
minus reference, in ms and beats/min. Written by

    {command}

**LUDB, out of fold** ({made["folds"]} folds by record; each record is measured by a network and a
calibration that were fitted without it). These count:

{report.ludb.table()}

"Within uncertainty" is the share of references within the `uncertainty_ms` that the answer gives;
75-85 % is the aim. The largest errors:

{worst}

**QTDB, out of fold**: two leads of Holter recordings.

{report.qtdb.table()}

**Two leads of LUDB, out of fold**: {len(report.pairs.names)} recordings, against what the
cardiologists marked in these leads.

{report.pairs.table()}

Recordings of one or two leads have a calibration of their own, fitted on both. The experts of the
two collections do not mark alike, as the opposite biases of QRS and PR show. The calibration is
between the two, and its uncertainty covers both.

**Beyond the usual, out of fold**: LUDB's recordings without pacing, fibrillation, flutter and
extrasystoles, with one part changed so that the true value is known
(`training/delineator/variants.py`): each QRS complex or ST-T resampled by a factor (qrs, qt), the
sample between P and QRS held for some milliseconds (pr), the T wave multiplied (t; the rate is the
measure).

{report.variant_table()}

**In sample** (the network that ships, on the records of LUDB that it was trained on; a server
scored on LUDB shows about these):

{report.in_sample.table()}

Half of the annotated leads against the other half differ by 2.2, 1.9 and 2.5 ms in the median on
QRS, PR and QT (90th percentile 6.3, 5.7, 7.1): no measurement against this reference can be nearer.
"""
