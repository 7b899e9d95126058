"""A full disk, torn files, and a data directory that another engine uses."""

from __future__ import annotations

import os
import resource
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import httpx
import pytest
from scenes import RECORD, create, seen, wait_until, write

from influxdb3_embedded.testing import EngineDidNotStart, start_engine
from influxdb3_engine_api import AnswerError, BadRequest, paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine
    from influxdb3_engine_api import EngineClient

DISK_SIZE = 8 << 20
MOUNT = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "tmpfs"]
PLUGIN = "def process_scheduled_call(influxdb3_local, call_time, args=None):\n    pass\n"


class MountedDisk:
    """A file system of a few megabytes."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._filler = place / "filler"

    def fill(self, engine: RunningEngine, *, leave: int) -> None:
        """Fill the disk, except for some bytes."""
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
    """What a user without root's rights has in place of a mounted disk: a limit on the size of files."""

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
    with mounted(tmp_path / "disk") as place:
        if place is None:
            yield LimitedFiles(tmp_path / "disk")
        else:
            yield MountedDisk(place)


@pytest.fixture
def small_mount(tmp_path: Path) -> Iterator[Path]:
    """A mounted file system. Only root can mount one."""
    with mounted(tmp_path / "disk") as place:
        if place is None:
            pytest.skip("no rights to mount a file system")
        yield place


@contextmanager
def mounted(place: Path) -> Iterator[Path | None]:
    """Mount a file system while the context lasts. Yields None if this user cannot mount one."""
    place.mkdir()
    if os.geteuid() or subprocess.run([*MOUNT, str(place)], check=False, capture_output=True).returncode:
        yield None
        return
    yield place
    # An engine's worker processes end a moment after the engine, and keep the file system busy until then.
    wait_until(lambda: subprocess.run(["umount", str(place)], check=False).returncode == 0)


def refusal(tmp_path: Path, data: Path) -> str:
    """Return the line that an engine prints if it cannot start."""
    with (
        pytest.raises(EngineDidNotStart) as refused,
        start_engine(tmp_path / "refused", data_dir=data, plugin_dir=tmp_path / "plugins"),
    ):
        pass
    status, *lines = str(refused.value).strip().splitlines()
    assert "exit status 1" in status
    (line,) = lines
    assert line.isprintable()
    return line.removeprefix("The engine cannot start: ")


def fill(place: Path) -> None:
    with suppress(OSError), (place / "filler").open("wb", buffering=0) as file:
        while file.write(b"x" * 1024):
            pass


def create_many(client: EngineClient, created: list[str]) -> None:
    for number in range(10_000):
        create(client, f"t{number}", "p.py", "every:1h", note="x" * 2000)
        created.append(f"t{number}")


def test_a_full_disk_is_an_error_in_json_and_acknowledged_changes_survive(
    small_disk: MountedDisk | LimitedFiles,
) -> None:
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
        # a write waits while another write finds the disk full
        with httpx.Client(base_url=engine.url, timeout=60) as http:
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


def test_the_change_that_fills_the_disk_is_refused_and_all_others_survive(
    small_disk: MountedDisk | LimitedFiles,
) -> None:
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


def test_a_torn_log_keeps_what_is_whole(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("before", ["nothing", "an empty directory", "data"])
def test_a_start_on_a_full_disk_names_the_path(small_mount: Path, tmp_path: Path, before: str) -> None:
    data = small_mount / "data"
    if before == "data":
        with start_engine(tmp_path / "engine", data_dir=data) as engine:
            engine.client.write_lp("d", "m n=1i")
    elif before == "an empty directory":
        data.mkdir()
    fill(small_mount)
    error = refusal(tmp_path, data)
    assert error.startswith(str(data))
    assert "full" in error or "0 bytes are free" in error or "No space left" in error
    (small_mount / "filler").unlink()
    with start_engine(tmp_path / "engine", data_dir=data) as engine:
        engine.client.health()
        if before == "data":
            assert engine.client.query_sql("d", "SELECT n FROM m") == [{"n": 1}]


def test_a_full_disk_of_plugins_stops_plugins_only_and_an_error_names_the_path(
    small_mount: Path, tmp_path: Path
) -> None:
    plugins = small_mount / "plugins"
    plugins.mkdir()
    fill(small_mount)
    with start_engine(tmp_path / "engine", plugin_dir=plugins) as engine:
        engine.client.write_lp("d", "m n=1i")
        wait_until(lambda: f"{plugins}/.venv: No space left on device" in engine.logs)
        with pytest.raises(BadRequest, match=f"cannot be changed: {plugins}/.venv: No space left on device"):
            engine.client.install_packages(["x"])
        assert "Traceback" not in engine.logs


def test_an_error_names_a_ready_file_on_a_full_disk(small_mount: Path, tmp_path: Path) -> None:
    fill(small_mount)
    with (
        pytest.raises(EngineDidNotStart, match=f"cannot start: {small_mount}/ready: No space left on device"),
        start_engine(tmp_path / "engine", object_store="memory", ready_file=small_mount / "ready"),
    ):
        pass


@pytest.mark.parametrize("before", ["nothing", "data"])
def test_a_start_on_a_read_only_file_system_names_the_path(small_mount: Path, tmp_path: Path, before: str) -> None:
    data = small_mount / "data"
    if before == "data":
        with start_engine(tmp_path / "engine", data_dir=data):
            pass
    subprocess.run(["mount", "-o", "remount,ro", str(small_mount)], check=True)
    error = refusal(tmp_path, data)
    assert error.startswith(str(data))
    assert "ead-only" in error


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_start_in_a_directory_without_rights_names_the_path(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir(mode=0o500)
    assert refusal(tmp_path, tmp_path / "mine" / "data") == f"{tmp_path}/mine/data: Permission denied"


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("data", "data: is a file, not a directory"),
        ("data/node0", "data/node0: is a file, not a directory"),
        ("data/node0/storage", "data/node0/storage: is a file, not a directory"),
        ("data/node0/catalog.sqlite", "data/node0/catalog.sqlite: file is not a database"),
        ("data/node0/storage/storage.sqlite", "data/node0/storage/storage.sqlite: file is not a database"),
        ("plugins", "plugins: is a file, not a directory"),
    ],
)
def test_a_start_with_a_wrong_file_in_the_data_names_the_path(tmp_path: Path, file: str, reason: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("something else, and long enough to be read as a header\n" * 100)
    error = refusal(tmp_path, tmp_path / "data")
    assert error == f"{tmp_path}/{reason}"


def test_control_characters_of_a_path_are_escaped(tmp_path: Path) -> None:
    place = tmp_path / "a\nlevel=error\x1b[31m\u202e"
    place.write_text("")
    assert r"a\nlevel=error\x1b[31m\u202e" in refusal(tmp_path, place)
