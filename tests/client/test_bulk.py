"""How many requests are in flight, by how long the answers take."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from ecgfm_client import AsyncEcgClient, bulk
from ecgfm_client.errors import Refused
from ecgfm_client.folders import Recording
from ecgfm_client.tables import Table

RECORDINGS = [Recording(f"r{number:03d}", ()) for number in range(200)]


def at_once(tmp_path: Path, *, most: int) -> tuple[list[int], bulk.Summary]:
    """For each answer, how many were on their way."""
    under_way, seen = 0, []

    async def ask(
        client: AsyncEcgClient, recording: Recording
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        nonlocal under_way
        under_way += 1
        seen.append(under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        if recording.name == "r100":
            raise Refused(422, {"code": "too_short", "detail": "1 s"})
        return {"segments": 1}, {"name": "x"}

    async def through() -> bulk.Summary:
        async with AsyncEcgClient("http://127.0.0.1:9") as client:
            return await bulk.run(RECORDINGS, ask, Table(tmp_path / "e.parquet"), client, most)

    summary = asyncio.run(through())
    assert (summary.new, summary.failed) == (199, 1)
    return seen, summary


def test_quick_answers_bring_more_up_to_the_most(tmp_path: Path) -> None:
    seen, _ = at_once(tmp_path, most=30)
    assert max(seen) == 30


def test_slow_answers_leave_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "QUICK_S", 0.0)
    monkeypatch.setattr(bulk, "SLOW_S", 0.0)
    seen, _ = at_once(tmp_path, most=30)
    assert max(seen) == bulk.FIRST_IN_FLIGHT
    assert seen[-1] == bulk.FEWEST_IN_FLIGHT


def test_the_most_may_be_one(tmp_path: Path) -> None:
    seen, _ = at_once(tmp_path, most=1)
    assert max(seen) == 1
