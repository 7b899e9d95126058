"""Rows survive restarts, kill -9, snapshots and damaged files."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from influxdb3_embedded.storage import ColumnKind, Follower, SnapshotPolicy, StorageLockedError, WriteFailedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from started_storage import OpenStorage

WRITER = """
import asyncio, pathlib, sys
from influxdb3_embedded.storage import SnapshotPolicy, Storage

async def main():
    storage = Storage(pathlib.Path(sys.argv[1]), snapshot_policy=SnapshotPolicy(entries=20))
    await storage.start()
    number = int(sys.argv[2])
    while True:
        await asyncio.gather(*(storage.write(1, f"cpu,h=a v={n}i {n}") for n in range(number, number + 5)))
        number += 5
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.fixture
def reopened(open_storage: Callable[..., OpenStorage], tmp_path: Path) -> Callable[..., OpenStorage]:
    """Closes the storage and opens the same directory again."""
    current: list[OpenStorage] = []

    def reopen(**options: object) -> OpenStorage:
        if current:
            current[-1].run(current[-1].storage.stop())
            current[-1].close = lambda: None  # type: ignore[method-assign]
        current.append(open_storage(tmp_path, **options))
        return current[-1]

    return reopen


def files(directory: Path) -> list[Path]:
    return sorted((directory / "parquet").glob("*.parquet"))


def test_a_directory_is_open_in_one_process_only(open_storage: Callable[..., OpenStorage], tmp_path: Path) -> None:
    open_storage(tmp_path)
    with pytest.raises(StorageLockedError):
        open_storage(tmp_path)


def test_rows_tables_and_retention_survive_a_restart(reopened: Callable[..., OpenStorage]) -> None:
    storage = reopened()
    storage.write('cpu,h=a v=1,s="x",b=t,u=1u,i=-1i 1\ncpu w=2 2')
    storage.run(storage.storage.create_table(1, "made", ["t"], [("f", ColumnKind.STRING)]))
    storage.write("gone v=1 1")
    storage.run(storage.storage.drop_table(1, "gone"))
    storage.run(storage.storage.write(2, "old v=1 1"))
    storage.run(storage.storage.set_retention(2, timedelta(days=1)))
    schemas = {schema.name: schema.columns for schema in storage.storage.tables(1)}
    before = storage.rows("cpu")
    storage = reopened()
    assert before == storage.rows("cpu")
    assert schemas == {schema.name: schema.columns for schema in storage.storage.tables(1)}
    assert storage.rows("old", database=2) == []


def test_acknowledged_writes_survive_kill_9(reopened: Callable[..., OpenStorage], tmp_path: Path) -> None:
    acknowledged = 0
    for _ in range(3):
        arguments = [sys.executable, "-c", WRITER, str(tmp_path), str(acknowledged)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(30):
                acknowledged = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *(int(line) for line in process.stdout if line.endswith("\n"))])
    values = {row["v"] for row in reopened().rows("cpu")}
    assert set(range(acknowledged)) <= values


def test_rows_in_parquet_are_read_like_rows_in_memory(reopened: Callable[..., OpenStorage], tmp_path: Path) -> None:
    storage = reopened()
    storage.write("cpu,h=a v=1 10\ncpu,h=b v=2 20")
    storage.snapshot()
    assert len(files(tmp_path)) == 1
    storage.write("cpu,h=a w=5 10\ncpu,h=c v=3 15\ncpu v=4 30\ncpu v=0 1")
    expected = [
        {"v": 0.0, "time": 1},
        {"h": "a", "v": 1.0, "w": 5.0, "time": 10},
        {"h": "c", "v": 3.0, "time": 15},
        {"h": "b", "v": 2.0, "time": 20},
        {"v": 4.0, "time": 30},
    ]
    assert expected == storage.rows("cpu")
    assert expected == reopened().rows("cpu")
    storage = reopened()
    storage.snapshot()
    assert expected == storage.rows("cpu")
    assert expected == reopened().rows("cpu")
    assert len(files(tmp_path)) == 1, "small files are joined and replaced ones deleted"


