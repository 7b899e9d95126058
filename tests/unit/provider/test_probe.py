"""What the probe reports, and how incomplete reports are treated."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.errors import ProbeFailed
from influxdb3_engine_resources.server import on_server as server_plugins
from influxdb3_engine_resources.server import probe as probe_module
from influxdb3_engine_resources.server.host import sha256
from influxdb3_engine_resources.server.on_server import probe as probe_plugin

if TYPE_CHECKING:
    from pathlib import Path

    from fake_server import FakeServer


class _Empty(dict[str, str]):
    """An environment that nothing can be put into."""

    def __setitem__(self, name: str, value: str) -> None:
        del name, value

    def __delitem__(self, name: str) -> None:
        del name


@pytest.fixture
def elsewhere(server: FakeServer, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The server's Python has nothing that leads to the plugin directory."""
    run = server._dry_run

    def hidden(body: dict[str, Any]) -> httpx.Response:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("os.environ", _Empty())
            patch.chdir(tmp_path_factory.mktemp("elsewhere"))
            return run(body)

    monkeypatch.setattr(server, "_probe", hidden)


def test_the_probe_lists_all_that_is_installed_in_the_environment(server: FakeServer) -> None:
    report = server.engine().hosts[0].probe.ask(all_distributions=True)

    assert report.distributions["pytest"] is not None
    assert any(each.startswith("pluggy") for each in report.requires["pytest"])
    assert report.environment


@pytest.mark.usefixtures("elsewhere")
def test_a_plugin_directory_that_the_probe_cannot_find_comes_from_an_error_text(server: FakeServer) -> None:
    (server.plugin_directory / "a.py").write_text("x = 1")
    probe = server.engine().hosts[0].probe

    assert probe.hashes(["a.py", "b.py"]) == {"a.py": sha256("x = 1")}
    assert probe.plugin_directory == str(server.plugin_directory)


@pytest.mark.usefixtures("elsewhere")
def test_a_plugin_directory_that_another_thread_finds_meanwhile_is_kept(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (server.plugin_directory / "a.py").write_text("x = 1")
    probe = server.engine().hosts[0].probe
    run = server._probe

    def overtaken(body: dict[str, Any]) -> httpx.Response:
        if body.get("input_arguments", {}).get("question") == "{}":
            monkeypatch.setattr(server, "_probe", run)
            probe.hashes(["a.py"])
        return run(body)

    probe.hashes([])  # uploads the probe
    probe = server.engine().hosts[0].probe
    monkeypatch.setattr(server, "_probe", overtaken)

    assert probe.plugin_directory == str(server.plugin_directory)
    assert probe.hashes(["a.py"]) == {"a.py": sha256("x = 1")}


@pytest.mark.usefixtures("elsewhere")
def test_an_unknown_plugin_directory_does_not_count_as_empty(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_module.Probe, "directory_from_error", lambda _self: None)
    probe = server.engine().hosts[0].probe

    with pytest.raises(ProbeFailed, match="set INFLUXDB3_PLUGIN_DIR in the server's environment"):
        probe.ask(files=["a.py"])
    with pytest.raises(ProbeFailed, match="set INFLUXDB3_PLUGIN_DIR in the server's environment"):
        probe.hashes(["a.py"])
    assert probe.ask(distributions=["pytest"]).distributions["pytest"]


def test_a_broken_connection_does_not_count_as_a_server_without_dry_runs(server: FakeServer) -> None:
    server.failures["probe"] = [httpx.Response(503, text="busy")] * 4

    with pytest.raises(EngineApiError, match="busy"):
        server.engine().hosts[0].probe.hashes(["a.py"])


def test_a_server_without_dry_runs_is_asked_once(server: FakeServer) -> None:
    server.failures["probe"] = [httpx.Response(500, text="Plugin error: Node not configured with plugin directory")]
    probe = server.engine().hosts[0].probe

    for _ in range(20):
        with pytest.raises(ProbeFailed, match="not configured"):
            probe.hashes(["a.py"])
    assert [request.partition("_")[0] for request in server.requests] == ["write .pulumi/probe", "probe"]


def test_a_file_that_a_listing_leaves_out_is_asked_for(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (".hidden/a.py", "b.py", "c.py"):
        path = server.plugin_directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    probe = server.engine().hosts[0].probe
    assert probe.hashes([".hidden/a.py", "d.py"]) == {".hidden/a.py": sha256(".hidden/a.py")}


@pytest.mark.parametrize(("limit", "value"), [("MOST_LISTED", 1), ("LISTING_SECONDS", -1.0)])
def test_an_incomplete_listing_does_not_hide_files(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    for name in ("b.py", "c.py"):
        (server.plugin_directory / name).write_text(name)
    source = server_plugins.PROBE.source
    cut = re.sub(rf"^{limit} = .*$", f"{limit} = {value}", source, flags=re.MULTILINE)
    monkeypatch.setitem(server_plugins.PROBE.__dict__, "source", cut)

    full = server.engine().hosts[0].probe

    assert full.hashes(["b.py", "c.py", "d.py"]) == {"b.py": sha256("b.py"), "c.py": sha256("c.py")}


def test_invalid_file_names_are_left_out_of_a_listing(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x")
    with open(bytes(tmp_path) + b"/b\xff.py", "w") as odd:  # noqa: PTH123 - a name that is no text
        odd.write("x")

    listing, whole = probe_plugin._listing(tmp_path)

    assert list(listing) == ["a.py"]
    assert whole
    json.dumps(listing).encode()
