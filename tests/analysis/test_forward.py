"""One batch, many recordings: each encoder runs once, and each recording gets its own rows."""

from __future__ import annotations

import numpy as np

from analysis.forward import Piece, forward, join
from analysis.plan import Need
from tests.analysis.deployments import SumRunner


def piece(*values: float, **needs: Need) -> Piece:
    """One segment for each value, filled with it; the sum of its 12 x 2 samples is 24 values."""
    return Piece(np.stack([np.full((12, 2), value, np.float32) for value in values]), needs)  # type: ignore[arg-type]


def test_every_recording_gets_its_own_rows() -> None:
    runner = SumRunner(1.0, labels=3)
    results = forward(
        [piece(1, 2, clinical=Need()), piece(3, clinical=Need()), piece(4, 5, 6, clinical=Need())],
        {"clinical": runner},
    )
    assert [result["clinical"].pooled[:, 0].tolist() for result in results] == [
        [24, 48],
        [72],
        [96, 120, 144],
    ]
    assert [len(result["clinical"].logits) for result in results] == [2, 1, 3]
    assert [call["segments"] for call in runner.calls] == [6]


def test_an_encoder_sees_only_what_needs_it() -> None:
    clinical, features = SumRunner(1.0), SumRunner(10.0)
    pieces = [
        piece(1, clinical=Need()),
        piece(2, features=Need()),
        piece(3, clinical=Need(), features=Need()),
        piece(4),
    ]
    results = forward(pieces, {"clinical": clinical, "features": features})
    assert [sorted(result) for result in results] == [
        ["clinical"],
        ["features"],
        ["clinical", "features"],
        [],
    ]
    assert results[2]["clinical"].pooled[0, 0] == 72
    assert results[2]["features"].pooled[0, 0] == 720
    assert (clinical.calls[0]["segments"], features.calls[0]["segments"]) == (2, 2)


def test_an_encoder_that_no_recording_needs_does_not_run() -> None:
    runner = SumRunner(1.0)
    assert forward([piece(1)], {"clinical": runner}) == [{}]
    assert runner.calls == []


def test_layers_and_attention_are_computed_for_the_batch_and_given_to_those_who_asked() -> None:
    runner = SumRunner(1.0)
    wishes = [Need(layer=2), Need(layer=0), Need(attention=True), Need(layer=-1), Need()]
    results = [
        result["clinical"]
        for result in forward([piece(1, clinical=wish) for wish in wishes], {"clinical": runner})
    ]
    assert runner.calls == [
        {"segments": 5, "layers": (0, 2), "attention": True, "final_tokens": True}
    ]
    assert [None if result.states is None else result.states[0, 0, 0] for result in results] == [
        26,
        24,
        None,
        23,
        None,
    ]
    assert [result.saliency is not None for result in results] == [False, False, True, False, False]
    assert all(len(result.pooled) == 1 for result in results)


def test_outputs_that_no_recording_needs_are_not_computed() -> None:
    runner = SumRunner(1.0)
    forward([piece(1, clinical=Need())], {"clinical": runner})
    assert runner.calls == [
        {"segments": 1, "layers": (), "attention": False, "final_tokens": False}
    ]


def test_a_long_recording_in_pieces_is_joined_in_order() -> None:
    runner = SumRunner(1.0, labels=2)
    need = Need(layer=1, attention=True)
    whole = forward([piece(1, 2, 3, clinical=need)], {"clinical": runner})[0]["clinical"]
    parts = [
        forward([piece(*values, clinical=need)], {"clinical": runner})[0]["clinical"]
        for values in ((1, 2), (3,))
    ]
    joined = join(parts)
    for name in ("pooled", "logits", "states", "saliency"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))
    assert join(parts[:1]) is parts[0]
