"""The model of exchanged electrodes: PTB-XL as it is, and with leads exchanged.

    python -m training.placement --data FOLDER

FOLDER is the packed PTB-XL with its load.py (CC BY 4.0; doi 10.1038/s41597-020-0495-6). Recordings of fold 9 are scored by a
model of folds 1-7; its limit is what 1 in 50 recordings of fold 8 exceed as they are. What ships is that
model. Recordings of `raw500/` stay out of all of it, for the tests.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from signal_quality.placement import EXCHANGES, FILE, INDEPENDENT, PlacementModel, features_of
from signal_quality.windows import measure_windows
from signals.leads import LEADS
from training import quality_report
from training.packed import loader_of

TITLE: Final = "## Exchanged electrodes"
FALSE_ALARMS: Final = 0.02  # a choice: true exchanges are about as frequent (0.4-4 % in the literature), and a look is cheap
LIMIT_FOLDS: Final = (8,)
TEST_FOLDS: Final = (9,)
FS: Final = 100.0

Rows = NDArray[np.float64]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the packed PTB-XL")
    parser.add_argument("--chunks", type=int, nargs="+", default=[0, 1, 6, 7], help="which of its chunks are read")
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--report", type=Path, default=quality_report.PAGE)
    options = parser.parse_args(arguments)
    templates, fold = templates_of(options.data, options.chunks)
    learned = ~np.isin(fold, LIMIT_FOLDS + TEST_FOLDS)
    model = fit(templates[learned], templates[np.isin(fold, LIMIT_FOLDS)])
    text = figures(model, templates[np.isin(fold, TEST_FOLDS)])
    print(text)
    options.out.write_text(json.dumps(stored(model)) + "\n", encoding="utf-8")
    command = "python -m training.placement --data PTBXL"
    quality_report.write(options.report, TITLE, f"Written by `{command}` (PTB-XL, 100 Hz).\n\n{text}")


def templates_of(folder: Path, chunks: list[int]) -> tuple[Rows, NDArray[np.intp]]:
    """(recordings, 8 leads, samples) representative beats, and each one's fold of PTB-XL."""
    signals, meta = loader_of(folder).load(chunks=chunks)
    kept_out = {int(path.stem.split("_")[0]) for path in (folder / "raw500").glob("*.hea")}
    order = [LEADS.index(lead) for lead in INDEPENDENT]
    found, fold = [], []
    for signal, ecg_id, own_fold in zip(signals, meta.ecg_id, meta.strat_fold, strict=True):
        window = measure_windows(signal, FS, LEADS)[0]
        if int(ecg_id) not in kept_out and window.beats.height[order].min() > 0:
            found.append(window.beats.templates[order])
            fold.append(int(own_fold))
    return np.array(found, np.float64), np.array(fold)


def exchanged(templates: Rows, exchange: Rows) -> Rows:
    """Features of every recording with its leads exchanged."""
    return np.array([features_of(exchange @ template) for template in templates])


def fit(templates: Rows, held_out: Rows) -> PlacementModel:
    """Weights from the ones, the limit from the others."""
    rows = np.concatenate([exchanged(templates, exchange) for exchange in EXCHANGES.values()])
    labels = np.repeat(np.arange(len(EXCHANGES)), len(templates))
    scale = rows.std(axis=0) + 1e-6
    regression = LogisticRegression(C=0.1, max_iter=600).fit(rows / scale, labels)
    model = PlacementModel(regression.coef_ / scale, regression.intercept_, 1.0)
    suspicion = 1 - model.probabilities(exchanged(held_out, np.eye(len(INDEPENDENT))))[:, 0]
    return PlacementModel(model.weights, model.shifts, float(np.quantile(suspicion, 1 - FALSE_ALARMS)))


def figures(model: PlacementModel, templates: Rows) -> str:
    """A table in Markdown: how many of unseen recordings are suspected, and how many rightly."""
    lines = [
        f"{len(templates)} unseen recordings, as they are and with each exchange.",
        "",
        "| exchanged | suspected | and rightly named |",
        "|---|---|---|",
    ]
    for number, (name, exchange) in enumerate(EXCHANGES.items()):
        probabilities = model.probabilities(exchanged(templates, exchange))
        suspected = 1 - probabilities[:, 0] > model.limit
        named = suspected & (1 + probabilities[:, 1:].argmax(axis=1) == number)
        lines.append(f"| {name or 'nothing'} | {suspected.mean():.3f} | {f'{named.mean():.3f}' if name else ''} |")
    return "\n".join(lines)


def stored(model: PlacementModel) -> dict[str, Any]:
    weights = [[float(f"{weight:.5g}") for weight in row] for row in model.weights]
    return {"exchanges": list(EXCHANGES), "weights": weights, "shifts": model.shifts.round(5).tolist(), "limit": model.limit}


if __name__ == "__main__":
    main()