def test_a_full_log_moves_to_parquet(open_storage: Callable[..., OpenStorage], tmp_path: Path) -> None:
    storage = open_storage(tmp_path, snapshot_policy=SnapshotPolicy(entries=10))
    for number in range(25):
        storage.write(f"cpu v={number} {number}")
    assert files(tmp_path)
    assert list(range(25)) == [row["time"] for row in storage.rows("cpu")]


def test_the_kept_part_of_the_log_can_be_replayed(reopened: Callable[..., OpenStorage]) -> None:
    storage = reopened()
    for number in range(1, 5):
        storage.write(f"cpu,z=1,a=2 v={number},b=t {number}")
    storage.storage.feed.keep_after(2)
    storage.snapshot()
    storage = reopened()
    storage.write("cpu v=5 5\nmem v=1 5")
    replayed = list(storage.storage.feed.replay(1, after=2))
    assert [sequence for sequence, _ in replayed] == [3, 4, 5]
    assert list(replayed[0][1][0].rows) == [{"z": "1", "a": "2", "v": 3.0, "b": True, "time": 3}]
    assert [batch.table_name for batch in replayed[2][1]] == ["cpu", "mem"]
    assert [row["time"] for row in storage.rows("cpu")] == [1, 2, 3, 4, 5], "kept entries are not stored twice"


def test_the_log_is_kept_for_a_follower_of_the_last_process(reopened: Callable[..., OpenStorage]) -> None:
    storage = reopened()
    for number in range(1, 5):
        storage.write(f"cpu v={number} {number}")
    ahead, behind, gone = Follower(1, "ahead"), Follower(1, "behind"), Follower(1, "gone")
    storage.run(stored(storage, {ahead: 4, behind: 2, gone: 1}))
    storage.run(stored(storage, {gone: None}))
    storage = reopened()
    assert storage.storage.feed.positions() == {ahead: 4, behind: 2}
    storage.snapshot()
    assert [sequence for sequence, _ in storage.storage.feed.replay(1, after=2)] == [3, 4]
    storage.run(storage.storage.drop_database(1))
    assert reopened().storage.feed.positions() == {}


async def stored(storage: OpenStorage, positions: dict[Follower, int | None]) -> None:
    await storage.storage.feed.store_positions(positions)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_replay_can_be_limited_to_a_range_and_a_table(
    open_storage: Callable[..., OpenStorage], tmp_path: Path, in_memory: bool
) -> None:
    storage = open_storage(None if in_memory else tmp_path)
    storage.storage.feed.keep_after(0)
    storage.write("cpu v=1 1")
    storage.write("cpu v=2 2\nmem v=2 2")
    storage.run(storage.storage.write(2, "cpu v=3 3"))
    storage.write("mem v=4 4")
    storage.write("cpu v=5 5")
    feed = storage.storage.feed
    assert [sequence for sequence, _ in feed.replay(1, after=1)] == [2, 4, 5]
    found = [
        (sequence, [batch.table_name for batch in batches])
        for sequence, batches in feed.replay(1, after=0, through=4, table="mem")
    ]
    assert found == [(2, ["mem"]), (4, ["mem"])]
    feed.keep_after(4)
    storage.snapshot()
    assert [sequence for sequence, _ in feed.replay(1, after=0)] == [5]


def crashed(directory: Path, copy: Path) -> Path:
    """Copy an open directory: the copy looks as after a crash."""
    shutil.copytree(directory, copy)
    return copy


def test_a_torn_end_of_the_log_loses_the_last_commit_only(
    open_storage: Callable[..., OpenStorage], tmp_path: Path
) -> None:
    storage = open_storage(tmp_path / "open")
    for number in range(1, 4):
        storage.write(f"cpu v={number} {number}")
    whole = open_storage(crashed(tmp_path / "open", tmp_path / "whole"))
    assert [row["time"] for row in whole.rows("cpu")] == [1, 2, 3]
    log = crashed(tmp_path / "open", tmp_path / "torn") / "storage.sqlite-wal"
    content = log.read_bytes()
    log.write_bytes(content[:-50] + bytes([content[-50] ^ 1]) + content[-49:])
    torn = open_storage(tmp_path / "torn")
    assert [row["time"] for row in torn.rows("cpu")] == [1, 2]


