"""How many requests are in flight, by how long the answers take."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from ecgfm_client import AsyncEcgClient, bulk
from ecgfm_client.errors import Refused, UnusableInput
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


def run_with(
    tmp_path: Path,
    about: dict[str, Any],
    recordings: list[Recording],
    code: str = "too_short",
    field: str = "signal",
    gone: str | None = None,
) -> bulk.Summary:
    """Run on the table e.parquet.

    Recordings whose names begin with x are refused with `code` for `field`. The file of the one
    named `gone` cannot be read.
    """

    async def ask(
        client: AsyncEcgClient, recording: Recording
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        if recording.name.startswith("x"):
            errors = [{"loc": ["signals", 0, field], "msg": "found; allowed"}]
            raise Refused(422, {"code": code, "detail": "found; allowed", "errors": errors})
        if recording.name == gone:
            raise UnusableInput("r1: no such file")
        return {"segments": 1}, about

    async def through() -> bulk.Summary:
        table = Table(tmp_path / "e.parquet")
        async with AsyncEcgClient("http://127.0.0.1:9") as client:
            summary = await bulk.run(recordings, ask, table, client)
        table.finish()
        return summary

    return asyncio.run(through())


FEW = [Recording(name, ()) for name in ("r1", "r2", "x1")]


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"name": "tiny", "layer": 1}, "layer -1; these are made with layer 1;"),
        ({"name": "tiny", "pooling": "max"}, "pooling mean; these are made with pooling max;"),
        ({"name": "large"}, "name tiny; these are made with name large;"),
        ({"name": "tiny", "fs": 250.0}, "no fs; these are made with fs 250.0;"),
    ],
)
@pytest.mark.parametrize("recordings", [FEW, FEW[:2], FEW[:1]], ids=len)
def test_other_options_are_refused_also_where_no_row_is_missing(
    tmp_path: Path, other: dict[str, Any], named: str, recordings: list[Recording]
) -> None:
    assert run_with(tmp_path, {"name": "tiny"}, FEW).new == 2
    with pytest.raises(UnusableInput, match=named):
        run_with(tmp_path, other, recordings)
    assert not (tmp_path / "e.parquet.parts").exists()
    again = run_with(tmp_path, {"name": "tiny"}, recordings)
    assert (again.rows, again.new) == (2, 0)


@pytest.mark.parametrize(
    ("code", "field"),
    [
        *((code, "") for code in sorted(bulk.REFUSED_FOR_ALL)),
        *(("bad_option", field) for field in sorted(bulk.OPTIONS_OF_A_RUN)),
    ],
)
def test_what_every_recording_would_be_refused_for_ends_the_run(
    tmp_path: Path, code: str, field: str
) -> None:
    with pytest.raises(Refused, match=code):
        run_with(tmp_path, {"name": "tiny"}, [Recording("x1", ())], code, field)
    assert not (tmp_path / "e.parquet.failed.csv").exists()


@pytest.mark.parametrize("field", ["units", "lead_names", "sex", "gain"])
def test_an_option_that_one_file_states_wrongly_does_not_stop_the_others(
    tmp_path: Path, field: str
) -> None:
    summary = run_with(tmp_path, {"name": "tiny"}, FEW, "bad_option", field)
    assert (summary.new, summary.failed) == (2, 1)
    assert "x1,bad_option" in (tmp_path / "e.parquet.failed.csv").read_text()


def test_a_file_with_a_row_that_cannot_be_read_any_more_does_not_stop_the_others(
    tmp_path: Path,
) -> None:
    about = {"name": "tiny"}
    assert run_with(tmp_path, about, FEW[:2]).new == 2
    more = run_with(tmp_path, about, [*FEW[:2], Recording("r3", ())], gone="r1")
    assert (more.rows, more.new) == (3, 1)
