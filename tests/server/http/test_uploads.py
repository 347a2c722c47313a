"""Bodies have bounds: their number, their bytes, their rate, and the share of one client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from errors import EcgError, Overloaded, UploadTooSlow
from server.http.limits import HttpLimits
from server.http.uploads import Upload, Uploads
from server.settings import Settings
from tests.server.http.simulation import now_s, simulate

LIMITS = replace(
    HttpLimits.from_settings(Settings()),
    uploads=4,
    body_bytes=1000,
    bodies_bytes=2000,
    stall_timeout_s=5.0,
    min_bytes_per_s=10.0,
)
A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def uploads_of_process() -> Uploads:
    return Uploads(LIMITS, retry_after_s=lambda: 7, clock=now_s)


def in_simulated_time(test: Callable[[Uploads], object]) -> None:
    async def run() -> None:
        outcome = test(uploads_of_process())
        if asyncio.iscoroutine(outcome):
            await outcome

    simulate(run())


def fault_of(upload: Upload) -> EcgError | None:
    try:
        upload.raise_fault()
    except EcgError as error:
        return error
    return None


def test_one_client_may_use_every_place_and_no_more() -> None:
    def run(uploads: Uploads) -> None:
        opened = [uploads.open(A, None) for _ in range(4)]
        with pytest.raises(Overloaded, match="4 bodies are being received") as refused:
            uploads.open(A, None)
        assert refused.value.retry_after_s == 7
        uploads.received(opened[0])
        uploads.open(A, None)

    in_simulated_time(run)


def test_the_client_with_most_uploads_makes_room_for_another() -> None:
    """Its slowest upload ends, once it is old enough to be judged."""

    async def run(uploads: Uploads) -> None:
        slow, fast, *others = [uploads.open(A, None) for _ in range(4)]
        stopped = []
        slow.on_fault(lambda: stopped.append(1))
        for upload in (fast, *others):
            upload.add(100)
        slow.add(1)
        with pytest.raises(Overloaded):
            uploads.open(B, None)
        await asyncio.sleep(2.0)
        uploads.open(B, None)
        assert isinstance(fault_of(slow), Overloaded)
        assert stopped == [1]
        assert fault_of(fast) is None
        uploads.open(B, None)
        assert uploads.open_count == 4
        # Now each has two: neither has to give way to the other.
        await asyncio.sleep(2.0)
        for client in (A, B):
            with pytest.raises(Overloaded):
                uploads.open(client, None)

    in_simulated_time(run)


def test_bytes_are_counted_as_they_arrive() -> None:
    """An announced length takes nothing: ten clients that announce much and send nothing."""

    def run(uploads: Uploads) -> None:
        opened = [uploads.open(A, 1000) for _ in range(4)]
        assert uploads.held_bytes == 0
        opened[0].add(1000)
        opened[1].add(1000)
        with pytest.raises(Overloaded, match="2001 bytes of bodies are in memory"):
            opened[2].add(1)
        uploads.close(opened[2])
        uploads.close(opened[3])
        assert uploads.held_bytes == 2000
        # Complete bodies count until their requests are answered.
        uploads.received(opened[0])
        with pytest.raises(Overloaded, match="ECG_MAX_BODIES_MB"):
            uploads.open(A, 1)
        uploads.close(opened[0])
        assert uploads.held_bytes == 1000
        uploads.open(A, 1000)

    in_simulated_time(run)


def test_an_announced_body_that_cannot_fit_is_refused_unread() -> None:
    def run(uploads: Uploads) -> None:
        first = uploads.open(A, None)
        first.add(1500)
        uploads.open(A, 500)
        with pytest.raises(Overloaded):
            uploads.open(A, 501)

    in_simulated_time(run)


def test_the_client_with_most_bytes_makes_room_for_another() -> None:
    async def run(uploads: Uploads) -> None:
        large, small = uploads.open(A, None), uploads.open(C, None)
        small.add(200)
        large.add(1800)
        await asyncio.sleep(2.0)
        newcomer = uploads.open(B, 400)
        assert fault_of(large) is None
        newcomer.add(400)
        assert isinstance(fault_of(large), Overloaded)
        assert fault_of(small) is None
        uploads.close(large)
        assert uploads.held_bytes == 600

    in_simulated_time(run)


@pytest.mark.parametrize(("per_second", "ends"), [(9, True), (13, False)])
def test_the_minimum_rate(per_second: int, ends: bool) -> None:
    async def run(uploads: Uploads) -> None:
        upload = uploads.open(A, None)
        for _ in range(12):
            await asyncio.sleep(1.0)
            if fault_of(upload) is None:
                upload.add(per_second)
        assert isinstance(fault_of(upload), UploadTooSlow) == ends
        # What is given up has no place any more.
        assert uploads.open_count == (0 if ends else 1)

    in_simulated_time(run)


def test_an_upload_that_was_fast_and_stalls_ends_too() -> None:
    async def run(uploads: Uploads) -> None:
        upload = uploads.open(A, None)
        upload.add(999)
        await asyncio.sleep(5.9)
        assert fault_of(upload) is None
        await asyncio.sleep(5.0)
        assert isinstance(fault_of(upload), UploadTooSlow)

    in_simulated_time(run)
