"""Batches are shared fairly between single recordings and those of large requests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from analysis.options import AnalyzeOptions
from analysis.prepare import Prepared
from benchmarks.null_encoder import WIDTH, write_null_bundle
from server.ipc.messages import ModelItem, Slot, TaskHead
from server.stages.backlog import Backlog, Job
from tests.server.ecgs import analyze, answer_of, post_npy, twelve_seconds
from tests.server.harness import RunningServer

BATCH = 8  # segments


def job(
    uid: int, index: int = 0, *, segments: int = 2, many: bool = False, alone: bool = False
) -> Job:
    head = TaskHead(0, uid, Slot(0, uid), "analyze", "id", "json", 0.0, 1.0)
    prepared = Prepared(
        None, AnalyzeOptions(), {"clinical": None}, np.zeros((segments, 12, 1), np.float32)
    )  # type: ignore[dict-item]
    return Job(ModelItem(head, index, prepared, alone, many, {}, 0.0))


def batch_of(backlog: Backlog) -> list[tuple[int, int]]:
    """(request, segments) of each piece in the next batch."""
    return [(job.item.head.uid, len(piece.segments)) for job, piece in backlog.next_batch()]


def test_one_that_came_alone_is_in_the_next_batch_however_much_of_a_big_request_waits() -> None:
    backlog = Backlog(BATCH)
    for index in range(10):
        backlog.add(job(1, index, many=True))
    backlog.add(job(2))
    assert (2, 2) in batch_of(backlog)


def test_a_big_request_has_its_share_while_others_keep_coming() -> None:
    backlog = Backlog(BATCH)
    for index in range(4):
        backlog.add(job(1, index, many=True))
    for turn in range(4):
        for uid in range(4):
            backlog.add(job(10 + 4 * turn + uid))
        assert (1, 2) in batch_of(backlog)


def test_alone_either_kind_fills_a_batch() -> None:
    for many in (False, True):
        backlog = Backlog(BATCH)
        for index in range(6):
            backlog.add(job(1, index, many=many))
        assert sum(segments for _, segments in batch_of(backlog)) == BATCH


def test_a_long_recording_takes_turns_with_short_ones_and_is_in_a_batch_once() -> None:
    backlog = Backlog(BATCH)
    backlog.add(job(1, segments=12))
    for uid in range(2, 7):
        backlog.add(job(uid))
    batches = [batch_of(backlog) for _ in range(3)]
    assert batches[0] == [(1, 8)]
    assert batches[1] == [(2, 2), (3, 2), (4, 2), (5, 2)]
    assert batches[2] == [(6, 2), (1, 4)]


def test_what_may_have_ended_a_worker_is_run_by_itself() -> None:
    backlog = Backlog(BATCH)
    for each in (job(1), job(2, many=True, alone=True), job(3, alone=True), job(4)):
        backlog.add(each)
    assert [batch_of(backlog) for _ in range(4)] == [[(2, 2)], [(1, 2)], [(3, 2)], [(4, 2)]]


def test_the_null_encoder_answers_every_part(tmp_path: Path) -> None:
    write_null_bundle(tmp_path / "null")
    with RunningServer(ECG_MODEL=str(tmp_path / "null")) as server:
        answer = analyze(server, twelve_seconds())
        assert len(answer["labels"]) == 17 and answer["superclass"]["probabilities"]
        assert (
            len(answer_of(post_npy(server, "/extract_features", twelve_seconds()))["features"])
            == WIDTH
        )


def test_the_backlog_reports_since_when_its_oldest_job_waits() -> None:
    reported: list[float] = []
    backlog = Backlog(BATCH, reported.append)
    for sent_s, many in ((5.0, True), (3.0, False), (4.0, False)):
        entry = job(int(sent_s), segments=BATCH - 2, many=many)
        entry.item = replace(entry.item, sent_s=sent_s)
        backlog.add(entry)
    assert reported == [5.0, 3.0, 3.0]
    # The first job, with a share of the large request's, which is then not finished yet.
    assert batch_of(backlog) == [(3, BATCH - 2), (5, 2)]
    assert reported[-1] == 4.0
    while reported[-1]:
        backlog.next_batch()
    assert reported[-1] == 0.0
