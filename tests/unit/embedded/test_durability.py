"""Acknowledged changes survive ``kill -9``, and only one engine can use a data directory."""

from __future__ import annotations

import resource
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from influxdb3_embedded.testing import EngineDidNotStart, start_engine
from influxdb3_engine_api import (
    AnswerLost,
    CreateTrigger,
    EngineClient,
    EngineUnreachable,
    ServerError,
    TriggerSettings,
    paths,
)
from influxdb3_engine_api.wire import ErrorBehavior

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"


def trigger(name: str) -> CreateTrigger:
    return CreateTrigger(
        db="d",
        plugin_filename="plugin.py",
        trigger_name=name,
        trigger_settings=TriggerSettings(run_async=True, error_behavior=ErrorBehavior.RETRY),
        trigger_specification="every:1h",
        trigger_arguments={"k": "v"},
        disabled=False,
    )


def test_configuration_and_rows_survive_a_kill(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        client = engine.client
        client.create_database("d", "30d")
        client.create_database("gone")
        client.delete_database("gone")
        client.create_plugin_file("plugin.py", PLUGIN)
        for name in ("a", "b", "c"):
            client.create_trigger(trigger(name))
        client.disable_trigger("d", "b")
        client.delete_trigger("d", "c", force=True)
        client.write_lp("d", "cpu,host=a v=1")
        cluster = httpx.get(f"{engine.url}/health").headers["cluster-uuid"]
        before = client.triggers("d"), client.trigger_arguments("d"), client.databases()
        engine.kill()
    with start_engine(tmp_path) as engine:
        client = engine.client
        assert (client.triggers("d"), client.trigger_arguments("d"), client.databases()) == before
        assert [(row.trigger_name, row.disabled) for row in client.triggers("d")] == [("a", False), ("b", True)]
        assert client.query_sql("d", "SELECT host, v FROM cpu") == [{"host": "a", "v": 1.0}]
        assert httpx.get(f"{engine.url}/health").headers["cluster-uuid"] == cluster


def test_every_acknowledged_trigger_survives_a_kill_during_changes(tmp_path: Path) -> None:
    acknowledged: list[str] = []
    with start_engine(tmp_path) as engine:
        engine.client.create_database("d")
        engine.client.create_plugin_file("plugin.py", PLUGIN)
        enough = threading.Event()

        def create() -> None:
            for number in range(10_000):
                try:
                    engine.client.create_trigger(trigger(f"t{number}"))
                except (AnswerLost, EngineUnreachable, RuntimeError):
                    return
                acknowledged.append(f"t{number}")
                if number == 20:
                    enough.set()

        changes = threading.Thread(target=create)
        changes.start()
        assert enough.wait(20)
        engine.process.kill()
        changes.join()
    with start_engine(tmp_path) as engine:
        found = [row.trigger_name for row in engine.client.triggers("d")]
    assert found[: len(acknowledged)] == acknowledged
    # the trigger whose answer was lost may exist
    assert len(found) - len(acknowledged) in (0, 1)


def test_tokens_survive_a_kill(tmp_path: Path) -> None:
    with start_engine(tmp_path, without_auth=False) as engine:
        token = httpx.post(f"{engine.url}{paths.TOKEN_ADMIN}").json()["token"]
        engine.kill()
    with start_engine(tmp_path, without_auth=False) as engine:
        headers = {"authorization": f"Bearer {token}"}
        assert httpx.get(f"{engine.url}/ping", headers=headers).status_code == 200
        assert httpx.post(f"{engine.url}{paths.TOKEN_ADMIN}").status_code == 409


def test_a_second_engine_with_the_same_data_directory_does_not_start(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        other = tmp_path / "other"
        with (
            pytest.raises(EngineDidNotStart, match="The engine cannot start"),
            start_engine(other, data_dir=tmp_path / "data"),
        ):
            pass
        engine.client.health()


def test_an_engine_in_memory_stores_nothing(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory") as engine:
        engine.client.create_database("d")
    with start_engine(tmp_path, object_store="memory") as engine:
        assert engine.client.databases() == ["_internal"]
    assert not (tmp_path / "data").exists()


def create_databases(client: EngineClient, count: int) -> None:
    for number in range(count):
        client.create_database(f"d{number}")


def test_a_full_disk_is_an_error_and_no_change_is_incomplete(tmp_path: Path) -> None:
    with start_engine(tmp_path) as engine:
        client = engine.client
        client.create_database("before")
        client.write_lp("before", "cpu v=1i 1")
        largest = max(path.stat().st_size for path in (tmp_path / "data").rglob("*") if path.is_file())
        resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
        with pytest.raises(ServerError, match="catalog internal error: "):
            create_databases(client, 1_000)
        created = client.databases()
        with pytest.raises(ServerError):
            client.write_lp("before", f'cpu text="{"x" * largest}" 2')
        resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        client.create_database("after")
        client.write_lp("before", "cpu v=3i 3")
        engine.kill()
    with start_engine(tmp_path) as engine:
        assert engine.client.databases() == sorted([*created, "after"])
        assert engine.client.query_sql("before", "SELECT v FROM cpu ORDER BY v") == [{"v": 1}, {"v": 3}]
