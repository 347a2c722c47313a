"""The reading of a body ends at its time limit, and where its upload has to end before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import cast

import pytest
from fastapi import Request

from errors import UploadTooSlow
from server.http.limits import HttpLimits
from server.http.uploads import Upload, Uploads
from server.routes.body import read_body
from server.settings import Settings
from tests.server.http.simulation import now_s, simulate

LIMITS = replace(HttpLimits.from_settings(Settings()), stall_timeout_s=5.0, min_bytes_per_s=10.0)


class StalledRequest:
    """A request whose client sends the first part of a body, and nothing more."""

    def __init__(self) -> None:
        self.scope: dict[str, object] = {"state": {}}

    async def stream(self) -> AsyncIterator[bytes]:
        yield b"x" * 100
        await asyncio.get_running_loop().create_future()


async def error_of(upload: Upload, timeout_s: float) -> str:
    request = cast(Request, StalledRequest())
    with pytest.raises(UploadTooSlow) as error:
        await read_body(request, upload, LIMITS.body_bytes, timeout_s)
    return error.value.detail


@pytest.mark.parametrize(
    ("timeout_s", "setting"), [(8.0, "ECG_BODY_TIMEOUT"), (30.0, "ECG_STALL_TIMEOUT")]
)
def test_a_stalled_body_ends_at_the_earlier_of_both_limits(timeout_s: float, setting: str) -> None:
    async def run() -> None:
        uploads = Uploads(LIMITS, retry_after_s=lambda: 7, clock=now_s)
        assert setting in await error_of(uploads.open("a", None), timeout_s)
        assert now_s() == pytest.approx(1000.0 + min(timeout_s, 10.0), abs=0.1)

    simulate(run())


def test_an_upload_may_fail_at_the_moment_of_its_time_limit() -> None:
    """The rates of all uploads are looked at by one timer, which must not end with this one."""

    async def run() -> None:
        uploads = Uploads(LIMITS, retry_after_s=lambda: 7, clock=now_s)
        upload = uploads.open("a", None)
        # Both timers are due in the same turn of the event loop, the body's first.
        loop = asyncio.get_running_loop()
        faults: list[object] = []
        loop.set_exception_handler(lambda _, context: faults.append(context))
        limit_s = loop.time() + 3.0
        reading = asyncio.create_task(error_of(upload, 3.0))
        loop.call_at(limit_s + 1e-10, upload.fail, UploadTooSlow("too slow"))
        assert await reading == "too slow"
        assert faults == []

    simulate(run())
