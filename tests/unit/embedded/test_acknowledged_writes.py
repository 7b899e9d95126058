"""A write is answered when its lines are on disk. Only ``no_sync`` is answered before (contract 5.3, 8.1)."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api import CreateTrigger, TriggerSettings, paths
from influxdb3_engine_api.wire import ErrorBehavior

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_embedded.testing import RunningEngine

PLUGIN = """
def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    line = LineBuilder("cpu").string_field("text", request_body.decode())
    how = query_parameters["how"]
    if how == "write":
        influxdb3_local.write(line)
    elif how == "write_to_db":
        influxdb3_local.write_to_db("d", line)
    elif "to_db" in how:
        influxdb3_local.write_sync_to_db("d", line, "no_sync" in how)
    else:
        influxdb3_local.write_sync(line, "no_sync" in how)
    return "told that it is written"
"""
TOO_LARGE = "x" * 2**20


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine with a database, and a plugin that writes the body of its request."""
    with start_engine(tmp_path_factory.mktemp("engine")) as running:
        running.client.create_database("d")
        running.client.create_plugin_file("plugin.py", PLUGIN)
        running.client.create_trigger(
            CreateTrigger(
                db="d",
                plugin_filename="plugin.py",
                trigger_name="t",
                trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
                trigger_specification="request:t",
                disabled=False,
            )
        )
        running.client.write_lp("d", 'cpu text="" 1')
        yield running


@contextmanager
def full_disk(engine: RunningEngine) -> Iterator[None]:
    """Let no file of the engine grow. The processes of plugins have their own limit."""
    files = (path for path in (engine.directory / "data").rglob("*") if path.is_file())
    largest = max(path.stat().st_size for path in files)
    resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(engine.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def call(engine: RunningEngine, how: str) -> httpx.Response:
    """Let the plugin write more than fits on the disk, and return its answer."""
    return httpx.post(f"{engine.url}{paths.engine('t')}", params={"how": how}, content=TOO_LARGE, timeout=30)


@pytest.mark.parametrize("how", ["write_sync", "write_sync_to_db"])
def test_a_synchronous_write_of_a_plugin_fails_if_its_lines_are_not_on_disk(engine: RunningEngine, how: str) -> None:
    with full_disk(engine):
        answer = call(engine, how)

    assert answer.status_code == 500
    assert "error writing line protocol to d: Cannot write" in answer.text
    assert "told" not in answer.text


@pytest.mark.parametrize("how", ["write_sync, no_sync", "write_sync_to_db, no_sync"])
def test_a_write_of_a_plugin_with_no_sync_does_not_wait_for_the_disk(engine: RunningEngine, how: str) -> None:
    with full_disk(engine):
        assert call(engine, how).text == "told that it is written"


@pytest.mark.parametrize("how", ["write", "write_to_db"])
def test_queued_lines_that_cannot_be_written_are_logged(engine: RunningEngine, how: str) -> None:
    before = len(engine.client.trigger_logs("d", "t"))
    with full_disk(engine):
        call(engine, how)

    errors = [row.log_text for row in engine.client.trigger_logs("d", "t")[before:] if row.log_level == "ERROR"]
    assert len(errors) == 1
    assert "error writing back lines to d: Cannot write" in errors[0]


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        (paths.WRITE_LP, {"db": "d"}, 500),
        (paths.WRITE_LP, {"db": "d", "accept_partial": "false"}, 500),
        (paths.WRITE_LP, {"db": "d", "no_sync": "false"}, 500),
        (paths.WRITE_LP, {"db": "d", "no_sync": "true"}, 204),
        (paths.WRITE_V2, {"bucket": "d"}, 500),
        (paths.WRITE_V1, {"db": "d"}, 500),
    ],
)
def test_a_write_of_a_client_fails_if_its_lines_are_not_on_disk(
    engine: RunningEngine, path: str, parameters: dict[str, str], status: int
) -> None:
    with full_disk(engine):
        answer = httpx.post(f"{engine.url}{path}", params=parameters, content=f'cpu text="{TOO_LARGE}"', timeout=30)

    assert answer.status_code == status
