"""The report's collections: pairs of leads keep their leads, in their recordings' folds."""

from __future__ import annotations

import numpy as np

from intervals.fiducials import INTERVALS
from signals.leads import LEADS
from tests.training.delineator.test_delineator import scores, source
from training.datasets.annotated import QRS_ON
from training.delineator.report import EVERY, PAIRS, Collection, fold_numbers, pairs_of

COUNT = 7


def collection() -> Collection:
    return Collection([source()] * COUNT, [[]] * COUNT, fold_numbers(COUNT, 5))


def test_a_pair_of_leads_is_in_the_fold_of_its_recording() -> None:
    whole = collection()
    pairs = pairs_of(whole)
    assert pairs.fold.tolist() == whole.fold[::EVERY].tolist()
    for turn, (pair, trials) in enumerate(zip(pairs.sources, pairs.trials, strict=True)):
        rows = sorted(LEADS.index(lead) for lead in PAIRS[turn % len(PAIRS)])
        assert pair.rows.tolist() == rows
        signals = np.isfinite(pair.record.signal).all(axis=1)
        assert np.flatnonzero(signals).tolist() == rows
        marks = np.isfinite(pair.record.marks[:, :, QRS_ON]).any(axis=0)
        assert np.flatnonzero(marks).tolist() == rows
        assert {trial.interval for trial in trials} == set(INTERVALS)
        assert all(trial.beat.any(axis=1).sum() == len(rows) for trial in trials)


def test_collections_are_joined_in_order() -> None:
    whole = collection()
    pairs = pairs_of(whole)
    joined = whole.with_others(pairs)
    assert joined.sources == [*whole.sources, *pairs.sources]
    assert joined.fold.tolist() == [*whole.fold, *pairs.fold]
    outside = joined.outside(int(whole.fold[0]))
    assert len(outside) == int(np.sum(joined.fold != whole.fold[0]))


def test_a_part_of_the_records_keeps_its_scores() -> None:
    compared = scores([103.0, 85.0, 70.0], [100.0, 90.0, 60.0], "abc")
    last = compared.of(slice(1, None))
    assert last.names == ("b", "c")
    assert last.measured["qrs_ms"].tolist() == [85.0, 70.0]
    assert last.row("qrs_ms")["measured"] == 2
