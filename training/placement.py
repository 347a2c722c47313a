"""Train the model of interchanged electrodes, on PTB-XL as it is and with leads exchanged.

    python -m training.placement --data FOLDER

FOLDER is the packed PTB-XL with its load.py (CC BY 4.0; doi 10.1038/s41597-020-0495-6). A model of
folds 1-6 is scored on fold 9. Its limit is the suspicion that 1 in 100 recordings of folds 7 and 8
exceed as they are. This model is the one that is shipped. The recordings of `raw500/` are left out
of all folds, for the tests.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from signal_quality.placement import EXCHANGES, FILE, PlacementModel, placement_features
from signal_quality.windows import measure_windows
from signals.leads import INDEPENDENT_ROWS, LEADS
from training.datasets.packed import loader_of
from training.page import ACCURACY_PAGE
from training.quality.report import write_section

TITLE: Final = "## Exchanged electrodes"
# A choice: about 2 % of recordings have interchanged electrodes (Hedén, as cited by PMC6932211), so
# that at 1 % an alarm is right more often than wrong. At 2 % it would be right as often as wrong.
# An early-warning system in a hospital found 1.4 % (PMID 25213624).
FALSE_ALARMS: Final = 0.01
# The shares of false alarms in the table.
SHOWN: Final = (0.005, FALSE_ALARMS, 0.02)
LIMIT_FOLDS: Final = (7, 8)
TEST_FOLDS: Final = (9,)
FS: Final = 100.0

Rows = NDArray[np.float64]


def main(arguments: list[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    templates, fold = read_templates(options.data, options.chunks)
    is_training = ~np.isin(fold, LIMIT_FOLDS + TEST_FOLDS)
    for_limit = templates[np.isin(fold, LIMIT_FOLDS)]
    for_test = templates[np.isin(fold, TEST_FOLDS)]
    model = fit(templates[is_training])
    model = replace(model, limit=limit_of(model, for_limit, FALSE_ALARMS))
    text = figures(model, for_limit, for_test)
    print(text)
    options.out.write_text(json.dumps(to_json(model)) + "\n", encoding="utf-8")
    head = "Written by `python -m training.placement --data PTBXL` (PTB-XL, 100 Hz)."
    write_section(options.report, TITLE, f"{head}\n\n{text}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.placement", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="the packed PTB-XL")
    parser.add_argument(
        "--chunks",
        type=int,
        nargs="+",
        default=[0, 1, 6, 7],
        help="the chunks of the packed PTB-XL that are read",
    )
    parser.add_argument("--out", type=Path, default=FILE, help="where the model is stored")
    parser.add_argument(
        "--report", type=Path, default=ACCURACY_PAGE, help="the page that gets the figures"
    )
    return parser


def read_templates(folder: Path, chunks: list[int]) -> tuple[Rows, NDArray[np.intp]]:
    """Return (recordings, 8 leads, samples) representative beats, and each one's fold of PTB-XL."""
    loader = loader_of(folder)
    test_ids = {int(path.stem.split("_")[0]) for path in (folder / "raw500").glob("*.hea")}
    rows = list(INDEPENDENT_ROWS)
    templates = []
    folds = []
    for chunk in chunks:
        signals, meta = loader.load(chunks=[chunk])
        for signal, ecg_id, fold in zip(signals, meta.ecg_id, meta.strat_fold, strict=True):
            beats = measure_windows(signal, FS, LEADS)[0].beats
            # NaN without beats, 0 for a constant lead.
            has_beats = beats.height[rows].min() > 0
            if int(ecg_id) not in test_ids and has_beats:
                templates.append(beats.templates[rows])
                folds.append(int(fold))
    return np.array(templates, np.float64), np.array(folds)


def _exchanged_features(templates: Rows, exchange: Rows) -> Rows:
    """Return (recordings, features) with the leads exchanged.

    templates  (recordings, 8 leads, samples)
    exchange   (8, 8), one of EXCHANGES
    """
    return np.array([placement_features(exchange @ template) for template in templates])


def fit(templates: Rows) -> PlacementModel:
    """Train on every recording as it is and with each exchange; the limit is not set yet."""
    rows = np.concatenate(
        [_exchanged_features(templates, exchange) for exchange in EXCHANGES.values()]
    )
    labels = np.repeat(np.arange(len(EXCHANGES)), len(templates))
    # The regression's penalty presumes features of equal size.
    scale = rows.std(axis=0) + 1e-6
    regression = LogisticRegression(C=0.1, max_iter=600).fit(rows / scale, labels)
    return PlacementModel(regression.coef_ / scale, regression.intercept_, limit=1.0)


def limit_of(model: PlacementModel, templates: Rows, false_alarms: float) -> float:
    """Return the suspicion that this share of the recordings exceeds as they are."""
    suspicion, _ = suspicions(model, templates, "")
    return float(np.quantile(suspicion, 1 - false_alarms))


def suspicions(
    model: PlacementModel, templates: Rows, exchange: str
) -> tuple[Rows, NDArray[np.intp]]:
    """Judge each recording with the leads exchanged.

    Returns (recordings,) the probability of any exchange, and (recordings,) the number of the
    likeliest one in EXCHANGES.
    """
    probabilities = model.probabilities(_exchanged_features(templates, EXCHANGES[exchange]))
    likeliest = 1 + probabilities[:, 1:].argmax(axis=1)
    return 1 - probabilities[:, 0], likeliest


def figures(model: PlacementModel, for_limit: Rows, for_test: Rows) -> str:
    """Return a table in Markdown: how many recordings are suspected, and how many rightly.

    for_limit  recordings that set the limits
    for_test   recordings that are judged
    """
    limits = [limit_of(model, for_limit, share) for share in SHOWN]
    heads = [f"{share:.1%}" for share in SHOWN]
    heads[SHOWN.index(FALSE_ALARMS)] += ", shipped"
    lines = [
        f"{len(for_test)} unseen recordings (fold 9), as they are and with each exchange, judged by"
        " a model of folds 1-6. Each column is the share that is suspected (and whose exchange is"
        " named rightly) at the limit that this share of the"
        f" {len(for_limit)} recordings of folds 7 and 8 exceed as they are. Some of those may be"
        " exchanged in reality, because they have not been checked.",
        "",
        f"| exchanged | {' | '.join(heads)} |",
        "|---|---|---|---|",
    ]
    for number, exchange in enumerate(EXCHANGES):
        suspicion, likeliest = suspicions(model, for_test, exchange)
        is_named = likeliest == number
        cells = [_cell(suspicion > limit, is_named, bool(exchange)) for limit in limits]
        lines.append(f"| {exchange or 'nothing'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(is_suspected: NDArray[np.bool_], is_named: NDArray[np.bool_], is_exchanged: bool) -> str:
    cell = f"{is_suspected.mean():.3f}"
    if is_exchanged:
        cell += f" ({(is_suspected & is_named).mean():.3f})"
    return cell


def to_json(model: PlacementModel) -> dict[str, Any]:
    """Return the content of the model's file, with weights of five digits."""
    weights = [[float(f"{weight:.5g}") for weight in row] for row in model.weights]
    return {
        "exchanges": list(EXCHANGES),
        "weights": weights,
        "shifts": model.shifts.round(5).tolist(),
        "limit": model.limit,
    }


if __name__ == "__main__":
    main()
