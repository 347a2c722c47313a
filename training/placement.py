"""The model of exchanged electrodes: PTB-XL as it is, and with leads exchanged.

    python -m training.placement --data FOLDER

FOLDER is the packed PTB-XL with its load.py (CC BY 4.0; doi 10.1038/s41597-020-0495-6). Recordings of fold 9 are scored by a
model of folds 1-6; its limit is what 1 in 100 recordings of folds 7 and 8 exceed as they are. What ships is that
model. Recordings of `raw500/` stay out of all of it, for the tests.
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

from signal_quality.placement import EXCHANGES, FILE, PlacementModel, features_of
from signal_quality.windows import measure_windows
from signals.leads import INDEPENDENT, LEADS
from training.datasets.packed import loader_of
from training.quality import report as quality_report

TITLE: Final = "## Exchanged electrodes"
# A choice: about 2 % of recordings have exchanged electrodes (Hedén, as cited by PMC6932211), so that at 1 % an alarm is right more
# often than wrong; at 2 % it would be no better than a coin. An early-warning system in a hospital gave 1.4 % (PMID 25213624).
FALSE_ALARMS: Final = 0.01
SHOWN: Final = (0.005, FALSE_ALARMS, 0.02)
LIMIT_FOLDS: Final = (7, 8)
TEST_FOLDS: Final = (9,)
FS: Final = 100.0

Rows = NDArray[np.float64]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the packed PTB-XL")
    parser.add_argument(
        "--chunks", type=int, nargs="+", default=[0, 1, 6, 7], help="which of its chunks are read"
    )
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--report", type=Path, default=quality_report.PAGE)
    options = parser.parse_args(arguments)
    templates, fold = templates_of(options.data, options.chunks)
    learned = ~np.isin(fold, LIMIT_FOLDS + TEST_FOLDS)
    held_out = templates[np.isin(fold, LIMIT_FOLDS)]
    model = fit(templates[learned])
    model = replace(model, limit=limit_of(model, held_out, FALSE_ALARMS))
    text = figures(model, held_out, templates[np.isin(fold, TEST_FOLDS)])
    print(text)
    options.out.write_text(json.dumps(stored(model)) + "\n", encoding="utf-8")
    command = "python -m training.placement --data PTBXL"
    quality_report.write(
        options.report, TITLE, f"Written by `{command}` (PTB-XL, 100 Hz).\n\n{text}"
    )


def templates_of(folder: Path, chunks: list[int]) -> tuple[Rows, NDArray[np.intp]]:
    """(recordings, 8 leads, samples) representative beats, and each one's fold of PTB-XL."""
    loader = loader_of(folder)
    kept_out = {int(path.stem.split("_")[0]) for path in (folder / "raw500").glob("*.hea")}
    order = [LEADS.index(lead) for lead in INDEPENDENT]
    found, fold = [], []
    for chunk in chunks:
        signals, meta = loader.load(chunks=[chunk])
        for signal, ecg_id, own_fold in zip(signals, meta.ecg_id, meta.strat_fold, strict=True):
            beats = measure_windows(signal, FS, LEADS)[0].beats
            if int(ecg_id) not in kept_out and beats.height[order].min() > 0:
                found.append(beats.templates[order])
                fold.append(int(own_fold))
    return np.array(found, np.float64), np.array(fold)


def exchanged(templates: Rows, exchange: Rows) -> Rows:
    """Features of every recording with its leads exchanged."""
    return np.array([features_of(exchange @ template) for template in templates])


def fit(templates: Rows) -> PlacementModel:
    """The weights; its limit is still to be set."""
    rows = np.concatenate([exchanged(templates, exchange) for exchange in EXCHANGES.values()])
    labels = np.repeat(np.arange(len(EXCHANGES)), len(templates))
    scale = rows.std(axis=0) + 1e-6
    regression = LogisticRegression(C=0.1, max_iter=600).fit(rows / scale, labels)
    return PlacementModel(regression.coef_ / scale, regression.intercept_, 1.0)


def limit_of(model: PlacementModel, templates: Rows, false_alarms: float) -> float:
    """What that share of recordings exceeds as they are."""
    return float(np.quantile(suspicions(model, templates, "")[0], 1 - false_alarms))


def suspicions(
    model: PlacementModel, templates: Rows, exchange: str
) -> tuple[Rows, NDArray[np.intp]]:
    """(suspicion, number of the likeliest exchange) of each recording with its leads exchanged so."""
    probabilities = model.probabilities(exchanged(templates, EXCHANGES[exchange]))
    return 1 - probabilities[:, 0], 1 + probabilities[:, 1:].argmax(axis=1)


def figures(model: PlacementModel, held_out: Rows, unseen: Rows) -> str:
    """A table in Markdown: how many of unseen recordings are suspected, and how many rightly, at the limits of three shares."""
    limits = [limit_of(model, held_out, share) for share in SHOWN]
    heads = [f"{share:.1%}{', shipped' if share == FALSE_ALARMS else ''}" for share in SHOWN]
    lines = [
        f"{len(unseen)} unseen recordings (fold 9), as they are and with each exchange, by a model of folds 1-6. Share suspected "
        f"(and rightly named) at the limits that so many of the {len(held_out)} recordings of folds 7 and 8 exceed as they are. "
        "Some of those may be exchanged in truth: nobody has checked them.",
        "",
        f"| exchanged | {' | '.join(heads)} |",
        "|---|---|---|---|",
    ]
    for number, name in enumerate(EXCHANGES):
        suspicion, likeliest = suspicions(model, unseen, name)
        cells = [_cell(suspicion > limit, likeliest == number, bool(name)) for limit in limits]
        lines.append(f"| {name or 'nothing'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(suspected: NDArray[np.bool_], right: NDArray[np.bool_], exchanged_in_truth: bool) -> str:
    named = f" ({(suspected & right).mean():.3f})" if exchanged_in_truth else ""
    return f"{suspected.mean():.3f}{named}"


def stored(model: PlacementModel) -> dict[str, Any]:
    weights = [[float(f"{weight:.5g}") for weight in row] for row in model.weights]
    return {
        "exchanges": list(EXCHANGES),
        "weights": weights,
        "shifts": model.shifts.round(5).tolist(),
        "limit": model.limit,
    }


if __name__ == "__main__":
    main()
