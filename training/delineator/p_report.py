"""Fit the presence of P where the network's own probability is low, and score it out of fold.

    python -m training.delineator.p_report --data LUDB --keep FOLDER

FOLDER has the networks of the folds, as `python -m training.delineator --keep FOLDER` leaves them.
The regression is written to the model card, the figures to docs/accuracy.md; the network and its
other calibration stay as they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from intervals.calibration import calibration_from_card
from intervals.delineator import CARD_FILE
from intervals.measure import measure_conditioned
from intervals.unet import build_network
from signals.conditioned import condition
from signals.r_peaks import r_peaks_of
from training.delineator.calibrate import Held, Weights, calibration_without, hold_out
from training.delineator.p_on_t import PVariant, p_variants
from training.delineator.p_presence import fit_p_evidence, hold_out_p
from training.delineator.report import Collection
from training.delineator.scores import score
from training.delineator.train import read_sources
from training.page import ACCURACY_PAGE, write_between

FOLDS: Final = 5  # of `python -m training.delineator`
BEGIN: Final = "<!-- p waves: written by python -m training.delineator.p_report -->\n"
END: Final = "<!-- end of p waves -->\n"
HEADER: Final = (
    "| T to QRS at most | P earlier by | recordings | PR given by the network alone | PR given"
    " | bias | median abs | 90th pct abs | within uncertainty |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
SCORE_HEADER: Final = (
    "| PR on LUDB | reference | measured | median abs | 90th pct abs | given where none"
    " | within uncertainty |\n"
    "|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True)
class PResult:
    """What is measured of a variant; None where no PR is given.

    is_by_network  whether the network alone gives a PR
    """

    variant: PVariant
    pr_ms: float | None
    uncertainty_ms: float | None
    is_by_network: bool


def main(arguments: list[str] | None = None) -> None:
    """Fit, score and write the regression as the command line says."""
    options = _parser().parse_args(arguments)
    ludb = Collection.of(read_sources(options.data), FOLDS)
    weights = {number: _kept(options.keep / f"fold{number}.npz") for number in range(FOLDS)}
    alone = hold_out(ludb.sources, ludb.trials, weights, ludb.fold)
    outcomes = hold_out_p(ludb.sources, weights, alone.biases, ludb.fold)
    joined = replace(alone, p_outcomes=outcomes)
    rows = [score(ludb.sources, weights, ludb.fold, held).row("pr_ms") for held in (alone, joined)]
    results = _measure_p_variants(ludb, weights, joined)
    text = section(rows, results)
    print(text)
    write_between(options.page, BEGIN, END, text)
    card = json.loads(options.card.read_text(encoding="utf-8"))
    pr = calibration_from_card(card).intervals["pr_ms"]
    card["p_evidence"] = asdict(fit_p_evidence(joined.all_p_outcomes(), pr))
    options.card.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _measure_p_variants(
    ludb: Collection, fold_weights: dict[int, Weights], held: Held
) -> list[PResult]:
    """Measure every variant as the server does, by the network of its recording's fold."""
    results = []
    for number, weights in fold_weights.items():
        network = build_network(weights)
        calibration = calibration_without(held, ludb.fold, number)
        alone = replace(calibration, p_evidence=None)
        for index in np.flatnonzero(ludb.fold == number).tolist():
            record = ludb.sources[index].record
            for variant in p_variants(record):
                ready = condition(variant.signal, record.fs)
                r_peaks_s = r_peaks_of(ready)
                measured, by_network = (
                    measure_conditioned(ready, r_peaks_s, network=network, calibration=each)
                    for each in (calibration, alone)
                )
                uncertainty_ms = measured.uncertainty_ms.get("pr_ms")
                is_by_network = by_network.pr_ms is not None
                results.append(PResult(variant, measured.pr_ms, uncertainty_ms, is_by_network))
    return results


