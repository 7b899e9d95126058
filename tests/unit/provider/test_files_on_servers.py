"""Finding the files of a server, with and without dry runs."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_api import CreateTrigger, ErrorBehavior, TriggerSettings, Unauthenticated
from influxdb3_engine_resources.errors import ProbeFailed
from influxdb3_engine_resources.plugins.drift import drift
from influxdb3_engine_resources.server.probe import Probe

if TYPE_CHECKING:
    from fake_server import FakeServer

NO_DRY_RUNS = httpx.Response(500, text="Plugin error: Node not configured with plugin directory")


def put(server: FakeServer, *names: str, content: str = "x = 1") -> None:
    for name in names:
        path = server.plugin_directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def run_by_a_trigger(server: FakeServer, name: str) -> None:
    server.triggers[name] = CreateTrigger(
        db="db",
        plugin_filename=name,
        trigger_name=name,
        trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
        trigger_specification="every:1h",
        disabled=False,
    ).model_dump(mode="json")


def probe(server: FakeServer) -> Probe:
    return server.engine().hosts[0].probe


def test_only_files_that_differ_are_drift(server: FakeServer) -> None:
    put(server, "same.py", "changed.py")

    found = drift(server.engine().hosts, {"same.py": "x = 1", "changed.py": "x = 2", "gone.py": "x = 3"}, {})

    assert found.files == {"changed.py": "x = 1", "gone.py": None}
    assert drift(server.engine().hosts, {"same.py": "x = 1"}, {}).files == {}


def test_without_dry_runs_every_file_that_a_trigger_runs_is_compared(server: FakeServer) -> None:
    server.failures["probe"] = [NO_DRY_RUNS]
    declared = dict.fromkeys(("nobody_runs.py", "same.py", "longer.py"), "x = 1")
    put(server, "same.py")
    put(server, "longer.py", content="x = 1000")
    for name in ("same.py", "longer.py"):
        run_by_a_trigger(server, name)

    found = drift(server.engine().hosts, declared, {})

    assert found.files == {"longer.py": "# changed by hand: 8 bytes; only a dry run could read them\n"}
    assert found.modified.keys() == {"same.py", "longer.py"}


def test_without_dry_runs_a_later_time_is_a_change(server: FakeServer) -> None:
    put(server, "t.py")
    run_by_a_trigger(server, "t.py")
    known = {"t.py": (server.plugin_directory / "t.py").stat().st_mtime_ns // 1_000_000}

    def compared(modified: dict[str, int]) -> set[str]:
        server.failures["probe"] = [NO_DRY_RUNS]
        return set(drift(server.engine().hosts, {"t.py": "x = 1"}, modified).files)

    assert compared({}) == compared(known) == set()
    assert compared({"t.py": known["t.py"] - 1}) == {"t.py"}


def test_names_below_a_directory_exclude_similar_directories(server: FakeServer) -> None:
    put(server, "d/a.py", "d/e/b.py", "d.py", "dd/c.py")

    assert sorted(probe(server).names_below("d")) == sorted(probe(server).names_below("d/")) == ["d/a.py", "d/e/b.py"]


@pytest.mark.parametrize(
    ("deleted", "left"), [("d", ["d.py", "dd/c.py"]), ("d/a.py", ["d.py", "d/e/b.py", "dd/c.py"]), ("none", None)]
)
def test_a_deleted_file_is_not_listed_any_more(server: FakeServer, deleted: str, left: list[str] | None) -> None:
    names = ["d.py", "d/a.py", "d/e/b.py", "dd/c.py"]
    put(server, *names)
    asked = probe(server)
    asked.hashes(names)

    asked.note(deleted, None)

    assert sorted(asked.hashes(names)) == (left or names)


def test_a_written_file_is_listed(server: FakeServer) -> None:
    asked = probe(server)
    assert asked.hashes(["./d/a.py"]) == {}

    asked.note("d/./a.py", "hash")

    assert asked.hashes(["./d/a.py"]) == {"./d/a.py": "hash"}


@pytest.mark.parametrize("name", [".hidden.py", "d/.hidden/a.py", "__pycache__/a.py", "d/__pycache__/a.py"])
def test_files_that_no_listing_has_are_found(server: FakeServer, name: str) -> None:
    put(server, name)

    assert probe(server).hashes([name]) == {name: hashlib.sha256(b"x = 1").hexdigest()}


def test_an_unknown_token_does_not_count_as_no_dry_runs(server: FakeServer) -> None:
    server.failures["probe"] = [httpx.Response(401, json={"error": "the request was not authenticated"})]

    with pytest.raises(Unauthenticated):
        probe(server).hashes(["a.py"])


def test_a_dry_run_without_log_lines_is_an_error(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_body: dict[str, Any]) -> httpx.Response:
        return httpx.Response(200, json={"log_lines": ["INFO: other"], "database_writes": {}, "errors": []})

    monkeypatch.setattr(server, "_probe", silent)

    with pytest.raises(ProbeFailed, match="dry runs on this server return no log lines"):
        probe(server).hashes(["a.py"])


def test_an_unknown_plugin_directory_is_an_error_with_the_remedy(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(_body: dict[str, Any]) -> httpx.Response:
        report = 'INFO: pulumi-probe {"plugin_directory": null}'
        return httpx.Response(200, json={"log_lines": [report], "database_writes": {}, "errors": []})

    monkeypatch.setattr(server, "_probe", elsewhere)
    monkeypatch.setattr(Probe, "directory_from_error", lambda _self: None)

    with pytest.raises(ProbeFailed, match="set INFLUXDB3_PLUGIN_DIR in the server's environment"):
        _ = probe(server).plugin_directory
