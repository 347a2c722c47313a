"""Nothing is lost, swapped or forgotten while processes are killed and clients mean harm.

Eight clients send requests, each until it is answered. Meanwhile workers, readers and HTTP
processes are killed and stopped at random, slow, silent, unread and broken connections come and go,
the disk is full, and the server is stopped with SIGTERM, its main process is killed, and it is
started again. An attempt is

    answered      with the fingerprint of its own recording
    refused       with a status and code that docs/errors.md has for it: 408, 429, 503, or 500
                  worker_crashed for an upload whose reader was killed, or a recording whose
                  workers were killed again and again
    not accepted  no connection, or it ended before the server said 100 Continue
    broken        its HTTP process or the main process was killed by this test
    lost          accepted, and the connection broke without an answer for none of these reasons
    swapped       answered with the fingerprint or the id of another recording
    wrong         answered with anything else
    late          answered with 504 deadline_exceeded or 503 worker_restarting, though the deadline
                  is long enough for every process to be replaced
    hung          without an answer long after its deadline (tests/server/chaos/clients.py: HUNG_S)

Refused and broken attempts and those that were not accepted are repeated and counted. The rest must
not happen. The seed is printed; the order of the disturbances follows from it, the moments in which
they hit do not.
"""

from __future__ import annotations

import os
import random
import sys
from typing import Final

import pytest

from tests.server.chaos.run import ChaosRun, Report

LONG_REQUESTS: Final = 100_000
# Resident memory of a process that answered this many requests or more after its warm-up.
FLAT_AFTER_REQUESTS: Final = 2_000
FLAT_MIB: Final = 16.0
FLAT_DESCRIPTORS: Final = 64  # connections of clients and attackers come and go
ENDS_A_WORKER: Final = (
    "signal worker killed",
    "model worker killed",
    "reader killed",
    "signal worker stopped",
    "model worker stopped",
    "any process stopped for a moment",
)


def _check(report: Report) -> None:
    sys.stdout.write(report.table())
    sys.stdout.write(report.log[-20_000:])
    account = report.account
    assert account.faults == []
    assert account.answered == account.total
    assert account.worker_crashes() <= sum(account.disturbances[name] for name in ENDS_A_WORKER)
    assert report.in_flight_after == 0
    assert set(report.exit_codes) == {0}
    assert report.remains == []
    for growth in report.growths:
        if growth.requests >= FLAT_AFTER_REQUESTS:
            assert growth.mib < FLAT_MIB, str(growth)
            assert growth.descriptors < FLAT_DESCRIPTORS, str(growth)


def _seed() -> int:
    seed = int(os.environ.get("CHAOS_SEED") or random.randrange(2**32))
    sys.stdout.write(f"CHAOS_SEED={seed}\n")
    return seed


def test_each_of_two_hundred_requests_gets_its_own_answer_while_processes_are_killed() -> None:
    _check(ChaosRun(200, _seed(), every=20, restarts=False).report())


@pytest.mark.long
@pytest.mark.timeout(12 * 3600)
def test_each_of_many_requests_gets_its_own_answer_through_kills_attacks_and_restarts() -> None:
    """CHAOS_REQUESTS sets how many."""
    requests = int(os.environ.get("CHAOS_REQUESTS", LONG_REQUESTS))
    every = max(10, min(200, requests // 200))
    _check(ChaosRun(requests, _seed(), every=every).report())