def section(rows: Sequence[dict[str, float]], results: Sequence[PResult]) -> str:
    """Return the section of docs/accuracy.md.

    rows  the scores of PR on LUDB by the network alone, and by all signs
    """
    alone, joined = (_score_line(row) for row in rows)
    return f"""### P waves on T

Where the network's own probability of P is low, the likeness of P from beat to beat, the spread of
the readings of its onset, its distance from T and the width of the QRS complex decide
(`intervals/p_evidence.py`), by a regression that is fitted on LUDB and the variants below.
Everything here is out of fold, networks and regression. Written by

    python -m training.delineator.p_report --data LUDB --keep FOLDER

with the networks of the folds that `python -m training.delineator --keep FOLDER` trained. On
another kind of machine they are trained to other weights: the figures of PR differ a little from
those above.

{SCORE_HEADER}
| the network alone | {alone} |
| with the signs | {joined} |

LUDB's recordings without pacing, fibrillation, flutter and extrasystoles, their P waves taken out;
from T to the next QRS complex cut to at most some milliseconds, as in faster rhythms; and the P
waves added again, earlier than they were, or not (`training/delineator/p_on_t.py`):

{p_table(results)}

The errors are those of the PR intervals that the network alone does not give:

{_added_line(results)}
"""


def p_table(results: Sequence[PResult]) -> str:
    """Return a row for each stretch from T to QRS and each place of P, in Markdown."""
    groups: dict[tuple[float, float], list[PResult]] = {}
    for result in results:
        variant = result.variant
        # What was recorded first, and of each stretch the variant without P waves last.
        stretch = -np.inf if variant.t_to_qrs_ms is None else -variant.t_to_qrs_ms
        earlier = np.inf if variant.earlier_ms is None else variant.earlier_ms
        groups.setdefault((stretch, earlier), []).append(result)
    return "\n".join([HEADER, *(_row(groups[key]) for key in sorted(groups))])


def _row(results: Sequence[PResult]) -> str:
    variant = results[0].variant
    stretch = "as recorded" if variant.t_to_qrs_ms is None else f"{variant.t_to_qrs_ms:g} ms"
    earlier = "no P wave" if variant.earlier_ms is None else f"{variant.earlier_ms:g} ms"
    by_network = sum(result.is_by_network for result in results)
    given = [result for result in results if result.pr_ms is not None]
    cells = [stretch, earlier, f"{len(results)}", f"{by_network}", f"{len(given)}"]
    has_truth = variant.earlier_ms is not None and given
    cells += _error_cells(given) if has_truth else [""] * 4
    return f"| {' | '.join(cells)} |"


def _error_cells(given: Sequence[PResult]) -> list[str]:
    """Return bias, median and 90th percentile of the error, and the share within uncertainty."""
    measured = np.array([result.pr_ms for result in given], np.float64)
    truth = np.array([result.variant.truth_ms for result in given])
    uncertainty = np.array([result.uncertainty_ms for result in given], np.float64)
    error = measured - truth
    return [
        f"{np.median(error):+.1f}",
        f"{np.median(abs(error)):.1f}",
        f"{np.percentile(abs(error), 90):.1f}",
        f"{100 * np.mean(abs(error) <= uncertainty):.0f} %",
    ]


def _added_line(results: Sequence[PResult]) -> str:
    added = [
        result
        for result in results
        if result.pr_ms is not None
        and not result.is_by_network
        and result.variant.earlier_ms is not None
    ]
    bias, middle, most, within = _error_cells(added)
    return (
        f"{len(added)} intervals, bias {bias} ms, median {middle} and 90th percentile {most} ms,"
        f" {within} within their uncertainty."
    )


def _score_line(row: dict[str, float]) -> str:
    within = f"{100 * row['within_uncertainty']:.0f} %"
    cells = [f"{row[name]:g}" for name in ("reference", "measured", "median_abs", "p90_abs")]
    return " | ".join([*cells, f"{row['given_where_none']:g}", within])


def _kept(path: Path) -> dict[str, NDArray[np.float32]]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="LUDB: a folder with ludb.csv and data/"
    )
    parser.add_argument(
        "--keep", type=Path, required=True, help="the folder with the networks of the folds"
    )
    parser.add_argument(
        "--card", type=Path, default=CARD_FILE, help="the model card that the regression goes to"
    )
    parser.add_argument(
        "--page", type=Path, default=ACCURACY_PAGE, help="the document whose section is written"
    )
    return parser


if __name__ == "__main__":
    main()
