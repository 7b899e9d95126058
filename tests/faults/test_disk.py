"""A disk that is full, files that are torn, a data directory that is taken."""

from __future__ import annotations

import os
import resource
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest
from scenes import RECORD, create, seen, wait_until, write

from influxdb3_embedded.testing import EngineDidNotStart, start_engine
from influxdb3_engine_api import AnswerError, paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine
    from influxdb3_engine_api import EngineClient

DISK_SIZE = 8 << 20
PLUGIN = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    pass\n"


class MountedDisk:
    """A file system of a few megabytes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._filler = place / "filler"

    def fill(self, engine: RunningEngine, *, leave: int) -> None:
        """Leave only so many bytes."""
        with self._filler.open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 9, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError:
                    continue
        os.truncate(self._filler, self._filler.stat().st_size - leave)

    def make_room(self, engine: RunningEngine) -> None:
        self._filler.unlink()


class LimitedFiles:
    """What everybody can have where only root can mount: no file may grow."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def fill(self, engine: RunningEngine, *, leave: int) -> None:
        largest = max(path.stat().st_size for path in (self.place / "data").rglob("*") if path.is_file())
        self._limit(engine, largest + leave)

    def make_room(self, engine: RunningEngine) -> None:
        self._limit(engine, resource.RLIM_INFINITY)

    def _limit(self, engine: RunningEngine, size: int) -> None:
        resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[MountedDisk | LimitedFiles]:
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        yield LimitedFiles(place)
        return
    yield MountedDisk(place)
    subprocess.run(["umount", str(place)], check=True)


def create_many(client: EngineClient, created: list[str]) -> None:
    for number in range(10_000):
        create(client, f"t{number}", "p.py", "every:1h", note="x" * 2000)
        created.append(f"t{number}")


def test_a_full_disk_is_an_error_in_json_and_costs_nothing_acknowledged(small_disk: MountedDisk | LimitedFiles) -> None:
    with start_engine(small_disk.place) as engine:
        client = engine.client
        client.create_database("d")
        client.create_plugin_file("p.py", PLUGIN)
        client.create_plugin_file("record.py", RECORD)
        create(client, "w", "record.py", "table:m")
        write(client, 1)
        wait_until(lambda: seen(client) == [1])
        small_disk.fill(engine, leave=0)
        text = "x" * DISK_SIZE
        with httpx.Client(base_url=engine.url) as http:
            answers = [
                http.post(paths.WRITE_LP, params={"db": "d"}, content=f'm n=2i,text="{text}"'),
                http.post(paths.PLUGIN_FILES, json={"plugin_name": "p.py", "content": f"# {text}"}),
            ]
        for answer in answers:
            assert answer.status_code >= 400
            assert answer.headers["content-type"].startswith("application/json")
            assert answer.json()["error"]
        assert client.query_sql("d", "SELECT n FROM m") == [{"n": 1}]
        assert (engine.plugin_dir / "p.py").read_text() == PLUGIN
        small_disk.make_room(engine)
        write(client, 3)
        create(client, "later", "p.py", "every:1h")
        wait_until(lambda: seen(client) == [1, 3])
        engine.kill()
    with start_engine(small_disk.place) as engine:
        assert engine.client.query_sql("d", "SELECT n FROM m ORDER BY n") == [{"n": 1}, {"n": 3}]
        assert [row.trigger_name for row in engine.client.triggers("d")] == ["w", "later"]


def test_changes_fill_the_disk_one_is_refused_and_all_others_survive(small_disk: MountedDisk | LimitedFiles) -> None:
    created: list[str] = []
    with start_engine(small_disk.place) as engine:
        engine.client.create_database("d")
        engine.client.create_plugin_file("p.py", PLUGIN)
        small_disk.fill(engine, leave=256 << 10)
        with pytest.raises(AnswerError):
            create_many(engine.client, created)
        assert [row.trigger_name for row in engine.client.triggers("d")] == created
        small_disk.make_room(engine)
        engine.kill()
    with start_engine(small_disk.place) as engine:
        assert [row.trigger_name for row in engine.client.triggers("d")] == created


def test_a_torn_log_keeps_what_is_whole_and_says_so(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        engine.client.create_database("d")
        for n in range(20):
            write(engine.client, n)
        engine.kill()
    (log,) = (tmp_path / "data").rglob("storage.sqlite-wal")
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 100)
    with start_engine(tmp_path) as engine:
        found = [row["n"] for row in engine.client.query_sql("d", "SELECT n FROM m ORDER BY n")]
        assert found == list(range(19))
        assert "what was committed before them is kept" in engine.logs
        write(engine.client, 100)


def test_a_second_engine_on_the_same_data_is_refused_in_one_line(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        with (
            pytest.raises(EngineDidNotStart) as refused,
            start_engine(tmp_path / "other", data_dir=tmp_path / "data"),
        ):
            pass
        status, *lines = str(refused.value).strip().splitlines()
        assert "exit status 1" in status
        assert len(lines) == 1
        assert lines[0].startswith("The engine cannot start: ")
        assert lines[0].endswith("is open in another process")
        engine.client.health()
