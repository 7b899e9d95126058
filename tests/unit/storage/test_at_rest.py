"""Only the owner may read data, plugins and logs on disk, whatever the umask."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api import CreateTrigger, EngineClient, TriggerSettings
from influxdb3_engine_api.wire import ErrorBehavior

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRITES_A_FILE = """\
import os
def process_request(influxdb3_local, q, h, b, args=None):
    open(os.environ["PLUGIN_DIR"] + "/written", "w").close()
    return "done"
"""


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def open_to_others(directory: Path) -> list[str]:
    found = [directory, *directory.rglob("*")]
    return [str(path) for path in found if not path.is_symlink() and path.stat().st_mode & 0o077]


@pytest.mark.parametrize("mask", [0o000, 0o022])
def test_only_the_owner_may_read_what_the_engine_writes(tmp_path: Path, mask: int) -> None:
    with umask(mask), start_engine(tmp_path / "engine") as engine:
        engine.client.write_lp("d", "m n=1i")
        engine.client.create_plugin_file("deep/er/p.py", "x = 1")
        assert open_to_others(tmp_path / "engine" / "data") == []
        assert open_to_others(tmp_path / "engine" / "plugins" / "deep") == []
        assert (tmp_path / "engine" / "plugins").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "engine" / "plugins" / ".venv").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "engine" / "engine.log").stat().st_mode & 0o777 == 0o600


def test_a_start_removes_rights_of_others(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        engine.client.write_lp("d", "m n=1i")
        engine.client.create_plugin_file("p.py", "x = 1")
    data = tmp_path / "data"
    for path in (data, *data.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    outside = tmp_path / "outside"
    outside.write_text("")
    outside.chmod(0o644)
    (data / "node0" / "link").symlink_to(outside)
    (tmp_path / "plugins" / "p.py").chmod(0o644)
    (tmp_path / "plugins" / ".venv" / "pip.conf").write_text("")
    with start_engine(tmp_path) as engine:
        assert open_to_others(data) == []
        assert outside.stat().st_mode & 0o777 == 0o644
        engine.client.create_plugin_file("p.py", "x = 2")
        assert (tmp_path / "plugins" / "p.py").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "plugins" / ".venv" / "pip.conf").stat().st_mode & 0o777 == 0o600
        assert engine.client.query_sql("d", "SELECT n FROM m") == [{"n": 1}]


def test_a_data_directory_with_other_content_keeps_its_rights(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with start_engine(tmp_path, data_dir=tmp_path):
        assert tmp_path.stat().st_mode & 0o777 == 0o755
        assert open_to_others(tmp_path / "node0") == []


def test_plugins_have_the_umask_of_the_process_that_started_the_engine(tmp_path: Path) -> None:
    with umask(0o027), start_engine(tmp_path, object_store="memory") as engine:
        engine.client.create_database("d")
        engine.client.create_plugin_file("p.py", WRITES_A_FILE)
        create_request_trigger(engine.client)
        engine.client.call_request_trigger("p")
    assert (tmp_path / "plugins" / "written").stat().st_mode & 0o777 == 0o640


def create_request_trigger(client: EngineClient) -> None:
    client.create_trigger(
        CreateTrigger(
            db="d",
            plugin_filename="p.py",
            trigger_name="p",
            trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
            trigger_specification="request:p",
            disabled=False,
        )
    )