def test_a_damaged_entry_of_the_log_loses_its_rows_only(
    reopened: Callable[..., OpenStorage], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    storage = reopened()
    for number in range(1, 4):
        storage.write(f"cpu v={number} {number}")
    storage.run(storage.storage.stop())
    with sqlite3.connect(tmp_path / "storage.sqlite") as connection:
        connection.execute("UPDATE log SET batch = x'00' WHERE sequence = 2")
    storage.run(storage.storage.start())
    assert [row["time"] for row in storage.rows("cpu")] == [1, 3]
    assert "the rows of write 2 are lost" in caplog.text


def test_sequences_continue_after_the_log_was_pruned(reopened: Callable[..., OpenStorage]) -> None:
    storage = reopened()
    storage.write("cpu v=1 1")
    storage.snapshot()
    storage = reopened()
    seen: list[int] = []
    storage.storage.feed.subscribe(lambda _, sequence, __: seen.append(sequence))
    storage.write("cpu v=2 2")
    assert seen == [2]


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete"])
def test_a_damaged_file_loses_its_rows_only(
    reopened: Callable[..., OpenStorage], tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    storage = reopened()
    storage.write("cpu v=1 1")
    storage.snapshot()
    (torn,) = files(tmp_path)
    storage.write("mem v=2 2")
    storage.snapshot()
    storage.write("cpu v=3 1000")
    content = torn.read_bytes()
    storage.run(storage.storage.stop())
    match damage:
        case "truncate":
            torn.write_bytes(content[: len(content) // 2])
        case "flip":
            torn.write_bytes(content[:20] + bytes([content[20] ^ 1]) + content[21:])
        case "delete":
            torn.unlink()
    storage.run(storage.storage.start())
    assert storage.rows("cpu") == [{"v": 3.0, "time": 1000}]
    assert storage.rows("mem") == [{"v": 2.0, "time": 2}]
    assert "1 rows are lost" in caplog.text
    storage.write("cpu v=4 1")
    storage.snapshot()
    assert [row["time"] for row in storage.rows("cpu")] == [1, 1000]


def test_files_of_an_interrupted_snapshot_are_removed(reopened: Callable[..., OpenStorage], tmp_path: Path) -> None:
    storage = reopened()
    storage.write("cpu v=1 1")
    storage.snapshot()
    (tmp_path / "parquet" / "stray.parquet").write_bytes(b"half")
    (tmp_path / "parquet" / "stray.unfinished").write_bytes(b"half")
    storage = reopened()
    assert storage.rows("cpu") == [{"v": 1.0, "time": 1}]
    assert len(list((tmp_path / "parquet").iterdir())) == 1


def test_expired_rows_are_not_read_and_their_files_are_deleted(
    reopened: Callable[..., OpenStorage], tmp_path: Path
) -> None:
    storage = reopened()
    storage.write("cpu v=1 1")
    storage.snapshot()
    storage.run(storage.storage.set_retention(1, timedelta(days=1)))
    storage.write("cpu v=2")
    storage.write("cpu v=0 2")
    assert [row["v"] for row in storage.rows("cpu")] == [2.0]
    storage.snapshot()
    storage.run(storage.storage.set_retention(1, None))
    assert [row["v"] for row in storage.rows("cpu")] == [2.0]
    reopened()
    assert len(files(tmp_path)) == 1


def test_a_write_that_the_log_cannot_take_is_an_error_and_not_stored(
    open_storage: Callable[..., OpenStorage], tmp_path: Path
) -> None:
    storage = open_storage(tmp_path)
    storage.write("cpu v=1 1")
    log = storage.storage._log  # SQLite's limit of pages raises the same error as a full disk
    assert log is not None
    pages = log.connection.execute("PRAGMA page_count").fetchone()[0]
    log.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(WriteFailedError, match="full"):
        storage.write("\n".join(f'cpu s="{"x" * 200}" {number}' for number in range(2, 5000)))
    log.connection.execute("PRAGMA max_page_count = 1000000")
    storage.write("cpu v=2 6000")
    assert [row["time"] for row in storage.rows("cpu")] == [1, 6000]
