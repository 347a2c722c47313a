from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ecgfm_client import UnusableInput
from ecgfm_client.tables import Table

ABOUT = {"name": "tiny", "revision": None, "sha256": "12"}


def opened(out: Path, **more: int) -> Table:
    table = Table(out, **more)
    table.open()
    table.must_match(ABOUT)
    return table


def row(name: str, **more: object) -> dict[str, object]:
    return {
        "record_id": name,
        "embedding": np.arange(3, dtype=np.float32),
        "segments": 2,
        "warnings": [],
        **more,
    }


def names(out: Path) -> list[str]:
    return list(pq.read_table(out).column("record_id").to_pylist())


def test_rows_and_what_they_were_made_with(tmp_path: Path) -> None:
    table = opened(tmp_path / "e.parquet", rows_a_shard=2)
    for name in "abcde":
        table.add(row(name))
    assert table.finish() == 5
    read = pq.read_table(tmp_path / "e.parquet")
    assert read.column("record_id").to_pylist() == list("abcde")
    assert np.array_equal(read.column("embedding")[4].as_py(), [0, 1, 2])
    assert b'"sha256": "12"' in read.schema.metadata[b"ecgfm"]
    assert [path.name for path in tmp_path.iterdir()] == ["e.parquet"], "no other file is left"


def test_what_was_flushed_survives_and_the_next_run_adds_to_it(tmp_path: Path) -> None:
    first = opened(tmp_path / "e.parquet")
    first.add(row("a"))
    first.flush()
    first.add(row("lost"))
    (first.parts / "part-000001.tmp").write_bytes(b"half of a shard")
    (first.parts / "lock").write_text("999999999")  # its process is gone
    second = opened(tmp_path / "e.parquet")
    assert second.done == {"a"}
    second.add(row("b"))
    second.finish()
    third = opened(tmp_path / "e.parquet")
    assert third.done == {"a", "b"}
    third.add(row("c"))
    third.finish()
    assert names(tmp_path / "e.parquet") == ["a", "b", "c"]


def test_two_models_are_never_mixed(tmp_path: Path) -> None:
    table = opened(tmp_path / "e.parquet")
    table.add(row("a"))
    table.finish()
    other = Table(tmp_path / "e.parquet")
    other.open()
    with pytest.raises(
        UnusableInput,
        match=r"^--out: e\.parquet has rows made with sha256 12; these are made with sha256 34; "
        r"choose another file$",
    ):
        other.must_match({**ABOUT, "sha256": "34"})


@pytest.mark.parametrize(
    ("changed", "stored", "new"),
    [
        ({"layer": 1}, "layer -1", "layer 1"),
        ({"pooling": "max"}, "pooling mean", "pooling max"),
        ({"fs": 250.0}, "no fs", "fs 250.0"),
        ({"units": "uV", "gain": 200.0}, "no units, no gain", "units uV, gain 200.0"),
        ({"revision": "abc", "layer": 2}, "no revision, layer -1", "revision abc, layer 2"),
    ],
)
def test_other_options_are_named(
    tmp_path: Path, changed: dict[str, object], stored: str, new: str
) -> None:
    opened(tmp_path / "e.parquet").finish()
    table = opened(tmp_path / "e.parquet")
    with pytest.raises(UnusableInput) as refused:
        table.must_match({**ABOUT, **changed})
    assert str(refused.value) == (
        f"--out: e.parquet has rows made with {stored}; these are made with {new}; "
        "choose another file"
    )


def test_the_same_in_other_words_matches(tmp_path: Path) -> None:
    """Older versions stored the options that were given, also the name of the encoder."""
    table = opened(tmp_path / "e.parquet")
    table.must_match({**ABOUT, "layer": -1, "pooling": "mean"})
    table.must_match({**ABOUT, "model": "features"})
    table.must_match({**ABOUT, "labels": "a@1", "superclass": None})
    table.must_match({**ABOUT, "labels": None, "superclass": "b@2"})
    with pytest.raises(UnusableInput, match="superclass b@2; these are made with superclass b@3"):
        table.must_match({**ABOUT, "superclass": "b@3"})


def test_a_table_that_cannot_be_opened_is_left_as_it_was(tmp_path: Path) -> None:
    pq.write_table(pa.table({"record_id": ["a"]}), tmp_path / "e.parquet")
    with pytest.raises(UnusableInput):
        Table(tmp_path / "e.parquet").open()
    assert [path.name for path in tmp_path.iterdir()] == ["e.parquet"]


def test_a_table_of_somebody_elses_is_not_touched(tmp_path: Path) -> None:
    pq.write_table(pa.table({"record_id": ["a"]}), tmp_path / "e.parquet")
    with pytest.raises(
        UnusableInput, match=r"^--out: another program wrote this table; choose another file$"
    ):
        Table(tmp_path / "e.parquet").open()
    (tmp_path / "r.csv").write_text("mine")
    with pytest.raises(
        UnusableInput, match=r"^--out: .*r\.csv exists; remove it or choose another file$"
    ):
        Table(tmp_path / "r.csv").open()
    with pytest.raises(
        UnusableInput, match=r"^--out: r\.xlsx; the extension must be \.parquet or \.csv$"
    ):
        Table(tmp_path / "r.xlsx")


def test_a_shard_is_written_when_it_has_all_its_rows(tmp_path: Path) -> None:
    table = opened(tmp_path / "e.parquet", rows_a_shard=2)
    for name in "abcde":
        table.add(row(name))
    shards = sorted(table.parts.glob("*.parquet"))
    assert [shard.name for shard in shards] == ["part-000000.parquet", "part-000001.parquet"]
    assert [names(shard) for shard in shards] == [["a", "b"], ["c", "d"]]


def test_a_run_without_rows_leaves_nothing(tmp_path: Path) -> None:
    table = opened(tmp_path / "e.parquet")
    assert table.finish() == 0
    assert list(tmp_path.iterdir()) == []


def test_two_runs_at_once_are_refused(tmp_path: Path) -> None:
    table = opened(tmp_path / "e.parquet")
    with pytest.raises(
        UnusableInput, match=rf"^--out: process {os.getpid()} is writing e\.parquet$"
    ):
        Table(table.out).open()


def test_failures_are_listed_and_forgotten_once_they_succeed(tmp_path: Path) -> None:
    table = opened(tmp_path / "e.parquet")
    table.add(row("a"))
    table.fail("b", "too_short", 'a "detail", with a comma')
    table.finish()
    assert (
        table.failed.read_text()
        == 'record_id,code,detail\nb,too_short,"a ""detail"", with a comma"\n'
    )
    again = opened(tmp_path / "e.parquet")
    again.add(row("b"))
    again.finish()
    assert not again.failed.exists()


def test_columns_that_come_later_are_null_before(tmp_path: Path) -> None:
    table = opened(tmp_path / "r.csv", rows_a_shard=1)
    table.add({"record_id": "a", "rhythm": None})
    table.add({"record_id": "b", "rhythm": "Sinus rhythm", "qrs_ms": 90.0})
    table.finish()
    assert (
        tmp_path / "r.csv"
    ).read_text() == '"record_id","rhythm","qrs_ms"\n"a",,\n"b","Sinus rhythm",90\n'
