"""The routes that take recordings, and the options of each."""

from __future__ import annotations

from typing import Final, Literal

Route = Literal["analyze", "extract_features", "assess_quality", "predict", "classify", "diagnosis"]

# The upload forms of earlier services, which take nothing but a form with files.
FORM_ROUTES: Final[tuple[Route, ...]] = ("predict", "classify", "diagnosis")

ROUTE_OPTIONS: Final[dict[Route, tuple[str, ...]]] = {
    "analyze": (
        "include",
        "aggregate",
        "thresholds",
        "model",
        "judge_unreadable",
        "measurements_method",
        # Of a report.
        "layout",
        "speed",
        "mm_per_mv",
        "paper",
        "lang",
        "rhythm_lead",
        "start_s",
        "by_hand",
    ),
    "extract_features": ("pooling", "layer", "level", "model", "dtype"),
    "assess_quality": (),
    "predict": ("judge_unreadable",),
    "classify": ("lang", "judge_unreadable"),
    "diagnosis": ("lang", "judge_unreadable"),
}
ALL_OPTIONS: Final = frozenset(name for names in ROUTE_OPTIONS.values() for name in names)
